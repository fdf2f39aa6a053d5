"""`electric replicate`: one SQLite file kept in sync from outside the app that uses it."""

import os
import re
import signal
import threading
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from electricsql.cli.credentials import credential_for
from electricsql.cli.outputs import bundle_folder
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.device import Migrated, Rejected, Status, electrify
from electricsql.device.opening import TOKEN_VARIABLE
from electricsql.errors import UsageError
from electricsql.migrations import Bundle, make_bundle, read_bundle

_STREAM: Final = re.compile(r".*/ws/(?P<app>[^/]+)/(?P<env>[^/]+)")
_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


@click.command(cls=ElectricCommand)
@click.argument("db", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--url", metavar="URL", help="The device stream; by default that of the bundle.")
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option(
    "--token",
    envvar=TOKEN_VARIABLE,
    show_envvar=True,
    metavar="JWT",
    help="The device's token; by default what `electric auth` says.",
)
@click.option("--once", is_flag=True, help="End when the file and the hub are in sync.")
def replicate(db: Path, url: str | None, env: str | None, token: str | None, *, once: bool) -> None:
    """Keep the SQLite file DB in sync, for an app in any language.

    Run in the app's folder it takes the bundle that `electric sync` wrote there; with --url it
    works anywhere, and the schema comes with the data.

    \b
    Example:
      electric replicate notes.db
      electric replicate notes.db --url ws://127.0.0.1:5133/ws/notes/default --once
    """
    bundle = bundle_at(url, env)
    if token is None:
        token = own_token(url or bundle.service or "")
    with electrify(db, bundle, url, token) as database:
        if once:
            database.sync(timeout=None)
            click.echo(f"{db} is in sync with {bundle.app}/{bundle.env}.")
            return
        database.on_status(_Narrator(db).tell)
        database.on_migration(_tell_migration)
        database.on_rejected(_tell_rejection)
        _wait_for_the_end()


class _Narrator:
    """Says when the connection comes and goes, and nothing twice."""

    def __init__(self, db: Path) -> None:
        self._db = db
        self._said = ""

    def tell(self, status: Status) -> None:
        if status.connected:
            said = f"{self._db} is connected."
        elif status.last_error is not None:
            said = f"{status.last_error.problem} {status.last_error.remedy}"
        else:
            return
        if said != self._said:
            self._said = said
            click.echo(said, err=not status.connected)


def _tell_migration(migrated: Migrated) -> None:
    click.echo(f"Migrated to {', '.join(migrated.names)}.")


def _tell_rejection(rejected: Rejected) -> None:
    click.echo(
        f"Transaction {rejected.number} was refused: {rejected.message} [{rejected.code}]", err=True
    )


def _wait_for_the_end() -> None:
    ended = threading.Event()
    for number in _ENDS:
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


def bundle_at(url: str | None, env: str | None) -> Bundle:
    """The bundle of the app whose folder we are in; an empty one of that which a URL names.

    Raises:
        UsageError: `bad-url`.
    """
    if url is not None:
        return _bundle_from(url)
    project = find_project(Path.cwd())
    return read_bundle(bundle_folder(project, project.env_name(env)))


def _bundle_from(url: str) -> Bundle:
    named = _STREAM.fullmatch(urlsplit(url).path)
    if named is None:
        raise UsageError(
            "bad-url",
            f"{url!r} is not the URL of a device stream.",
            "It looks like ws://127.0.0.1:5133/ws/<app>/<env>.",
        )
    return make_bundle(named["app"], named["env"], ())


def own_token(url: str) -> str | None:
    """What opens a device stream where nobody has given a token."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    credential = credential_for(f"{scheme}://{parts.netloc}")
    return credential.secret if credential else os.environ.get(TOKEN_VARIABLE)
