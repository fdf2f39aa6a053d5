"""`electric init`: a folder becomes an app's."""

from pathlib import Path

import click

from electricsql.cli.project import (
    DEFAULT_ENV,
    DEFAULT_MIGRATIONS_DIR,
    DEFAULT_OUTPUT_DIR,
    DEFAULT_SERVICE,
    FILE,
    Config,
    Environment,
    Project,
    checked_name,
    checked_service,
)
from electricsql.cli.shell import ElectricCommand
from electricsql.errors import ProjectError


@click.command(cls=ElectricCommand)
@click.argument("app")
@click.option("--env", default=DEFAULT_ENV, show_default=True, help="The first environment.")
@click.option("--service", default=DEFAULT_SERVICE, show_default=True, help="Its service's URL.")
@click.option("--migrations-dir", default=DEFAULT_MIGRATIONS_DIR, show_default=True, metavar="DIR")
@click.option("--output-dir", default=DEFAULT_OUTPUT_DIR, show_default=True, metavar="DIR")
def init(app: str, *, env: str, service: str, migrations_dir: str, output_dir: str) -> None:
    """Make this folder an app's: write electric.json and migrations/.

    \b
    electric.json looks like this; folders are relative to it:
      {"app": "notes", "defaultEnv": "default",
       "migrationsDir": "migrations", "outputDir": ".electric",
       "environments": {"default": {"service": "http://127.0.0.1:5133"}}}

    \b
    Example:
      electric init notes
    """
    environment = Environment(checked_service(service))
    config = Config(
        app=checked_name("app", app),
        environments={checked_name("environment", env): environment},
        default_env=env,
        migrations_dir=migrations_dir,
        output_dir=output_dir,
    )
    project = Project(Path.cwd(), config)
    if project.file.exists():
        raise ProjectError(
            "already-initialised",
            f"There is an {FILE} in {project.folder} already.",
            "Change it with `electric config`, or choose another folder.",
        )
    _make_folder(project.migrations)
    project.write()
    click.echo(f"Initialised {app} in {project.folder}")
    click.echo('Next: electric migrations new "what it adds"')


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(
            "cannot-write",
            f"{folder} can't be made: {error.strerror}.",
            "See to the folder's rights, or choose another one.",
        ) from None
