"""A Postgres that is put back to an older backup while devices are out there: without anyone's
action it gets back what it has lost and some device has, and all end equal."""

import asyncio
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import asyncpg
import pytest

from electricsql import Database, ElectricError, electrify
from electricsql.embedded import EmbeddedPostgres, find_binaries
from tests.integration.whole.processes import PATIENCE_S, App, Service, make_app

TABLES = """
-- @unique lists.name on-conflict=quarantine
CREATE TABLE lists (id TEXT PRIMARY KEY NOT NULL, name TEXT UNIQUE);
CREATE TABLE notes (
    id TEXT PRIMARY KEY NOT NULL,
    list TEXT REFERENCES lists (id),
    parent TEXT REFERENCES notes (id),
    body TEXT,
    done BOOLEAN NOT NULL DEFAULT FALSE
);
"""
NAMES = ("lists", "notes")
Rows = list[tuple[Any, ...]]
pytestmark = pytest.mark.timeout(900)
Told = TypeVar("Told")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Stage:
    """A Postgres of its own with its backups, a service, an app, and devices."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.postgres = EmbeddedPostgres(folder / "postgres", settings={"fsync": "off"})
        stack.enter_context(self.postgres)
        home = folder / "service"
        home.mkdir()
        self.service = Service(home, self.postgres.url)
        stack.callback(self.service.stop)
        self.service.start()
        self.app: App = make_app(folder / "app", self.service, "notes")
        self.app.migrate("tables", TABLES)
        self.url = self.app.database_url()

    def device(self, name: str) -> Database:
        database = electrify(self.folder / f"{name}.db", self.app.bundle, token=self.app.token)
        return self._stack.enter_context(closing(database))

    def direct(self, *statements: str, url: str = "") -> None:
        """Write to Postgres directly."""

        async def act(connection: "Connection") -> None:
            for statement in statements:
                await connection.execute(statement)

        self._ask(act, url)

    def hub(self) -> dict[str, Rows]:
        """What Postgres has, at one moment."""

        async def act(connection: "Connection") -> dict[str, Rows]:
            async with connection.transaction(isolation="repeatable_read"):
                return {
                    name: list(
                        map(tuple, await connection.fetch(f"SELECT * FROM {name} ORDER BY 1"))
                    )
                    for name in NAMES
                }

        return self._ask(act)

    def _ask(self, act: Callable[["Connection"], Awaitable[Told]], url: str = "") -> Told:
        async def connected() -> Told:
            connection = await asyncpg.connect(url or self.url)
            try:
                return await act(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())

    def back_up(self) -> None:
        """Copy the cluster's files."""
        self.postgres.stop()
        shutil.copytree(self.folder / "postgres" / "cluster", self.folder / "backup")
        self.postgres.start()

    def put_back(self) -> None:
        self.postgres.stop()
        shutil.rmtree(self.folder / "postgres" / "cluster")
        shutil.copytree(self.folder / "backup", self.folder / "postgres" / "cluster")
        (self.folder / "postgres" / "cluster").chmod(0o700)
        self.postgres.start()

    def dump(self) -> None:
        """Dump the environment's database."""
        self._run(
            "pg_dump", "--create", "--format=custom", f"--file={self.folder / 'dump'}", self.url
        )

    def restore(self) -> None:
        """Put the environment's database back to the dump, in the same cluster."""
        name = self.url.rpartition("/")[2]
        self.direct(f'DROP DATABASE "{name}" WITH (FORCE)', url=self.postgres.url)
        self._restore()

    def restore_elsewhere(self) -> None:
        """Restore the dump in a new cluster, which has given out hardly any transaction ids."""
        self.postgres.stop()
        shutil.rmtree(self.folder / "postgres" / "cluster")
        self.postgres.start()
        self.service.database_url = self.postgres.url
        name = self.url.rpartition("/")[2]
        self.url = f"{self.postgres.url.rpartition('/')[0]}/{name}"
        self._restore()

    def _restore(self) -> None:
        dump = str(self.folder / "dump")
        self._run("pg_restore", "--create", f"--dbname={self.postgres.url}", dump)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([find_binaries() / program, *arguments], check=True)

    def agree(self, *devices: Database) -> dict[str, Rows]:
        """Wait until Postgres and the devices have the same; gives what that is."""
        until = time.monotonic() + 5 * PATIENCE_S
        while True:
            for device in devices:
                with suppress(ElectricError):
                    device.sync(timeout=10)
            here = [shown(device) for device in devices]
            hub = self.hub()
            unsent = [device.status.pending for device in devices]
            if all(each == hub for each in here) and not any(unsent):
                return hub
            assert time.monotonic() < until, (hub, here, unsent)


def shown(device: Database) -> dict[str, Rows]:
    """What a device has, at one moment."""
    with device.transaction():
        return {
            name: list(map(tuple, device.execute(f"SELECT * FROM {name} ORDER BY 1")))
            for name in NAMES
        }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


MANY_IDS = (
    "DO $$ BEGIN FOR n IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
)
WAYS = {
    "files": (Stage.back_up, Stage.put_back),
    "dump": (Stage.dump, Stage.restore),
    "elsewhere": (Stage.dump, Stage.restore_elsewhere),
}


@pytest.mark.parametrize(
    ("way", "service_runs"),
    [
        ("files", True),
        ("dump", False),
        pytest.param("files", False, marks=pytest.mark.soak),
        pytest.param("dump", True, marks=pytest.mark.soak),
        pytest.param("elsewhere", False, marks=pytest.mark.soak),
    ],
)
def test_what_postgres_has_lost_comes_back(stage: Stage, way: str, service_runs: bool) -> None:
    back_up, put_back = WAYS[way]
    one, other = stage.device("one"), stage.device("other")
    one.execute("INSERT INTO lists (id, name) VALUES ('l', 'list'), ('dies', 'dies')")
    one.execute(
        "INSERT INTO notes (id, list, body, done) VALUES"
        " ('kept', 'l', 'old', TRUE), ('both', 'l', '0', FALSE), ('gone', 'dies', 'x', FALSE)"
    )
    stage.agree(one, other)
    stage.direct(MANY_IDS)
    back_up(stage)
    stage.direct(MANY_IDS)
    lose(stage, one, other)
    expected = stage.hub()
    with closing(sqlite3.connect(one.path)) as offline, offline:
        offline.execute("INSERT INTO lists (id, name) VALUES ('unsent', 'unsent')")
        offline.execute("UPDATE notes SET list = 'unsent' WHERE id = 'lost'")
    if not service_runs:
        stage.service.stop()
    put_back(stage)
    assert len(stage.hub()["notes"]) == 3
    stage.direct("INSERT INTO notes (id, body) VALUES ('after', 'the restore')")
    if not service_runs:
        stage.service.start()
    one = stage.device("one")
    new = stage.device("new")
    agreed = stage.agree(one, other, new)
    after = ("after", None, None, "the restore", False)
    lost = ("lost", "unsent", "kept", "lost", False)
    kept = [row for row in expected["notes"] if row[0] != "lost"]
    assert agreed["notes"] == sorted([*kept, lost, after])
    assert agreed["lists"] == sorted([*expected["lists"], ("unsent", "unsent")])
    assert stage.app.electric("quarantine", "list", "--all") == "Nothing waits in the quarantine."
    copies = {path.name.partition(".")[0] for path in stage.folder.glob("*.before-put-back-*")}
    assert copies == {"one", "other"}


def lose(stage: Stage, one: Database, other: Database) -> None:
    """Have all kinds of changes come to Postgres; `other` sees more of them than `one`, which is
    closed then."""
    one.execute("INSERT INTO lists (id, name) VALUES ('new', 'new')")
    one.execute("INSERT INTO notes (id, list, parent, body) VALUES ('lost', 'new', 'kept', 'lost')")
    one.execute("UPDATE notes SET body = 'new', done = FALSE WHERE id = 'kept'")
    one.execute("DELETE FROM notes WHERE id = 'gone'")
    one.execute("DELETE FROM lists WHERE id = 'dies'")
    stage.agree(one, other)
    one.execute("INSERT INTO lists (id, name) VALUES ('heir', 'dies')")
    stage.direct("UPDATE notes SET body = '1' WHERE id = 'both'")
    stage.agree(one, other)
    one.close()
    other.execute("UPDATE notes SET body = '2' WHERE id = 'both'")
    stage.agree(other)
