"""`electric init`: a folder becomes an app's."""

from pathlib import Path
from typing import TypedDict, Unpack

import click

from electricsql.adopting import Draft
from electricsql.cli.adopting import (
    mark_postgres,
    migration_file,
    read_postgres,
    read_sqlite,
    report,
)
from electricsql.cli.api import Api
from electricsql.cli.files import write_together
from electricsql.cli.output import counted
from electricsql.cli.outputs import deployed_bundle, write_outputs
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
from electricsql.errors import ProjectError, UsageError
from electricsql.migrations import read_folder


class _Options(TypedDict):
    """The options that are the same for every beginning, and those that choose one."""

    migrations_dir: str
    output_dir: str
    sync_down: bool
    from_sqlite: Path | None
    from_postgres: str | None


@click.command(cls=ElectricCommand)
@click.argument("app")
@click.option("--env", default=DEFAULT_ENV, show_default=True, help="The first environment.")
@click.option("--service", default=DEFAULT_SERVICE, show_default=True, help="Its service's URL.")
@click.option("--migrations-dir", default=DEFAULT_MIGRATIONS_DIR, show_default=True, metavar="DIR")
@click.option("--output-dir", default=DEFAULT_OUTPUT_DIR, show_default=True, metavar="DIR")
@click.option("--sync-down", is_flag=True, help="Start from the migrations that the service has.")
@click.option(
    "--from-sqlite",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the first migration from this file's tables.",
)
@click.option(
    "--from-postgres",
    metavar="URL",
    help="Write it from the tables of this database, which becomes the environment's.",
)
def init(app: str, *, env: str, service: str, **options: Unpack[_Options]) -> None:
    """Make this folder an app's: write electric.json and migrations/.

    \b
    electric.json looks like this; folders are relative to it:
      {"app": "notes", "defaultEnv": "default",
       "migrationsDir": "migrations", "outputDir": ".electric",
       "environments": {"default": {"service": "http://127.0.0.1:5133"}}}

    --from-sqlite and --from-postgres start from tables that are there: the first migration is
    written from them, with what could not come along as it is (docs/adopting.md). A database is
    marked as the environment's by a comment; `electric sync` then adopts its tables in place.

    \b
    Example:
      electric init notes
      electric init music --from-sqlite chinook.sqlite
      electric init shop --from-postgres postgresql://me:secret@db.example.com/shop
    """
    _refuse_several(options)
    environment = Environment(checked_service(service))
    config = Config(
        app=checked_name("app", app),
        environments={checked_name("environment", env): environment},
        default_env=env,
        migrations_dir=options["migrations_dir"],
        output_dir=options["output_dir"],
    )
    project = Project(Path.cwd(), config)
    if project.file.exists():
        raise ProjectError(
            "already-initialised",
            f"There is an {FILE} in {project.folder} already.",
            "Change it with `electric config`, or choose another folder.",
        )
    if options["from_sqlite"]:
        _begin_with(project, read_sqlite(options["from_sqlite"]))
    elif options["from_postgres"]:
        _begin_with(project, read_postgres(options["from_postgres"]))
        mark_postgres(options["from_postgres"], app, env)
        click.echo(
            f"The database is that of {app}/{env} now: before `electric sync`, run"
            " `electric start --database-url` with the same URL."
        )
    elif options["sync_down"]:
        _fetch(project, env)
        project.write()
        click.echo(f"Initialised {app} in {project.folder}")
    else:
        _make_folder(project.migrations)
        project.write()
        click.echo(f"Initialised {app} in {project.folder}")
        click.echo('Next: electric migrations new "what it adds"')


def _refuse_several(options: _Options) -> None:
    beginnings = (options["sync_down"], options["from_sqlite"], options["from_postgres"])
    if sum(map(bool, beginnings)) > 1:
        raise UsageError(
            "one-beginning",
            "--sync-down, --from-sqlite and --from-postgres each say where to begin.",
            "Give one of them.",
        )


def _begin_with(project: Project, draft: Draft) -> None:
    """Write the draft as the app's first migration, and say what there is to know of it."""
    files = migration_file(project, draft)
    write_together(files)
    project.write()
    click.echo(f"Initialised {project.config.app} in {project.folder}")
    (path,) = files
    report(draft, path)


def _fetch(project: Project, env: str) -> None:
    """Write the environment's migrations, and the bundle made from them.

    Raises:
        ServiceError: the service can't be reached, or has no such environment.
        ProjectError: `migrations-present`, `cannot-write`.
    """
    if project.migrations.exists() and read_folder(project.migrations):
        raise ProjectError(
            "migrations-present",
            f"There are migrations in {project.migrations} already.",
            "Initialise without --sync-down, then see `electric migrations list`.",
        )
    api = Api(project.service(env)).environment(project.config.app, env)
    details = [api.migration(each.name) for each in api.migrations()]
    bundle = deployed_bundle(api)
    sources = {project.migration_file(each.name): each.source for each in details}
    write_outputs(project, env, bundle, sources)
    click.echo(f"Fetched {counted(len(details), 'migration')}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(
            "cannot-write",
            f"{folder} can't be made: {error.strerror}.",
            "See to the folder's rights, or choose another one.",
        ) from None
