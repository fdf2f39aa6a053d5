"""Merging device transactions of 10 changes: ours, from the bytes as devices upload them to the
commit, against an upsert of the same rows with `unnest`.

Both sides take as many rows at a time as a service's merges do when it is busy, and commit them
with fsync. Of each transaction's changes six insert rows and four update some columns of rows that
are there. Ours keeps the clocks of columns, knows who observed what, and takes each transaction
exactly once; the baseline is only the rows.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Final

import uvloop

from benchmarks import notes
from benchmarks.measuring import Result, in_turns, scaled, timed
from benchmarks.postgres import Connection, connect, fill, settle
from benchmarks.stage import Stage
from electricsql.hub import Hub, Submitted
from electricsql.limits import MERGE_CHANGES_MAX
from electricsql.migrations import schema_of
from electricsql.protocol import decode_transaction, encode_transaction
from electricsql.replication import Change, Cursor, Op, Transaction, hlc_at
from electricsql.schema import Value

_ROUNDS = 7
_TRANSACTIONS = 1_000
_DEVICES = 10
_CHANGES: Final = 10
_INSERTS: Final = 6
_UPDATES: Final = _CHANGES - _INSERTS
_TABLES: Final = schema_of([notes.SOURCE.sql]).tables
_UPSERT: Final = """
INSERT INTO plain_notes (id, title, body, stars, price)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::float8[])
ON CONFLICT (id) DO UPDATE SET
    title = excluded.title, body = excluded.body, stars = excluded.stars, price = excluded.price
"""

Encoded = list[tuple[tuple[int, int], bytes]]
"""Transactions in the order they come: whose, and their bytes."""


def run(stage: Stage) -> Iterator[Result]:
    """The row of this subject."""
    url = stage.service.environment("merging").database_url
    count = scaled(_TRANSACTIONS, stage.scale, least=_DEVICES)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sides = runner.run(_Sides.open(url, count // _DEVICES * _DEVICES))
        times = in_turns(
            lambda number: runner.run(sides.merge(number)),
            lambda number: runner.run(sides.upsert(number)),
            _ROUNDS,
        )
        runner.run(sides.compare())
        runner.run(sides.close())
    what = f"merging device transactions of {_CHANGES} changes"
    yield Result(what, "the same rows by unnest upsert", 4.0, *times)


class _Sides:
    """A hub, and a connection for the baseline."""

    def __init__(
        self, hub: Hub, connection: Connection, origins: list[tuple[int, int]], count: int
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._origins = origins
        self._count = count

    @classmethod
    async def open(cls, url: str, count: int) -> "_Sides":
        """Both, with the rows that the first round updates."""
        connection = await connect(url)
        await fill(connection, count * _INSERTS)
        await connection.execute("INSERT INTO plain_notes TABLE notes")
        hub = await Hub.open(url)
        places = [await hub.register(f"{device:032}") for device in range(_DEVICES)]
        return cls(hub, connection, [(place.origin, place.session) for place in places], count)

    async def close(self) -> None:
        await self._hub.close()
        await self._connection.close()

    async def compare(self) -> None:
        """Both sides have written the same."""
        differing = "SELECT count(*) FROM (TABLE notes EXCEPT TABLE plain_notes)"
        assert await self._connection.fetchval(differing) == 0

    async def merge(self, number: int) -> float:
        await settle(self._connection)
        async with self._hub.reading() as reading:
            encoded = self._uploaded(number, reading.cursor)
        size = MERGE_CHANGES_MAX // _CHANGES
        with timed() as watch:
            for start in range(0, len(encoded), size):
                batch = [
                    Submitted(origin, decode_transaction(data, _TABLES), data, session)
                    for (origin, session), data in encoded[start : start + size]
                ]
                await self._hub.merge(batch)
        return watch.seconds

    async def upsert(self, number: int) -> float:
        await settle(self._connection)
        rows = [row for place in range(self._count) for row in self._rows(number, place)]
        with timed() as watch:
            for start in range(0, len(rows), MERGE_CHANGES_MAX):
                batch = rows[start : start + MERGE_CHANGES_MAX]
                await self._connection.execute(_UPSERT, *zip(*batch, strict=True))
        return watch.seconds

    def _rows(self, number: int, place: int) -> list[notes.Row]:
        """What transaction `place` of a round writes: new rows, then old ones."""
        new = (number + 1) * self._count * _INSERTS + place * _INSERTS
        old = number * self._count * _INSERTS + place * _UPDATES
        stars = 10 + number
        return [*notes.rows(new, new + _INSERTS), *notes.rows(old, old + _UPDATES, stars=stars)]

    def _uploaded(self, number: int, cursor: Cursor) -> Encoded:
        """A round's transactions, as devices that have received everything upload them."""
        first = number * (self._count // _DEVICES) + 1
        now = hlc_at(time.time_ns() // 1_000_000)
        encoded: Encoded = []
        for place in range(self._count):
            changes = _changes(self._rows(number, place))
            own_number, device = first + place // _DEVICES, place % _DEVICES
            version = notes.SOURCE.name
            transaction = Transaction(own_number, now + place, cursor, version, changes)
            encoded.append((self._origins[device], encode_transaction(transaction, _TABLES)))
        return encoded


def _changes(rows: Sequence[notes.Row]) -> list[Change]:
    changes = []
    for place, row in enumerate(rows):
        values: dict[str, Value] = dict(zip(notes.COLUMNS, row, strict=True))
        if place < _INSERTS:
            changes.append(Change("notes", Op.INSERT, (row[0],), values))
        else:
            changed = {name: values[name] for name in ("stars", "price")}
            changes.append(Change("notes", Op.UPDATE, (row[0],), changed))
    return changes
