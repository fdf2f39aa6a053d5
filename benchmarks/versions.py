"""Devices that are schema versions behind: what a version's view of the rows costs a hub, from
Postgres to the bytes that are sent, against devices at the newest version, and against a hub that
has only ever had one; and merging what somebody has written offline, 50 versions ago.

Each migration renames a column, drops one and adds one, so of every version the rows have something
that no later one has.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import asyncpg
import uvloop

from benchmarks import notes
from benchmarks.measuring import Result, in_turns, scaled, timed
from benchmarks.postgres import fill
from benchmarks.stage import Stage
from electricsql.hub import Hub, Source, Submitted
from electricsql.limits import MERGE_TRANSACTIONS_MAX
from electricsql.protocol import decode_transaction, encode_transaction
from electricsql.replication import Change, Op, Transaction, hlc_at
from electricsql.service.parts import encode_part

_ROUNDS = 5
_ROWS = 50_000
_BEHIND: Final = {1: 1.3, 5: 1.6, 20: 2.0}
"""How many migrations, and how much more it may cost."""
_FAR: Final = 50
_WRITES = 10_000
_MERGED_MS_MAX: Final = 10_000


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    count, writes = scaled(_ROWS, stage.scale), scaled(_WRITES, stage.scale)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        one = runner.run(_Hub.open(stage, 0, count))
        for behind, most in _BEHIND.items():
            hub = runner.run(_Hub.open(stage, behind, count))
            yield from _compared(runner, (one, hub), behind, most)
            runner.run(hub.close())
        runner.run(one.close())
        far = runner.run(_Hub.open(stage, _FAR, 0))
        took = [runner.run(far.merge(writes)) * 1000]
        yield Result(f"merging {writes:,} writes of {_FAR} versions ago", "", _MERGED_MS_MAX, took)
        runner.run(far.close())


def _compared(
    runner: asyncio.Runner, hubs: tuple["_Hub", "_Hub"], behind: int, most: float
) -> Iterator[Result]:
    """The oldest version's rows: a hub of one version, and one that is so much further."""
    one, hub = hubs

    def oldest(_: int) -> float:
        return runner.run(hub.read(0))

    what = f"all rows for a device {behind} migrations behind"
    times = in_turns(oldest, lambda _: runner.run(hub.read(behind)), _ROUNDS)
    yield Result(what, "for a device at the newest version", most, *times)
    times = in_turns(oldest, lambda _: runner.run(one.read(0)), _ROUNDS)
    yield Result(what, "by a hub of one version", most, *times)


def _sources(count: int) -> list[Source]:
    """The app's migrations: the first, and so many more."""
    sources = [notes.SOURCE]
    for n in range(count):
        title, extra = (f"title{n}" if n else "title"), (f"extra{n}" if n else "body")
        text = (
            f"ALTER TABLE notes RENAME COLUMN {title} TO title{n + 1};\n"
            f"-- @drop notes.{extra}\nALTER TABLE notes DROP COLUMN {extra};\n"
            f"ALTER TABLE notes ADD COLUMN extra{n + 1} TEXT;\n"
        )
        sources.append(Source(f"202402{n // 24 + 1:02}{n % 24:02}0000000_next", "next", text))
    return sources


class _Hub:
    """A hub with so many versions, and rows that are older than most of them."""

    def __init__(self, hub: Hub, sources: list[Source]) -> None:
        self._hub = hub
        self._sources = sources

    @classmethod
    async def open(cls, stage: Stage, behind: int, rows: int) -> "_Hub":
        environment = stage.service.environment(f"versions-{behind}")
        connection = await asyncpg.connect(environment.database_url)
        await fill(connection, rows)
        await connection.close()
        hub = await Hub.open(environment.database_url)
        sources = _sources(behind)
        await hub.migrate(sources)
        return cls(hub, sources)

    async def close(self) -> None:
        await self._hub.close()

    async def read(self, version: int) -> float:
        """All rows, read and encoded for a device at a version."""
        with timed() as watch:
            async with self._hub.reading() as reading:
                view = reading.versions.view(self._sources[version].name)
                async for part in reading.parts_since(None, view=view):
                    encode_part(part, view)
        return watch.seconds

    async def merge(self, count: int) -> float:
        """Transactions of one insert each, written in the first version."""
        place = await self._hub.register("x" * 32)
        version = self._sources[0].name
        tables = (await self._hub.schema_at(version)).tables
        now = hlc_at(time.time_ns() // 1_000_000)
        encoded = []
        for number, row in enumerate(notes.rows(0, count), start=1):
            values = dict(zip(notes.COLUMNS, row, strict=True))
            change = Change("notes", Op.INSERT, (row[0],), values)
            written = Transaction(number, now + number, None, version, [change])
            encoded.append(encode_transaction(written, tables))
        with timed() as watch:
            for start in range(0, count, MERGE_TRANSACTIONS_MAX):
                batch = [
                    Submitted(place.origin, decode_transaction(data, tables), data, place.session)
                    for data in encoded[start : start + MERGE_TRANSACTIONS_MAX]
                ]
                await self._hub.merge(batch)
        return watch.seconds
