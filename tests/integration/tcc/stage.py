"""Everything that plays a part, as processes: Postgres, the service, devices, direct writers, and
the network between them.

    device ── proxy ──▶ service ── proxy ──▶ Postgres ◀── direct writer
"""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self

import asyncpg

from electricsql.device.meta import read_meta
from electricsql.embedded import EmbeddedPostgres
from electricsql.schema import Value
from tests.integration.tcc.deeds import (
    NAMES,
    SCHEMA,
    TABLES,
    Deed,
    added,
    look,
    seed,
    version,
)
from tests.integration.tcc.disk import Disk, Platter
from tests.integration.tcc.history import Line, transactions, write_history
from tests.integration.tcc.proxy import Network, Proxy
from tests.integration.tcc.session_process import Config
from tests.integration.tcc.sessions import PATIENCE_S, SessionProcess
from tests.integration.tcc.stores import PostgresStore
from tests.integration.whole.processes import Service, make_app

POLL_S: Final = 0.1
_SETTINGS: Final = {"fsync": "off", "max_connections": "200"}
_FAR: Final = 9.0
_LAST: Final = 1 << 40  # an index after all others

# A trigger of the user's own, which counts each time that an entry comes into being.
_COUNTING: Final = """
CREATE SCHEMA counting;
CREATE TABLE counting.made (id text NOT NULL);
CREATE FUNCTION counting.count() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO counting.made VALUES (new.id); RETURN NULL; END $$;
CREATE TRIGGER count AFTER INSERT ON entries FOR EACH ROW EXECUTE FUNCTION counting.count();
"""
_TWICE: Final = "SELECT id FROM counting.made GROUP BY id HAVING count(*) > 1"


class Stuck(AssertionError):
    """Somebody has not got everything in time."""


@dataclass(frozen=True)
class Cast:
    """Who takes part, and how fast."""

    devices: int = 10
    writers: int = 2
    pause_s: float = 0.05
    library: Path | None = None
    """What lets devices' disks fail (`disk.py`)."""


class Stage:
    """One environment under test, from an empty folder."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        self.folder = folder
        self.cast = cast
        self.postgres = EmbeddedPostgres(folder / "postgres", settings=_SETTINGS)
        self.network = Network()
        self.sessions: dict[str, SessionProcess] = {}
        self.links: dict[str, Proxy] = {}
        """Each device's way to the service."""
        self.disks: dict[str, Disk] = {}
        """What the devices' disks and clocks are like, if they can fail."""
        self.platters: dict[str, Platter] = {}
        self.migrations = 0
        self._schema: list[Line] = []
        self._round = 0
        self._marks = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._build(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _build(self, stack: ExitStack) -> None:
        stack.enter_context(self.network)
        stack.enter_context(self.postgres)
        self.hub_link = self.network.proxy(_port(self.postgres.url))
        home = self.folder / "service"
        home.mkdir()
        self.service = Service(home, _at_port(self.postgres.url, self.hub_link.port))
        stack.callback(self._stop)
        self.service.start()
        self.app = make_app(self.folder / "app", self.service, "tcc")
        self.migrate(TABLES)
        self.url = self._direct_url()
        self.execute(_COUNTING)
        store = PostgresStore(self.url)
        store.transact(seed)
        store.close()
        for n in range(1, self.cast.devices + 1):
            self.add_device(f"device-{n}")
        for n in range(1, self.cast.writers + 1):
            self._add(Config(f"direct-{n}", self._history(f"direct-{n}"), 0, self.url))
        self.start(*self.sessions.values())

    def _direct_url(self) -> str:
        """The hub's database, past the proxy."""
        return _at_port(self.app.database_url(), _port(self.postgres.url))

    def _stop(self) -> None:
        for session in self.sessions.values():
            if session.is_alive:
                session.kill()
        self.hub_link.heal()
        if self.service.process is not None and self.service.process.poll() is None:
            self.service.process.send_signal(signal.SIGCONT)
            self.service.stop()

    # Who takes part

    def add_device(self, name: str, file: Path | None = None) -> SessionProcess:
        """A session on a device's file, not started yet."""
        link = self.links[name] = self.network.proxy(self.service.port)
        path = file or self.folder / f"{name}.db"
        url = f"ws://127.0.0.1:{link.port}/ws/{self.app.name}/default"
        bundle = str(self.app.bundle)
        device = self._add(
            Config(name, self._history(name), 0, str(path), bundle, url, self.app.token)
        )
        if self.cast.library is not None:
            disk = Disk.before(path, self.cast.library, recorded=True)
            self.disks[name] = disk
            device.environ = disk.environ
        return device

    def _add(self, config: Config) -> SessionProcess:
        paced = replace(config, pause_s=self.cast.pause_s)
        session = self.sessions[config.session] = SessionProcess(self.folder, paced)
        return session

    def _history(self, name: str) -> str:
        return str(self.folder / f"{name}.history")

    @property
    def devices(self) -> list[SessionProcess]:
        return [session for session in self.sessions.values() if session.is_device]

    def start(self, *sessions: SessionProcess) -> None:
        """Start processes, and wait until they listen."""
        for session in sessions:
            session.start()
        for session in sessions:
            session.wait_for("ready")

    def retire(self, session: SessionProcess) -> None:
        """It takes part no more; what it did stays in the history."""
        if session.is_alive:
            session.kill()

    # What happens

    def run(self) -> None:
        """Everybody transacts."""
        for session in self._alive():
            session.tell("run")

    def progress(self, transactions: int) -> None:
        """Until everybody who runs has committed some more."""
        goals = {session: session.committed() + transactions for session in self._alive()}
        end = time.monotonic() + PATIENCE_S
        while slow := [s.name for s, goal in goals.items() if s.committed() < goal]:
            assert time.monotonic() < end, f"no progress: {slow}"
            time.sleep(POLL_S)

    def settle(self, ended: float, within: float) -> float:
        """Everybody stops and leaves a mark; gives how long after `ended` everybody had the marks
        of all. Nobody is told to hurry: each has to find the way by itself.

        Raises:
            Stuck: it took longer.
        """
        self._round += 1
        pausing = self._alive()
        for session in pausing:
            session.tell(f"pause {self._round}")
        for session in pausing:
            session.wait_for(f"paused {self._round}")
        self._marks += len(pausing)
        limit = max(ended, time.monotonic()) + within
        while behind := [name for name in self._places() if not self._has_all(name)]:
            if time.monotonic() > limit:
                raise Stuck(f"{behind} after {time.monotonic() - ended:.1f} s")
            time.sleep(POLL_S)
        return time.monotonic() - ended

    def _alive(self) -> list[SessionProcess]:
        return [session for session in self.sessions.values() if session.is_alive]

    def _places(self) -> list[str]:
        return ["postgres", *(device.name for device in self.devices if device.is_alive)]

    def _has_all(self, place: str) -> bool:
        marks = "SELECT count(*) FROM markers"
        if place == "postgres":
            return bool(self.query(marks)[0][0] == self._marks)
        with closing(self._open(self.sessions[place])) as file:
            (found,) = file.execute(marks).fetchone()
            (unsent,) = file.execute("SELECT count(*) FROM _electric_transactions").fetchone()
            (version,) = file.execute("SELECT count(*) FROM _electric_migrations").fetchone()
        return bool(found == self._marks and unsent == 0 and version == self.migrations)

    # The schema

    def migrate(self, sql: str | None = None, apply: Callable[[], None] | None = None) -> None:
        """Make another migration, and apply it, by default with `electric sync`, however often it
        takes; it is a transaction of the session "schema"."""
        number = self.migrations + 1
        path = self.app.folder / self.app.electric("migrations", "new", f"number {number}")
        path.write_text(sql or added(number))
        ops = [["w", SCHEMA, version(number)]]
        self._schema.append({"session": SCHEMA, "index": number, "type": "info", "ops": ops})
        (apply or self.sync)()
        self._schema[-1]["type"] = "ok"
        self.migrations = number

    def sync(self) -> None:
        """`electric sync`, however often it takes."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.app.electric("sync")
                return
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(POLL_S)

    # How it is

    def execute(self, sql: str) -> None:
        """Run SQL in Postgres."""
        asyncio.run(_execute(self.url, sql))

    def query(self, sql: str, *parameters: Value | list[str]) -> list[tuple[Any, ...]]:
        """What Postgres says."""
        return asyncio.run(_fetch(self.url, sql, parameters))

    def differences(self) -> list[str]:
        """The tables that are not the same everywhere."""
        found = []
        devices = [device for device in self.devices if device.is_alive]
        for table in NAMES:
            names = f"SELECT name FROM pragma_table_info('{table}')"
            with closing(self._open(devices[0])) as file:
                columns = ", ".join(f'"{name}"' for (name,) in file.execute(names))
            sql = f"SELECT {columns} FROM {table} ORDER BY id"
            here = self.query(sql)
            for device in devices:
                with closing(self._open(device)) as file:
                    if file.execute(sql).fetchall() != here:
                        found.append(f"{table} of {device.name}")
        return found

    def made_twice(self) -> list[str]:
        """The entries that came into being more than once."""
        return [id for (id,) in self.query(_TWICE)]

    def lost(self) -> list[str]:
        """The entries of transactions that were committed, and that Postgres does not have."""
        there = {id for (id,) in self.query("SELECT id FROM entries")}
        return [entry for entry in self._acknowledged() if entry not in there]

    def _acknowledged(self) -> Iterator[str]:
        for name, history in self._histories().items():
            for line in transactions(name, history):
                if line["type"] == "ok":
                    for kind, key, value in line["ops"]:
                        if kind == "append":
                            yield f"{key}:{value}"

    def finish(self) -> Path:
        """Everybody who is there makes the final read; gives the whole history. To be called after
        `settle`."""
        reading = self._alive()
        for session in reading:
            session.tell("final")
        for session in reading:
            session.wait_for("final")
        path = self.folder / "history.jsonl"
        write_history(path, self._histories(), [*self._schema, *self._last_looks()])
        return path

    def _histories(self) -> dict[str, Path]:
        return {s.name: s.history for s in self.sessions.values() if s.history.exists()}

    def _last_looks(self) -> Iterator[Line]:
        """The final reads of those who are not there to make one themselves: what Postgres has."""
        gone = [SCHEMA, *(s.name for s in self.sessions.values() if not s.is_alive)]
        deed = Deed("", lambda sql, *values: self.query(sql.replace("?", "$"), *values), Random())
        look(deed, PostgresStore.schema_sql)
        ops = json.loads(json.dumps(deed.ops))
        for name in gone:
            yield {"session": name, "index": _LAST, "type": "ok", "ops": ops, "final": True}

    def committed(self) -> int:
        """How many transactions are committed for certain."""
        return sum(session.committed() for session in self.sessions.values())

    def id_of(self, device: SessionProcess) -> str:
        """By what the hub knows a device."""
        with closing(self._open(device)) as file:
            return read_meta(file).device

    def _open(self, device: SessionProcess) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{device.file}?mode=ro", uri=True, timeout=_FAR)


def server_processes(postgres: EmbeddedPostgres) -> list[int]:
    """A Postgres server's processes, the postmaster first."""
    assert postgres.pid is not None
    found = [postgres.pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == postgres.pid:
                found.append(int(entry.name))
    return found


def signal_all(processes: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to all that still are."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _fetch(url: str, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(record) for record in await connection.fetch(sql, *parameters)]
    finally:
        await connection.close()


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def _at_port(url: str, port: int) -> str:
    before, _, after = url.rpartition(":")
    return f"{before}:{port}/{after.partition('/')[2]}"
