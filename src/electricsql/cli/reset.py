"""`electric reset`: an environment starts anew."""

import sys
from pathlib import Path

import click

from electricsql.cli.api import Api
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.errors import UsageError


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
        _ask(app, env)
    Api(project.service(env)).environment(app, env).reset()
    click.echo(f"Reset {app}/{env}. `electric sync` applies the migrations again.")


def _ask(app: str, env: str) -> None:
    """Have the environment's name typed.

    Raises:
        UsageError: `not-confirmed`, `not-a-terminal`.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "not-a-terminal",
            f"A reset deletes all data of {app}/{env}, and nobody is here to confirm it.",
            "Give --yes if that is what you want.",
        )
    click.echo(f"This deletes all data of {app}/{env} in Postgres, for everybody.", err=True)
    typed = click.prompt("Type the environment's name to go on", default="", show_default=False)
    if typed != env:
        raise UsageError(
            "not-confirmed",
            f"{typed!r} is not {env!r}: nothing was deleted.",
            "Run the command again, and type the name of the environment.",
        )
