"""A look at a hub of dicts in one snapshot: what a delta is made of, in few rows a part."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from electricsql.replication import (
    HUB_ORIGIN,
    NOBODY,
    OLDEST,
    AppliedMigration,
    Block,
    Cursor,
    Part,
    Refused,
    Row,
    Shadow,
    xid_of,
)
from electricsql.schema import Table
from electricsql.testing.example import VERSIONS

if TYPE_CHECKING:
    from electricsql.testing.dict_hub import DictHub

_CHUNK_ROWS: Final = 4
_PART_CHUNKS: Final = 3
"""How many rows are in one block of a part, and how many blocks: few, so deltas have parts."""


class DictReading:
    """A `Reading`."""

    def __init__(self, hub: "DictHub") -> None:
        self._hub = hub
        self.cursor = Cursor(hub.epoch, hub.snapshot())

    def migrations_since(self, cursor: Cursor | None) -> Sequence[AppliedMigration]:
        return [
            version.migration
            for version, xid in zip(VERSIONS, self._hub.migrated, strict=False)
            if not _sees(cursor, xid)
        ]

    def parts_since(self, cursor: Cursor | None) -> Iterator[Part]:
        if cursor == self.cursor:
            return
        blocks: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        xids = self._hub.xids
        old, sees = _seen_by(cursor)
        for row_id, row in self._hub.rows.items():
            if xids[row_id] >= old and not sees(xids[row_id]):
                blocks[row_id.table, self._author(row, old, sees, row_id.table)].append(row)
        tables = self._hub.schema.tables
        in_order = sorted(blocks.items(), key=lambda block: tables[block[0][0]].number)
        chunks = [
            (tables[name], author, rows[start : start + _CHUNK_ROWS])
            for (name, author), rows in in_order
            for start in range(0, len(rows), _CHUNK_ROWS)
        ]
        for start in range(0, len(chunks), _PART_CHUNKS):
            yield self._part(chunks[start : start + _PART_CHUNKS])

    def acknowledged(self, origins: Iterable[int]) -> Mapping[int, int]:
        return {origin: self._hub.number_of(origin) for origin in origins}

    def refused_since(
        self, origins: Iterable[int], cursor: Cursor | None
    ) -> Mapping[int, Sequence[Refused]]:
        wanted = set(origins)
        refused: defaultdict[int, list[Refused]] = defaultdict(list)
        for (origin, _), each in sorted(self._hub.quarantine.items()):
            if origin in wanted and not _sees(cursor, each.xid):
                refused[origin].append(each.told)
        return refused

    def _author(self, row: Row, old: int, sees: Callable[[int], bool], table: str) -> int:
        """The device that made everything new in the row, if there is one, and knows which life it
        is."""
        clocks = self._hub.clocks
        new = {id for id in row.transactions() if (xid := xid_of(id)) >= old and not sees(xid)}
        origins = {clocks.get(id, OLDEST).origin for id in new}
        key = self._hub.schema.tables[table].primary_key[0]
        if -row.writers.get(key, NOBODY) in new:
            origins.add(HUB_ORIGIN)
        return origins.pop() if len(origins) == 1 else HUB_ORIGIN

    def _part(self, chunks: Sequence[tuple[Table, int, Sequence[Row]]]) -> Part:
        clocks = self._hub.clocks
        blocks = [_block(*chunk) for chunk in chunks]
        shadows = {shadow for block in blocks for shadow in block.shadows}
        ids = {abs(id) for shadow in shadows for id in (*shadow[1:4], *shadow.writers)}
        return Part(blocks, {id: clocks[id] for id in ids if id in clocks})


def _block(table: Table, author: int, rows: Sequence[Row]) -> Block:
    names = table.column_names
    shadows = [
        Shadow(*row[2:], tuple([row.writers.get(name, NOBODY) for name in names])) for row in rows
    ]
    places = {shadow: place for place, shadow in enumerate(dict.fromkeys(shadows))}
    values = [[row.values[name] for row in rows] for name in names]
    return Block(
        table.name, names, values, list(places), [places[each] for each in shadows], author
    )


def _seen_by(cursor: Cursor | None) -> tuple[int, Callable[[int], bool]]:
    """The xid below which a cursor sees everything, and what it sees."""
    if cursor is None:
        return 0, lambda _: False
    return cursor.snapshot.xmin, cursor.snapshot.sees


def _sees(cursor: Cursor | None, xid: int) -> bool:
    return cursor is not None and cursor.snapshot.sees(xid)
