"""Reading deltas: what one snapshot of the hub shows and an older one does not.

All of a `Reading` happens in one REPEATABLE READ transaction, so its parts belong together,
whatever is written meanwhile. `electric.touched` tells which tables to look at, so the work depends
on what changed, not on how much there is.

A block's author is the device that made everything new in its rows: it has them already.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import asyncpg

from electricsql.errors import ServiceError
from electricsql.hub.clocks import KnownClocks
from electricsql.hub.connection import Connection
from electricsql.hub.lineages import Versions
from electricsql.hub.marks import HLC_MAX, mark_at
from electricsql.hub.migrating import SCHEMA_NUMBER
from electricsql.hub.quarantine import NUMBER as QUARANTINE
from electricsql.hub.selecting import (
    any_dead,
    by_key,
    count_all,
    count_changed,
    is_place,
    read_shadow,
    select_alive,
    select_all,
    select_changed,
)
from electricsql.hub.values import finish
from electricsql.lenses import View
from electricsql.limits import FRAME_BYTES_MAX, PART_BYTES, PART_ROWS_MAX
from electricsql.replication import (
    HUB_ORIGIN,
    NOBODY,
    AppliedMigration,
    Block,
    Clock,
    Cursor,
    Part,
    Place,
    Refused,
    Shadow,
    Snapshot,
    xid_of,
)
from electricsql.schema import Table, Value

_FIRST_ROWS: Final = 100
_GROWTH: Final = 10
_VALUE_BYTES: Final = 8
_LARGE_CHARACTERS: Final = FRAME_BYTES_MAX // 8  # a character has 4 bytes at most

_UNSEEN: Final = (
    "($1::text IS NULL OR (xid >= pg_snapshot_xmin($1::text::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)))"
)
_TOUCHED: Final = f"SELECT DISTINCT tbl FROM electric.touched WHERE {_UNSEEN}"
# A snapshot shows rows as they were, but columns as they are called now: nobody may change that,
# from before it is taken. (Migrations that only add need not wait.)
# A few changes in a large table: plans by keys only, whatever the statistics say, and made once.
BEGIN: Final = """
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
LOCK TABLE electric.migrations IN ACCESS SHARE MODE;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off
"""
_AS_PLANNED: Final = (
    "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"
)


_START: Final = f"""
SELECT pg_current_snapshot()::text,
    (SELECT name FROM electric.migrations ORDER BY position DESC LIMIT 1),
    CASE WHEN $1::text IS NOT NULL THEN ARRAY({_TOUCHED}) END,
    (SELECT horizon FROM electric.hub),
    {mark_at("pg_current_snapshot()", HLC_MAX)}
"""


class Start(NamedTuple):
    """What a reading begins with: its cursor, the schema version there, the numbers of what has
    changed since an older snapshot, if that was asked, and what is forgotten."""

    cursor: Cursor
    version: str | None
    touched: Mapping[str, frozenset[int]]
    horizon: int


async def take_cursor(connection: Connection, epoch: str, since: Cursor | None) -> Start:
    """The cursor of the transaction that the connection is in, and what belongs to it."""
    old = str(since.snapshot) if since else None
    record = await connection.fetchrow(_START, old)
    assert record is not None
    snapshot, version, touched, horizon, mark = record
    known = {} if old is None else {old: frozenset(touched)}
    return Start(Cursor(epoch, Snapshot.parse(snapshot), mark or ""), version, known, horizon)


class Reading:
    """A look at the hub in one snapshot. Not for several tasks at once."""

    def __init__(
        self, connection: Connection, start: Start, versions: Versions, known: KnownClocks
    ) -> None:
        self.cursor = start.cursor
        self.versions = versions
        self.schema = versions.base
        self._connection = connection
        self._known = known
        self._clocks: dict[int, Clock] = {}
        self._touched = dict(start.touched)
        self._horizon = start.horizon

    async def migrations_since(self, cursor: Cursor | None) -> list[AppliedMigration]:
        """The migrations that a device with that cursor doesn't have, in order."""
        old = self._old(cursor)
        if old is not None and SCHEMA_NUMBER not in await self._touched_since(old):
            return []
        records = await self._connection.fetch(
            "SELECT name, title, sha256, statements, additive FROM electric.migrations"
            f" WHERE {_UNSEEN} ORDER BY position",
            old,
        )
        return [AppliedMigration(r[0], r[1], r[2], tuple(r[3]), r[4]) for r in records]

    async def rows_since(self, cursor: Cursor | None, view: View | None = None) -> int:
        """How many rows `parts_since` will give."""
        old = self._old(cursor)
        total = 0
        for table in await self._tables(old, view):
            if old is None:
                total += await self._connection.fetchval(count_all(table, self._horizon))
            else:
                total += await self._connection.fetchval(count_changed(table), old)
        return total

    async def can_follow(self, cursor: Cursor, place: Place) -> bool:
        """Whether this look can go on with a delta of the one at `cursor`, broken off at a place:
        it is of the same history and schema."""
        return (
            cursor.epoch == self.cursor.epoch
            and cursor.snapshot.xmin >= self._horizon
            and is_place(self.schema, place)
            and not await self.migrations_since(cursor)
        )

    async def parts_since(
        self,
        cursor: Cursor | None,
        after: Place | None = None,
        *,
        view: View | None = None,
        in_order: bool = False,
    ) -> AsyncGenerator[Part, None]:
        """The rows of the delta since a cursor; since none: all rows and
        tombstones that are not forgotten. They are the base's, of the tables that a `view` has.

        In order they come by tables and keys, and may begin `after` a place.

        Raises:
            ServiceError: `row-too-large`: no device would take it.
        """
        old = self._old(cursor)
        gathered: list[Block] = []
        rows = size = 0
        place: Place | None = None
        if old is None:
            await self._connection.execute(_AS_PLANNED)
        tables = await self._tables(old, view)
        async for table, sql in self._looks(tables, old, after, ordered=in_order):
            async for chunk in self._chunks(table, old, sql):
                _refuse_too_large(table, chunk)
                if rows and (rows + len(chunk) > PART_ROWS_MAX or size + chunk.size > PART_BYTES):
                    yield self._part(gathered, place)
                    gathered, rows, size = [], 0, 0
                gathered += await self._blocks(table, chunk, cursor)
                place = _place_of(table, chunk) if in_order else None
                rows, size = rows + len(chunk), size + chunk.size
        if gathered:
            yield self._part(gathered, place)

    async def columns_of(self, table: Table) -> AsyncGenerator[list[list[Value]], None]:
        """All rows of a table, some at a time, column by column, without their shadows."""
        await self._connection.execute(_AS_PLANNED)
        async for chunk in self._chunks(table, None, select_alive(table)):
            yield [finish(c, v) for c, v in zip(table.columns, chunk.values, strict=True)]

    async def acknowledged(self, origins: Iterable[int]) -> dict[int, int]:
        """The number of each device's last transaction that is in."""
        records = await self._connection.fetch(
            "SELECT origin, number FROM electric.devices WHERE origin = ANY($1::int[])",
            list(origins),
        )
        return {record[0]: record[1] for record in records}

    async def refused_since(
        self, origins: Iterable[int], cursor: Cursor | None
    ) -> dict[int, list[Refused]]:
        """The transactions of these devices that went to the quarantine after the cursor, or whose
        fate there was decided after it."""
        old = self._old(cursor)
        if old is not None and QUARANTINE not in await self._touched_since(old):
            return {}
        records = await self._connection.fetch(
            f"SELECT origin, number, code, message, fate FROM electric.quarantine WHERE {_UNSEEN}"
            " AND origin = ANY($2::int[]) ORDER BY number",
            *(old, list(origins)),
        )
        refused: defaultdict[int, list[Refused]] = defaultdict(list)
        for origin, *told in records:
            refused[origin].append(Refused(*told))
        return refused

    def _old(self, cursor: Cursor | None) -> str | None:
        if cursor is None:
            return None
        assert cursor.epoch == self.cursor.epoch, "a cursor of another history"
        assert cursor.snapshot.xmin >= self._horizon, "a cursor from before the horizon"
        return str(cursor.snapshot)

    async def _tables(self, old: str | None, view: View | None) -> list[Table]:
        """The tables to look at, in order of creation: parents are likely to come first."""
        tables = [table for table in self.schema if view is None or view.has(table.name)]
        if old is None:
            return tables
        touched = await self._touched_since(old)
        return [table for table in tables if table.number in touched]

    async def _touched_since(self, old: str) -> frozenset[int]:
        """The numbers of what has changed."""
        if old not in self._touched:
            records = await self._connection.fetch(_TOUCHED, old)
            self._touched[old] = frozenset(record[0] for record in records)
        return self._touched[old]

    async def _looks(
        self, tables: Iterable[Table], old: str | None, after: Place | None, *, ordered: bool
    ) -> AsyncIterator[tuple[Table, str]]:
        """The tables to read, with what to read of them."""
        first = self.schema.tables[after.table].number if after is not None else 0
        for table in tables:
            if table.number >= first:
                sql = await self._look(table, old)
                place = after if table.number == first else None
                yield table, by_key(sql, table, place) if ordered else sql

    async def _look(self, table: Table, old: str | None) -> str:
        if old is not None:
            return select_changed(table)
        if await self._connection.fetchval(any_dead(table, self._horizon)):
            return select_all(table, self._horizon)
        return select_alive(table)

    async def _chunks(self, table: Table, old: str | None, sql: str) -> AsyncIterator["_Chunk"]:
        """A table's rows, as many at a time as make a part.

        How large rows are is learnt on the way, so the first fetches are small. Most deltas need no
        more than one, and so no cursor.
        """
        values = [old] if old is not None else []
        if old is not None and sql == select_changed(table):
            few = await self._connection.fetch(select_changed(table, _FIRST_ROWS), old)
            if len(few) < _FIRST_ROWS:
                for piece in _pieces(few):
                    yield piece
                return
        cursor = await self._connection.cursor(sql, *values)
        count = _FIRST_ROWS
        while fetched := await cursor.fetch(count):
            pieces = _pieces(fetched)
            for piece in pieces:
                yield piece
            if len(fetched) < count:
                return
            largest = pieces[0].size // count if len(pieces) == 1 else max(map(_row_size, fetched))
            count = max(1, min(count * _GROWTH, PART_ROWS_MAX, PART_BYTES // max(largest, 1)))

    async def _blocks(self, table: Table, chunk: "_Chunk", cursor: Cursor | None) -> list[Block]:
        values = [finish(c, v) for c, v in zip(table.columns, chunk.values, strict=True)]
        places = {text: place for place, text in enumerate(dict.fromkeys(chunk.shadows))}
        shadows = [read_shadow(text, len(table.columns)) for text in places]
        await self._learn_clocks(shadows)
        shadow_of = [places[text] for text in chunk.shadows]
        key = table.positions[table.primary_key[0]]
        authors = [self._author(shadow, cursor, key) for shadow in shadows]
        if len(set(authors)) == 1:
            return [Block(table.name, table.column_names, values, shadows, shadow_of, authors[0])]
        return list(_split(table, values, shadows, (shadow_of, authors)))

    async def _learn_clocks(self, shadows: Iterable[Shadow]) -> None:
        unknown = {id for shadow in shadows for id in _ids(shadow)} - self._clocks.keys()
        if unknown:
            self._clocks.update(await self._known.of(self._connection, unknown, self._horizon))

    def _author(self, shadow: Shadow, cursor: Cursor | None, key: int) -> int:
        origins = set()
        for id in _ids(shadow):
            if cursor is None or not cursor.snapshot.sees(xid_of(id)):
                clock = self._clocks.get(id)
                origins.add(clock.origin if clock else HUB_ORIGIN)
                if id == -shadow.writers[key]:  # its author counts the row's lives otherwise
                    origins.add(HUB_ORIGIN)
        return origins.pop() if len(origins) == 1 else HUB_ORIGIN

    def _part(self, blocks: list[Block], place: Place | None) -> Part:
        ids = {id for block in blocks for shadow in block.shadows for id in _ids(shadow)}
        clocks = {id: self._clocks[id] for id in ids if id in self._clocks}
        return Part(blocks, clocks, place)


class _Chunk(NamedTuple):
    """Fetched rows, column by column: the texts of their shadows, the values, and how many bytes
    these are, about."""

    shadows: Sequence[str]
    values: Sequence[Sequence[Value]]
    size: int

    def __len__(self) -> int:
        return len(self.shadows)


def _refuse_too_large(table: Table, chunk: _Chunk) -> None:
    """A row that is larger than its table's CHECK allows is older than that, or somebody has
    dropped it. A device that is sent it would lose its connection, and come again for it."""
    if len(chunk) > 1 or chunk.size < _LARGE_CHARACTERS:
        return
    values = [value for (value,) in chunk.values]
    texts = (v.encode() if isinstance(v, str) else v for v in values)
    size = sum(len(text) for text in texts if isinstance(text, bytes))
    if size > FRAME_BYTES_MAX - PART_BYTES:
        raise ServiceError(
            "row-too-large",
            f"A row of {table.name} has {size >> 20} MiB, which no device takes: its key is"
            f" {', '.join(map(repr, _place_of(table, chunk).key))}.",
            "Make it smaller, or delete it, in Postgres; the devices come back by themselves.",
            definite=True,
        )


def _place_of(table: Table, chunk: _Chunk) -> Place:
    """The key of its last row."""
    columns = [table.by_name[name] for name in table.primary_key]
    values = [chunk.values[table.positions[name]] for name in table.primary_key]
    return Place(
        table.name, tuple(finish(c, v[-1:])[0] for c, v in zip(columns, values, strict=True))
    )


def _column_size(values: Sequence[Value]) -> int:
    try:
        return sum(map(len, filter(None, values)))  # type: ignore[arg-type]
    except TypeError:  # numbers
        return _VALUE_BYTES * len(values)


def _row_size(record: asyncpg.Record) -> int:
    return sum(len(v) if isinstance(v, str | bytes) else _VALUE_BYTES for v in record[1:])


def _pieces(records: Sequence[asyncpg.Record]) -> list[_Chunk]:
    """Rows in pieces that are as large as a part; a row that is larger alone is a piece."""
    if not records:
        return []
    shadows, *values = zip(*records, strict=True)
    total = sum(map(_column_size, values))
    if total <= PART_BYTES:
        return [_Chunk(shadows, values, total)]
    starts, sizes = [0], [0]
    for place, size in enumerate(map(_row_size, records)):
        if sizes[-1] and sizes[-1] + size > PART_BYTES:
            starts.append(place)
            sizes.append(0)
        sizes[-1] += size
    pieces = [slice(*ends) for ends in pairwise([*starts, len(records)])]
    return [
        _Chunk(shadows[piece], [column[piece] for column in values], size)
        for piece, size in zip(pieces, sizes, strict=True)
    ]


def _ids(shadow: Shadow) -> set[int]:
    ids = {abs(writer) for writer in shadow.writers}
    return (ids | {shadow.deleted, shadow.touched, shadow.touched_before}) - {NOBODY}


def _split(
    table: Table,
    values: Sequence[Sequence[Value]],
    shadows: Sequence[Shadow],
    authorship: tuple[Sequence[int], Sequence[int]],
) -> Iterator[Block]:
    """A block for each author. `authorship`: each row's shadow, each shadow's author."""
    shadow_of, authors = authorship
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row, shadow in enumerate(shadow_of):
        rows_of[authors[shadow]].append(row)
    for author, rows in sorted(rows_of.items()):
        places = {s: place for place, s in enumerate(dict.fromkeys(shadow_of[r] for r in rows))}
        yield Block(
            table.name,
            table.column_names,
            [[column[row] for row in rows] for column in values],
            [shadows[s] for s in places],
            [places[shadow_of[row]] for row in rows],
            author,
        )
