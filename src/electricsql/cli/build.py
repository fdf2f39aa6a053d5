"""`electric build`: parse, check and compile the migrations; write what an app ships."""

from pathlib import Path

import click

from electricsql.cli.shell import ElectricCommand


@click.command(cls=ElectricCommand)
@click.option("--env", metavar="ENV", help="The environment whose bundle is written.")
@click.option("--postgres", is_flag=True, help="Write postgres.sql beside each migration.sql.")
@click.option("--satellite", is_flag=True, help="Write satellite.sql, which devices run.")
def build(env: str | None, postgres: bool, satellite: bool) -> None:
    """Compile all migrations; write the manifest and the bundle.

    \b
    Example:
      electric build --postgres
    """
    from electricsql.cli.building import compiled, readable  # noqa: PLC0415
    from electricsql.cli.outputs import write_outputs  # noqa: PLC0415
    from electricsql.cli.project import find_project  # noqa: PLC0415
    from electricsql.migrations import LOCAL_ENV, bundled, make_bundle  # noqa: PLC0415

    project = find_project(Path.cwd())
    env = project.env_name(env)
    built = compiled(project)
    bundle = make_bundle(project.config.app, LOCAL_ENV, map(bundled, built.migrations))
    written = write_outputs(
        project, env, bundle, readable(project, built, postgres=postgres, satellite=satellite)
    )
    count = len(built.migrations)
    click.echo(f"Built {count} migration{'' if count == 1 else 's'} into {written}")
