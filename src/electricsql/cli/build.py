"""`electric build`: parse, check and compile the migrations; write what an app ships."""

from pathlib import Path

import click

from electricsql.cli.building import compiled, readable
from electricsql.cli.changes import changes_of
from electricsql.cli.checking import built_before
from electricsql.cli.output import counted
from electricsql.cli.outputs import write_outputs
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.migrations import LOCAL_ENV, bundled, make_bundle


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
    project = find_project(Path.cwd())
    env = project.env_name(env)
    built = compiled(project, env, ask=False)
    known = built_before(project, (each.source for each in built.migrations))
    bundle = make_bundle(project.config.app, LOCAL_ENV, map(bundled, built.migrations))
    written = write_outputs(
        project, env, bundle, readable(project, built, postgres=postgres, satellite=satellite)
    )
    for migration in built.migrations:
        if migration.source.name not in known and (lines := changes_of(migration)):
            click.echo(lines)
    click.echo(f"Built {counted(len(built.migrations), 'migration')} into {written}")
