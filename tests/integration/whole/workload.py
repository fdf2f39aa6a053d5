"""A workload that goes on while things are killed, and what must be true of it afterwards."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import asyncpg

from electricsql import Database, electrify
from tests.integration.whole.conservation import check_fates, check_laws
from tests.integration.whole.processes import PATIENCE_S, App
from tests.integration.whole.writer_process import SCHEMA, entries_after

POSTGRES = "postgres"
_UNREACHABLE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
_RETRY_S = 0.05

# A trigger of the user's own, which counts each time that an entry comes into being.
_COUNTING = """
CREATE SCHEMA counting;
CREATE TABLE counting.made (id text NOT NULL);
CREATE FUNCTION counting.count() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO counting.made VALUES (new.id); RETURN NULL; END $$;
CREATE TRIGGER count AFTER INSERT ON entries FOR EACH ROW EXECUTE FUNCTION counting.count();
"""


@dataclass
class Writer:
    """A device that writes in a process of its own, and is killed and started again."""

    app: App
    path: Path
    committed: int = 0
    """The last transaction that it said was committed."""
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _reader: threading.Thread | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.path.stem

    def start(self) -> None:
        module = "tests.integration.whole.writer_process"
        arguments = [self.path, self.app.bundle, self.app.token, self.name]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.committed = int(line)

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does. What it had printed is known afterwards."""
        assert self._process is not None and self._reader is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def last(self) -> int:
        """How far it has come, as its file says."""
        with closing(sqlite3.connect(self.path)) as file:
            found = file.execute("SELECT last FROM writers WHERE name = ?", (self.name,)).fetchone()
        return int(found[0]) if found else 0


class DirectWriter:
    """The same in a session of Postgres; connects again whenever the connection breaks."""

    def __init__(self, url: str) -> None:
        self.committed = 0
        self._url = url
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def start(self) -> None:
        self._running = self._pool.submit(lambda: asyncio.run(self._run()))

    def stop(self) -> None:
        """End it; fails if it has lost something."""
        assert self._running is not None
        self._stopping.set()
        self._running.result(PATIENCE_S)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(*_UNREACHABLE):
                connection = await asyncpg.connect(self._url, timeout=PATIENCE_S)
                try:
                    await self._write(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(_RETRY_S)

    async def _write(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        found = await connection.fetchval("SELECT last FROM writers WHERE name = $1", POSTGRES)
        last: int = found or 0
        assert last >= self.committed, "a committed transaction of Postgres is gone"
        while not self._stopping.is_set():
            last += 1
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO writers VALUES ($1, $2)"
                    " ON CONFLICT (name) DO UPDATE SET last = excluded.last",
                    POSTGRES,
                    last,
                )
                await connection.execute(
                    "INSERT INTO entries VALUES ($1, $2, $3)", f"{POSTGRES}-{last}", POSTGRES, last
                )
            self.committed = last
            await asyncio.sleep(_RETRY_S)


class Workload:
    """Devices that write, each a process; one that only looks; and a session of Postgres."""

    def __init__(self, app: App, folder: Path, writers: int) -> None:
        app.migrate("entries", SCHEMA)
        self.app = app
        self.url = app.database_url()
        self.writers = [Writer(app, folder / f"writer-{n}.db") for n in range(writers)]
        self.direct = DirectWriter(self.url)
        self.witness = electrify(folder / "witness.db", app.bundle, token=app.token)
        asyncio.run(_execute(self.url, _COUNTING))

    def __enter__(self) -> Self:
        self.direct.start()
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers:
            writer.kill()
        self.direct.stop()
        self.witness.close()

    def make_progress(self, transactions: int) -> None:
        """Let everybody commit some more, of which the witness sees some; it sees them whole."""
        goals = {writer.name: writer.committed + transactions for writer in self.writers}
        goals[POSTGRES] = self.direct.committed + 1
        end = time.monotonic() + PATIENCE_S
        while not all(self._seen().get(name, 0) >= goal for name, goal in goals.items()):
            assert time.monotonic() < end, f"no progress: {goals}, {self._seen()}"
            time.sleep(_RETRY_S)
        check_laws(self.url, [writer.path for writer in self.writers])

    def _seen(self) -> dict[str, int]:
        """How far each writer has come, as the witness sees it."""
        rows = self.witness.execute(
            "SELECT name, last, (SELECT max(n) FROM entries WHERE writer = name) FROM writers"
        ).fetchall()
        assert all(last == entry for _, last, entry in rows), f"a torn transaction: {rows}"
        return {name: last for name, last, _ in rows}

    def end(self) -> None:
        """Everybody stops; all comes together; nothing is lost, and nothing is there twice."""
        for writer in self.writers:
            writer.kill()
            assert writer.last() >= writer.committed, "a committed transaction is not in the file"
        self.direct.stop()
        devices = [self.witness]
        with ExitStack() as stack:
            for writer in self.writers:
                device = electrify(writer.path, self.app.bundle, token=self.app.token)
                devices.append(stack.enter_context(closing(device)))
            for device in (*devices, *devices):
                device.sync(PATIENCE_S)
            self._check(devices)

    def _check(self, devices: list[Database]) -> None:
        came = {writer.name: writer.last() for writer in self.writers}
        seen = self._seen()
        assert seen.pop(POSTGRES) >= self.direct.committed
        assert seen == came
        expected = {(name, n) for name, last in came.items() for n in entries_after(last)}
        for sql, ours in (
            ("SELECT name, last FROM writers ORDER BY name", set(came.items())),
            ("SELECT writer, n FROM entries ORDER BY writer, n", expected),
        ):
            rows = asyncio.run(_fetch(self.url, sql))
            assert {row for row in rows if row[0] != POSTGRES} == ours
            for device in devices:
                assert device.execute(sql).fetchall() == rows
        made = "SELECT id FROM counting.made GROUP BY id HAVING count(*) > 1"
        assert asyncio.run(_fetch(self.url, made)) == []
        assert all(device.status.pending == 0 for device in devices)
        check_fates(self.url, [device.path for device in devices])


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _fetch(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(record) for record in await connection.fetch(sql)]
    finally:
        await connection.close()
