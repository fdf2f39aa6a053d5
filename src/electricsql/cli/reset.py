"""`electric reset`: an environment starts anew."""

from pathlib import Path

import click

from electricsql.cli.api import Api
from electricsql.cli.confirming import confirm
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand


@click.command(cls=ElectricCommand)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def reset(env: str | None, *, yes: bool) -> None:
    """Delete and re-create an environment's database. All its data is gone.

    Devices are told, keep a copy of their file, and start over.

    \b
    Example:
      electric reset --env staging
    """
    project = find_project(Path.cwd())
    env = project.env_name(env)
    app = project.config.app
    if not yes:
        deed = f"This deletes all data of {app}/{env} in Postgres, for everybody."
        confirm(deed, "environment's name", env)
    Api(project.service(env)).environment(app, env).reset()
    click.echo(f"Reset {app}/{env}. `electric sync` applies the migrations again.")
