"""A device that was away: 1,000 changes in a table of 1,000,000 rows, against the same in one of
10,000 rows.

Two environments of one service, and a device's file on each, which has everything. In each round
1,000 rows are updated directly in Postgres; then the device is opened, syncs, and is closed again.
What is measured is the whole way, from `electrify` until `sync()` returns.

Twice: the last 1,000 rows of each table, as it is with what people work on; and 1,000 rows all over
it, which any SQLite pays for with a page to read, write and sync for each row of a large table.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks import notes
from benchmarks.measuring import Result, in_turns, scaled, timed
from benchmarks.postgres import connect, fill
from benchmarks.stage import SYNC_S_MAX, Environment, Stage

_ROUNDS = 15
_CHANGES = 1_000
_LARGE_ROWS = 1_000_000
_SMALL_ROWS = 10_000
_UPDATE = "UPDATE notes SET stars = stars + 1 WHERE id = ANY($1::text[])"


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    large, small = scaled(_LARGE_ROWS, stage.scale), scaled(_SMALL_ROWS, stage.scale)
    changes = min(_CHANGES, small)
    with asyncio.Runner() as runner, stage.folder() as folder:
        sides = []
        for count in (large, small):
            name = f"away-{count}"
            side = _Side(runner, stage.service.environment(name), folder / f"{name}.db", count)
            side.fill()
            sides.append(side)
        for where in ("the last rows", "all over"):
            for side in sides:
                side.choose(changes, where == "all over")
            times = in_turns(sides[0].measure, sides[1].measure, _ROUNDS)
            what = f"catch-up of {changes:,} changes in {large:,} rows, {where}"
            yield Result(what, f"the same in {small:,} rows", 1.3, *times)
        for side in sides:
            side.close()


class _Side:
    """An environment, and the file of the device that comes and goes."""

    def __init__(
        self, runner: asyncio.Runner, environment: Environment, path: Path, count: int
    ) -> None:
        self._runner = runner
        self._connection = runner.run(connect(environment.database_url))
        self._environment = environment
        self._path = path
        self._count = count
        self._keys: list[str] = []

    def fill(self) -> None:
        """Write the rows, and bring them to the device."""
        self._runner.run(fill(self._connection, self._count))
        with self._environment.open(self._path) as db:
            db.sync(SYNC_S_MAX)

    def choose(self, changes: int, all_over: bool) -> None:
        """Choose the rows that will be changed."""
        count = self._count
        numbers = range(0, count, count // changes) if all_over else range(count - changes, count)
        self._keys = [notes.key(number) for number in numbers]

    def measure(self, _: int) -> float:
        """Change rows while the device is away, and let it catch up."""
        self._runner.run(self._connection.execute(_UPDATE, self._keys))
        with timed() as watch:
            db = self._environment.open(self._path)
            db.sync(SYNC_S_MAX)
        db.close()
        return watch.seconds

    def close(self) -> None:
        """The file has what Postgres has."""
        total = "SELECT sum(stars) FROM notes"
        with closing(notes.connect_plain(self._path)) as database:
            (here,) = database.execute(total).fetchone()
        assert here == self._runner.run(self._connection.fetchval(total))
        self._runner.run(self._connection.close())
