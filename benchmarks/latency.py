"""From a commit on device A until device B shows it, against a bare Postgres commit plus a bare
WebSocket hop.

A is this process, B another one; the service and Postgres are two more. The time starts when
`db.transaction()` has returned on A, and ends when a SELECT in B's process finds the row. The
baseline is one row inserted into a table without triggers, and one message from this process to
another. Samples of both take turns, with pauses of random length, so that neither falls into step
with anything that polls.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket

from benchmarks import notes
from benchmarks.measuring import Result, percentile, scaled
from benchmarks.postgres import Connection, connect
from benchmarks.stage import Stage
from electricsql import Database

_ROUNDS = 4
_SAMPLES = 250
_WARM_UP = 20
_PAUSE_S_MAX = 0.03
_AGAINST = "Postgres commit + WebSocket hop"
_INSERT = "INSERT INTO plain_notes VALUES ($1, $2, $3, $4, $5)"

Samples = tuple[list[float], list[float]]
"""Of a round, ours and the baseline's, in ms."""


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    environment = stage.service.environment("latency")
    arguments = (environment.stream_url, environment.token)
    with (
        stage.folder() as folder,
        _onlooker("device", str(folder / "b.db"), *arguments) as device,
        _onlooker("socket") as socket,
        environment.open(folder / "a.db") as db,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        db.sync()
        bare = runner.run(_Bare.open(environment.database_url, socket))
        count = scaled(_SAMPLES, stage.scale)
        pair = _Pair(db, device, bare, runner)
        pair.samples(_WARM_UP)
        rounds = [pair.samples(count) for _ in range(_ROUNDS)]
        runner.run(bare.close())
    for percent, target_max in ((50, 3.0), (99, 6.0)):
        ours = [percentile(mine, percent) for mine, _ in rounds]
        theirs = [percentile(others, percent) for _, others in rounds]
        what = f"commit on A until visible on B, p{percent}"
        yield Result(what, _AGAINST, target_max, ours, theirs)


class _Bare:
    """A connection to Postgres and a WebSocket, with nothing around them."""

    def __init__(self, postgres: Connection, socket: ClientConnection, process: "_Process") -> None:
        self._postgres = postgres
        self._socket = socket
        self._process = process

    @classmethod
    async def open(cls, url: str, process: "_Process") -> "_Bare":
        address = _line(process)
        return cls(await connect(url), await connect_socket(address, compression=None), process)

    async def close(self) -> None:
        await self._postgres.close()
        await self._socket.close()

    async def sample(self, row: notes.Row) -> float:
        start = time.monotonic_ns()
        await self._postgres.execute(_INSERT, *row)
        await self._socket.send(row[1])
        return (int(_line(self._process)) - start) / 1e6


class _Pair:
    """Both sides, and the rows they have written so far."""

    def __init__(
        self, db: Database, device: "_Process", bare: _Bare, runner: asyncio.Runner
    ) -> None:
        self._db = db
        self._device = device
        self._bare = bare
        self._runner = runner
        self._number = 0
        _line(device)

    def samples(self, count: int) -> Samples:
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(count):
            row = notes.rows(self._number, self._number + 1)[0]
            self._number += 1
            time.sleep(random.uniform(0, _PAUSE_S_MAX))
            ours.append(self._sample(row))
            time.sleep(random.uniform(0, _PAUSE_S_MAX))
            theirs.append(self._runner.run(self._bare.sample(row)))
        return ours, theirs

    def _sample(self, row: notes.Row) -> float:
        with self._db.transaction():
            self._db.execute(notes.INSERT, row)
        start = time.monotonic_ns()
        return (int(_line(self._device)) - start) / 1e6


_Process = subprocess.Popen[str]


@contextmanager
def _onlooker(*arguments: str) -> Iterator[_Process]:
    """Another process (see `onlooker.py`), until the end of the block."""
    command = [sys.executable, "-m", "benchmarks.onlooker", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()


def _line(process: _Process) -> str:
    """The next line it says.

    Raises:
        RuntimeError: it has ended.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the process at the other end is gone")
    return line.strip()
