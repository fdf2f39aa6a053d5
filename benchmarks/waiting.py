"""How long the app's own writes wait while a delta arrives: another program commits single rows to
the file, one after the other, and times each.

The whole pipeline, as in a first sync: the file is synced by this process, the rows come from a
service. For a first sync all tables are empty; for the other deltas the table has rows already, a
part of which is updated in Postgres.
"""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks import notes
from benchmarks.measuring import Result, percentile, scaled
from benchmarks.postgres import connect, fill
from benchmarks.stage import SYNC_S_MAX, Environment, Stage

_ROUNDS = 3
_ROWS = 300_000
_UPDATES = (1_000, 10_000, 100_000)
_PAUSE_S: Final = 0.002
"""Between two writes of the app: it writes often, and leaves the file to others meanwhile."""
_UPDATE = "UPDATE notes SET stars = stars + 1, title = title || '.' WHERE id < $1"
_MAX_MS, _P99_MS = 50.0, 25.0


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    environment = stage.service.environment("waiting")
    count = scaled(_ROWS, stage.scale)
    asyncio.run(_fill(environment.database_url, count))
    rounds = [_first_sync(stage, environment) for _ in range(_ROUNDS)]
    yield from _results(f"first sync of {count:,} rows", rounds)
    with stage.folder() as folder, environment.open(folder / "a.db") as db:
        db.sync(SYNC_S_MAX)
        for rows in (scaled(each, stage.scale) for each in (*_UPDATES, _ROWS)):
            rounds = []
            for _ in range(_ROUNDS):
                with _writes(folder / "a.db") as waits:
                    asyncio.run(_update(environment.database_url, rows))
                    db.sync(SYNC_S_MAX)
                rounds.append(waits)
            yield from _results(f"delta of {rows:,} in {count:,} rows", rounds)


def _first_sync(stage: Stage, environment: Environment) -> list[float]:
    with stage.folder() as folder:
        path = folder / "a.db"
        notes.open_ours(path, environment.bundle).close()
        with _writes(path) as waits, environment.open(path) as db:
            db.sync(SYNC_S_MAX)
        return waits


def _results(what: str, rounds: list[list[float]]) -> Iterator[Result]:
    longest = [max(waits) for waits in rounds]
    yield Result(f"a write's wait, longest, {what}", "", _MAX_MS, longest)
    most = [percentile(waits, 99) for waits in rounds]
    yield Result(f"a write's wait, p99, {what}", "", _P99_MS, most)


@contextmanager
def _writes(path: Path) -> Iterator[list[float]]:
    """Another program writes during the block; afterwards the list has each wait, in ms."""
    waits: list[float] = []
    command = [sys.executable, "-m", "benchmarks.waiting", str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield waits
        said, _ = process.communicate("stop\n")
        waits.extend(map(float, said.split()))


def _write(path: Path) -> None:
    """Be the other program, until something is said."""
    database = notes.connect_plain(path)
    waits = []
    listening = threading.Thread(target=sys.stdin.readline, daemon=True)
    listening.start()
    print("ready", flush=True)
    while listening.is_alive():
        row = (f"w{time.time_ns()}", "mine", None, 1, 1.0)
        start = time.perf_counter()
        database.execute(notes.INSERT, row)
        waits.append((time.perf_counter() - start) * 1000)
        time.sleep(_PAUSE_S)
    database.close()
    print(*waits)


async def _fill(url: str, count: int) -> None:
    connection = await connect(url)
    await fill(connection, count)
    await connection.close()


async def _update(url: str, count: int) -> None:
    connection = await connect(url)
    await connection.execute(_UPDATE, notes.key(count))
    await connection.close()


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
