"""What a staged delta has of which rows: which block has a row is known by the hashes of its keys,
so that not all rows have to be kept in memory."""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from electricsql.device.receiving import columns_of, only, table_of
from electricsql.device.staging import Staging
from electricsql.protocol import decode_block, decode_clocks
from electricsql.replication import Block, Clock, Row, RowId
from electricsql.schema import Key, Schema

Keys = Mapping[str, Collection[Key]]
"""Rows by the names of their tables."""
Found = tuple[Block, Mapping[int, Clock]]
"""Rows as they came, with the clocks of their part."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A block of a staged part, and the sorted hashes of its rows' keys."""

    part: int
    place: int
    table: str
    hashes: "array[int]"

    def has(self, hash: int) -> bool:
        at = bisect_left(self.hashes, hash)
        return at < len(self.hashes) and self.hashes[at] == hash


class Contents:
    """The rows of one delta's parts, as far as they have been noted."""

    def __init__(self, schema: Schema, staging: Staging) -> None:
        self._schema = schema
        self._staging = staging
        self._noted: list[_Noted] = []
        self._known: dict[RowId, Found | None] = {}

    def note(self, part: int, place: int, block: Block) -> list[Key]:
        """A block has come; gives its keys.

        Raises:
            DeviceError: `apply-failed`: the file's schema does not have its rows.
        """
        table_of(self._schema, block)
        keys = self.keys_of(block)
        self._noted.append(_Noted(part, place, block.table, array("q", sorted(map(hash, keys)))))
        return keys

    def keys_of(self, block: Block) -> list[Key]:
        return list(columns_of(block, self._schema.tables[block.table].primary_key))

    def of_tables(self, names: Collection[str]) -> Iterator[Found]:
        """All that has come of some tables, in order."""
        yield from (self._read(noted) for noted in self._noted if noted.table in names)

    def besides(self, names: Collection[str]) -> Iterator[Found]:
        """All that has come of all other tables."""
        yield from (self._read(noted) for noted in self._noted if noted.table not in names)

    def look_up(self, wanted: Keys) -> None:
        """Keep in mind what the delta has of rows: the last it has of each."""
        for name, keys in wanted.items():
            unknown = {key for key in keys if RowId(name, key) not in self._known}
            self._known.update((RowId(name, key), None) for key in unknown)
            hashes = set(map(hash, unknown))
            for noted in self._noted:
                if noted.table == name and any(map(noted.has, hashes)):
                    block, clocks = self._read(noted)
                    for place, key in enumerate(self.keys_of(block)):
                        if key in unknown:
                            self._known[RowId(name, key)] = (only(block, [place]), clocks)

    def of_rows(self, wanted: Keys) -> Iterator[Found]:
        """What the delta has of rows."""
        self.look_up(wanted)
        for name, keys in wanted.items():
            yield from filter(None, (self._known[RowId(name, key)] for key in keys))

    def count(self, wanted: Keys) -> int:
        """How many of these rows the delta has."""
        return sum(1 for _ in self.of_rows(wanted))

    def row(self, row_id: RowId) -> tuple[Row | None, Mapping[int, Clock]]:
        """What the delta has of a row, if anything, and the clocks that this mentions."""
        for block, clocks in self.of_rows({row_id.table: {row_id.key}}):
            for _, row in block.rows(self._schema.tables[row_id.table]):
                return row, clocks
        return None, {}

    def tombstone(self, row_id: RowId) -> Row | None:
        """What the delta has of a row, if that is its death."""
        row, _ = self.row(row_id)
        return row if row is not None and not row.alive else None

    def _read(self, noted: _Noted) -> Found:
        part = self._staging.part(noted.part)
        return decode_block(part.blocks[noted.place]), decode_clocks(part.clocks)
