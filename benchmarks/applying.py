"""Applying a delta: frames as a service sends them, into a device's file, against an upsert of the
same rows into a plain one.

Half of the rows are there already, half are new. Ours starts with the frames' bytes, so decoding is
in it; the baseline starts with tuples. Each round has a fresh copy of both files.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks import notes
from benchmarks.measuring import Result, in_turns, scaled, timed
from benchmarks.postgres import connect, fill
from benchmarks.stage import Stage
from electricsql.device.replica import Replica
from electricsql.hub import Hub
from electricsql.protocol import DeltaPart, decode_down
from electricsql.replication import Cursor
from electricsql.service.parts import EMPTY_PART, Answer, Numbering, encode_part, migration_frames

_ROUNDS = 7
_ROWS = 100_000
_NOW_MS = 1_700_000_000_000
_STARS = 9  # what the update gives to all rows


def run(stage: Stage) -> Iterator[Result]:
    """The row of this subject."""
    count = scaled(_ROWS, stage.scale)
    url = stage.service.environment("applying").database_url
    first, second = asyncio.run(_deltas(url, count))
    with stage.folder() as folder:
        files = _Files(folder, count)
        files.prepare(first)
        times = in_turns(lambda _: files.apply(second), lambda _: files.upsert(), _ROUNDS)
        files.compare()
    what = f"applying a delta of {count:,} rows"
    yield Result(what, "plain executemany upsert", 1.7, *times)


async def _deltas(url: str, count: int) -> tuple[list[bytes], list[bytes]]:
    """A delta with the first half of the rows, and the next one, with all of them."""
    connection = await connect(url)
    hub = await Hub.open(url)
    try:
        await fill(connection, count // 2)
        cursor, first = await _read(hub, None)
        async with connection.transaction():
            await connection.execute("UPDATE notes SET stars = $1", _STARS)
            insert = f"INSERT INTO notes {notes.GENERATED}"
            await connection.execute(insert, count // 2, count, notes.BODY)
        return first, (await _read(hub, cursor))[1]
    finally:
        await hub.close()
        await connection.close()


async def _read(hub: Hub, since: Cursor | None) -> tuple[Cursor, list[bytes]]:
    """The frames of a delta, as `service/catchup.py` makes them."""
    async with hub.reading() as reading:
        migrations = migration_frames(await reading.migrations_since(since))
        rows_total = await reading.rows_since(since)
        numbering = Numbering(reading.cursor, since is None, rows_total, migrations)
        encoded = [encode_part(part) async for part in reading.parts_since(since)]
        frames = [numbering.frame(part, 1, None) for part in encoded]
        return reading.cursor, [*frames, numbering.frame(EMPTY_PART, 1, Answer.of(0, ()))]


class _Files:
    """A file of ours and a plain one, and the copies of them that are written."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._rows = [
            *notes.rows(0, count // 2, stars=_STARS),
            *notes.rows(count // 2, count),
        ]

    def prepare(self, delta: list[bytes]) -> None:
        """Make both, with the rows that are there before."""
        path = self._folder / "ours.db"
        notes.open_ours(path).close()
        _apply(path, delta)
        before = len(self._rows) // 2
        with closing(notes.open_plain(self._folder / "plain.db")) as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(notes.INSERT, self._rows[:before])
            database.execute("COMMIT")

    def apply(self, delta: list[bytes]) -> float:
        return _apply(self._copy("ours.db"), delta)

    def upsert(self) -> float:
        with closing(notes.connect_plain(self._copy("plain.db"))) as database, timed() as watch:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(notes.UPSERT, self._rows)
            database.execute("COMMIT")
        return watch.seconds

    def compare(self) -> None:
        """Both sides have written the same."""
        found = []
        for name in ("copy-ours.db", "copy-plain.db"):
            with closing(notes.connect_plain(self._folder / name)) as database:
                found.append(database.execute("SELECT * FROM notes ORDER BY id").fetchall())
        assert found[0] == found[1] == self._rows

    def _copy(self, name: str) -> Path:
        return Path(shutil.copy(self._folder / name, self._folder / f"copy-{name}"))


def _apply(path: Path, delta: list[bytes]) -> float:
    with closing(Replica(path)) as replica, timed() as watch:
        for frame in delta:
            part = decode_down(frame)
            assert isinstance(part, DeltaPart)
            if part.last:
                replica.apply(part, _NOW_MS)
            else:
                replica.stage(part)
    return watch.seconds
