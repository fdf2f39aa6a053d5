"""Getting a large delta ready while programs go on writing: the tables that it changes much are
made anew beside the ones in use (`aside.py`), and change places with them when it is applied.

A whole delta is built while its parts come. For any other, a table's rows are copied once all parts
are here; and a table of which it changes little is left alone, and written when it is applied.

Programs may change rows meanwhile: their entries in the oplog tell which. These rows are brought
over, and merged with what the delta has of them, when the tables change places. For that it is kept
in mind which block has which rows, by the hashes of their keys.

All of it can be made again from the staged parts, so a process that ends leaves nothing to go on
with, only tables to drop.
"""

import sqlite3
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from electricsql.device.aside import Aside, swap
from electricsql.device.lives import stage_lives, take_staged_lives
from electricsql.device.meta import schema_version
from electricsql.device.receiving import Receiving, columns_of, only, table_of
from electricsql.device.staging import Staging
from electricsql.device.steps import Work
from electricsql.device.unsent import Unsent
from electricsql.device.writing import delete_sql, select_sql, upsert_sql, write_each
from electricsql.limits import COPIED_PER_ROW_MAX, IN_PLACE_ROWS_MAX, LARGE_DELTA_ROWS_MIN
from electricsql.protocol import decode_block, decode_clocks
from electricsql.replication import NOBODY, Block, Clock, Row, RowId
from electricsql.schema import Key, Schema, Table, quote

_WRITTEN_ROWS: Final = 250
_ROW_BYTES: Final = 512  # of encoded blocks: more of them count as more rows

Keys = Mapping[str, Collection[Key]]
"""Rows by the names of their tables."""
Changed = Mapping[str, Mapping[Key, int]]
"""The same with the numbers of their last entries in the oplog."""
Found = tuple[Block, Mapping[int, Clock]]


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


class Building:
    """What is built of one delta. All work is done in transactions of the caller."""

    def __init__(
        self, database: sqlite3.Connection, schema: Schema, staging: Staging, *, whole: bool
    ) -> None:
        self.hlc = 0
        self._database = database
        self._schema = schema
        self._staging = staging
        self._whole = whole
        self._asides: dict[str, Aside] = {}
        self._noted: list[_Noted] = []
        self._weights: defaultdict[str, int] = defaultdict(int)
        self._put_off: defaultdict[str, set[Key]] = defaultdict(set)
        self._known: dict[RowId, Found | None] = {}
        self._seen = 0
        self._copied_at = 0
        database.execute("DELETE FROM _electric_staged_lives")

    @property
    def is_fit(self) -> bool:
        """Whether there is anything to change places with, and nobody has changed the schema."""
        same = schema_version(self._database) == self._schema.version
        return same and bool(self._asides) and all(a.is_alike() for a in self._asides.values())

    @property
    def leaves_much(self) -> bool:
        """Whether many rows are still to be written into tables that were left alone."""
        weights = [self._weights[name] for name in self._weights if name not in self._asides]
        return sum(weights) >= LARGE_DELTA_ROWS_MIN

    def take(self) -> Iterator[Work]:
        """Take the parts that have come; of a whole delta, write their rows. All that need not be
        done in transactions is done between them."""
        for number in self._staging.numbers(self._seen):
            part = self._staging.part(number)
            clocks = decode_clocks(part.clocks).values()
            self.hlc = max((self.hlc, *(clock.hlc for clock in clocks)))
            for place, data in enumerate(part.blocks):
                block = decode_block(data)
                keys = self._note(number, place, block)
                self._weights[block.table] += len(keys) + len(data) // _ROW_BYTES
                if self._whole:
                    yield self._write(block, keys)
            self._seen = number

    def complete(self, acknowledged: int) -> Iterator[Work]:
        """All parts are here: do whatever can be done before the delta is applied."""
        yield from self.take()
        (self._copied_at,) = self._database.execute(
            "SELECT coalesce(max(seq), 0) FROM _electric_oplog"
        ).fetchone()
        if self._whole:
            yield from self._try_again()
            yield from self._complete_whole(acknowledged)
        else:
            yield from self._complete_copies()
            yield from self._try_again()
        self._look_up(self.changed())

    def _try_again(self) -> Iterator[Work]:
        """Write those rows that had no place."""
        waiting, self._put_off = self._put_off, defaultdict(set)
        self._look_up(waiting)
        for block, _ in self._received(waiting):
            yield self._write(block, self._keys_of(block))

    def changed(self) -> Changed:
        """The rows of tables made anew that programs have changed, as far as the oplog tells."""
        return {name: self._in_oplog(self._schema.tables[name]) for name in self._asides}

    def switch(self, receiving: Receiving, unsent: Unsent, changed: Changed) -> None:
        """Have the tables change places, and receive what is not in them. `changed` are the rows
        that programs had changed before anything was taken from the oplog."""
        late = self._late(changed)
        tables = self._schema.tables
        if self._whole:
            receiving.expect_all()
            late = {
                name: [key for key in keys if unsent.of(tables[name], key)]
                for name, keys in late.items()
            }
        take_staged_lives(self._database)
        swap(self._database, [(name, aside.name) for name, aside in self._asides.items()])
        for name, keys in late.items():
            self._bring_over(receiving, tables[name], keys)
        for block, clocks in self._rest(changed):
            receiving.take([block], clocks)
        receiving.note_needed()

    def tombstone(self, row_id: RowId) -> Row | None:
        """What the delta has of a row, if that is its death."""
        wanted = {row_id.table: {row_id.key}}
        self._look_up(wanted)
        for block, _ in self._received(wanted):
            for _, row in block.rows(self._schema.tables[row_id.table]):
                return None if row.alive else row
        return None

    def _in_oplog(self, table: Table, after: int = 0) -> dict[Key, int]:
        columns = ", ".join(f"c{table.positions[name]}" for name in table.primary_key)
        found = self._database.execute(
            f"SELECT max(seq), {columns} FROM _electric_oplog"
            f" WHERE tbl = {table.number} AND seq > ? GROUP BY {columns}",
            (after,),
        )
        return {tuple(key): seq for seq, *key in found.fetchall()}

    def _late(self, changed: Changed) -> Keys:
        """The rows that are not in the copies as programs have left them; of a whole delta also
        those that the delta has, which are to be merged."""
        return {
            name: [
                key
                for key, seq in keys.items()
                if seq > self._copied_at
                or key in self._put_off[name]
                or (self._whole and self._known.get(RowId(name, key)) is not None)
            ]
            for name, keys in changed.items()
        }

    def _bring_over(self, receiving: Receiving, table: Table, keys: Collection[Key]) -> None:
        """Rows as programs have left them, from the table that is aside now."""
        rows = self._read_rows(table, keys, self._asides[table.name].name)
        receiving.replace(table, list(keys), rows)

    def _rest(self, changed: Changed) -> Iterator[Found]:
        """What is to be received now: rows that programs have changed, or that had no place, and
        tables that were left alone."""
        wanted = {name: {*changed.get(name, ()), *self._put_off[name]} for name in self._asides}
        self._look_up(wanted)
        yield from self._received(wanted)
        for noted in self._noted:
            if noted.table not in self._asides:
                yield self._read(noted)

    def _look_up(self, wanted: Keys) -> None:
        """Keep in mind what the delta has of rows: the last it has of each."""
        for name, keys in wanted.items():
            unknown = {key for key in keys if RowId(name, key) not in self._known}
            self._known.update((RowId(name, key), None) for key in unknown)
            hashes = set(map(hash, unknown))
            for noted in self._noted:
                if noted.table == name and any(map(noted.has, hashes)):
                    block, clocks = self._read(noted)
                    for place, key in enumerate(self._keys_of(block)):
                        if key in unknown:
                            self._known[RowId(name, key)] = (only(block, [place]), clocks)

    def _received(self, wanted: Keys) -> Iterator[Found]:
        """What was kept in mind of these rows."""
        for name, keys in wanted.items():
            yield from filter(None, (self._known.get(RowId(name, key)) for key in keys))

    def _read(self, noted: _Noted) -> Found:
        part = self._staging.part(noted.part)
        return decode_block(part.blocks[noted.place]), decode_clocks(part.clocks)

    def _keys_of(self, block: Block) -> list[Key]:
        return list(columns_of(block, self._schema.tables[block.table].primary_key))

    def _note(self, part: int, place: int, block: Block) -> list[Key]:
        table_of(self._schema, block)
        keys = self._keys_of(block)
        self._noted.append(_Noted(part, place, block.table, array("q", sorted(map(hash, keys)))))
        return keys

    def _complete_whole(self, acknowledged: int) -> Iterator[Work]:
        """What the delta does not have is gone, unless it is unsent."""
        (after,) = self._database.execute(
            "SELECT coalesce(max(last_seq), 0) FROM _electric_transactions WHERE number <= ?",
            (acknowledged,),
        ).fetchone()
        for table in self._schema:
            (is_empty,) = self._database.execute(
                f"SELECT NOT EXISTS (SELECT 1 FROM {quote(table.name)})"
            ).fetchone()
            if not is_empty:
                unsent = self._in_oplog(table, after)
                self._look_up({table.name: unsent})
                own = [key for key in unsent if self._known[RowId(table.name, key)] is None]
                yield self._copy_some(table, own)

    def _copy_some(self, table: Table, keys: Sequence[Key]) -> Work:
        """Copy some rows of a table, as far as they are there and have a place."""
        name = self._aside(table).name
        upsert = upsert_sql(table, table.column_names, name)
        for start in range(0, len(keys), _WRITTEN_ROWS):
            rows = self._read_rows(table, keys[start : start + _WRITTEN_ROWS], table.name)
            for refused in write_each(self._database, upsert, rows):
                named = dict(zip(table.column_names, refused, strict=True))
                self._put_off[table.name].add(table.key_of(named))
            yield

    def _read_rows(self, table: Table, keys: Iterable[Key], name: str) -> list[Key]:
        sql = select_sql(table, table.primary_key, name)
        rows = (self._database.execute(sql, key).fetchone() for key in keys)
        return [row for row in rows if row is not None]

    def _complete_copies(self) -> Iterator[Work]:
        """Copy the tables that are changed much, and write their rows."""
        for name, weight in self._weights.items():
            if weight > IN_PLACE_ROWS_MAX and self._rows(name) <= weight * COPIED_PER_ROW_MAX:
                yield self._copy(self._schema.tables[name])
        for noted in self._noted:
            if noted.table in self._asides:
                block, _ = self._read(noted)
                yield self._write(block, self._keys_of(block))

    def _copy(self, table: Table) -> Work:
        yield from self._aside(table).copy()

    def _rows(self, name: str) -> int:
        """How many rows a table has, as far as that is of interest."""
        most = self._weights[name] * COPIED_PER_ROW_MAX + 1
        (count,) = self._database.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {quote(name)} LIMIT {most})"
        ).fetchone()
        return int(count)

    def _aside(self, table: Table) -> Aside:
        if table.name not in self._asides:
            self._asides[table.name] = Aside(self._database, table)
        return self._asides[table.name]

    def _write(self, block: Block, keys: list[Key]) -> Work:
        """Write rows into the copy of their table, some at a time."""
        table = self._schema.tables[block.table]
        name = self._aside(table).name
        dead = [shadow.deleted != NOBODY for shadow in block.shadows]
        upsert, delete = upsert_sql(table, block.columns, name), delete_sql(table, name)
        rows = zip(keys, block.shadow_of, zip(*block.values, strict=True), strict=True)
        stage_lives(self._database, table, keys, block)
        while some := list(islice(rows, _WRITTEN_ROWS)):
            alive = [values for _, shadow, values in some if not dead[shadow]]
            self._database.executemany(delete, [key for key, shadow, _ in some if dead[shadow]])
            for refused in write_each(self._database, upsert, alive):
                named = dict(zip(block.columns, refused, strict=True))
                self._put_off[table.name].add(table.key_of(named))
            yield
