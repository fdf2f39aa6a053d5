"""`electric start`: the service, in the foreground."""

from pathlib import Path
from urllib.parse import urlsplit

import click

from electricsql.cli.shell import ElectricCommand
from electricsql.errors import UsageError
from electricsql.service import Settings

_DEFAULTS = Settings()
_POSTGRES = ("postgresql", "postgres")


@click.command(cls=ElectricCommand)
@click.option("--host", default=_DEFAULTS.host, show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULTS.port,
    show_default=True,
    help="0 is any free one.",
)
@click.option(
    "--database-url",
    envvar="ELECTRIC_DATABASE_URL",
    show_envvar=True,
    metavar="URL",
    help="A Postgres that is there already; without it one is started and looked after.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where keys and the embedded Postgres live.",
)
def start(*, host: str, port: int, database_url: str | None, data_dir: Path | None) -> None:
    """Run the service until Ctrl-C or SIGTERM.

    \b
    Example:
      electric start --database-url postgresql://me:secret@db.example.com/postgres
    """
    if database_url is not None and not _is_postgres(database_url):
        raise UsageError(
            "bad-database-url",
            "The database URL is not one of Postgres.",
            "Give one like postgresql://user:password@host:5432/postgres.",
        )
    from electricsql.service.server import Running, run  # noqa: PLC0415 (half a second)

    def ready(running: Running) -> None:
        where = "your Postgres" if database_url else "a Postgres of its own"
        click.echo(f"Electric answers at {running.url}, on {where}. Ctrl-C ends it.")

    data = {} if data_dir is None else {"data_dir": data_dir}
    run(Settings(host, port, database_url, **data), ready)


def _is_postgres(url: str) -> bool:
    """Whether this is a URL of Postgres, of one host or of several (`a:1,b:2`)."""
    try:
        parts = urlsplit(url)
        return parts.scheme in _POSTGRES and ("," in parts.netloc or parts.port != 0)
    except ValueError:
        return False
