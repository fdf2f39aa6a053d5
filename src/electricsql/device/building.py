"""Getting a large delta ready while programs go on writing: the tables that it changes much are
made anew beside the ones in use (`aside.py`), and change places with them when it is applied.

A whole delta is built while its parts come. For any other, a table's rows are copied once all parts
are here; and a table of which it changes little is left alone, and written when it is applied.

What programs have changed, and the hub has not got, is merged with what the delta has of it ahead
(`ahead.py`), and what they change then, when the tables change places.

All of it can be made again from the staged parts, so a process that ends leaves nothing to go on
with, only tables to drop.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import Final

from electricsql.device.ahead import Ahead
from electricsql.device.app_triggers import has_listeners
from electricsql.device.aside import Aside, swap
from electricsql.device.contents import Contents, Keys
from electricsql.device.displaced import read_displaced
from electricsql.device.file import transaction
from electricsql.device.lives import stage_block_lives, take_staged_lives
from electricsql.device.merging import Merging
from electricsql.device.meta import read_meta, schema_version
from electricsql.device.receiving import Receiving
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.staging import Staging
from electricsql.device.steps import Work
from electricsql.device.unsent import Unsent
from electricsql.device.writing import delete_sql, select_sql, upsert_sql, write_each
from electricsql.limits import (
    COPIED_PER_ROW_MAX,
    IN_PLACE_HUGE_ROWS_MAX,
    IN_PLACE_ROWS_MAX,
    LARGE_DELTA_ROWS_MIN,
    LATE_ROWS_MAX,
    MERGED_WEIGHT,
)
from electricsql.protocol import DeltaPart, decode_block, decode_clocks
from electricsql.replication import NOBODY, Block, Cursor, Row, RowId
from electricsql.schema import Key, Table, quote

_WRITTEN_ROWS: Final = 250
_ROW_BYTES: Final = 512  # of encoded blocks: more of them count as more rows


Changed = dict[str, set[Key]]


class Building:
    """What is built of one delta. All work is done in transactions of the caller."""

    def __init__(
        self, database: sqlite3.Connection, schemas: Schemas, staging: Staging, *, whole: bool
    ) -> None:
        self.hlc = 0
        self._database = database
        self._schemas = schemas
        self._schema = schemas.at(database, schema_version(database))
        self._staging = staging
        self._whole = whole
        self._listened = {t.name for t in self._schema if has_listeners(database, t.name)}
        self._contents = Contents(self._schema, staging)
        self._asides: dict[str, Aside] = {}
        self._weights: defaultdict[str, int] = defaultdict(int)
        self._late: defaultdict[str, set[Key]] = defaultdict(set)
        self._displaced: set[RowId] = set()
        self._unsent = Unsent(database, schemas)
        self._seen = 0
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
                keys = self._contents.note(number, place, block)
                self._weights[block.table] += len(keys) + len(data) // _ROW_BYTES
                if self._whole and block.table not in self._listened:
                    yield self._write(block, keys)
            self._seen = number

    def complete(self, last: DeltaPart, now_ms: int) -> Iterator[Work]:
        """All parts are here: do whatever can be done before the delta is applied."""
        yield from self.take()
        self._unsent = Unsent(self._database, self._schemas, last.acknowledged)
        changed = self._changed(now_ms)
        if self._whole:
            yield self._replacements(changed)
        else:
            yield from self._copies(changed)
        yield from self._try_again()
        yield from self._merge_ahead(changed, Cursor.parse(last.cursor).epoch, now_ms)

    def _merge_ahead(self, changed: Changed, epoch: str, now_ms: int) -> Iterator[Work]:
        """Merge what is unsent, and then what programs have changed meanwhile, for as long as that
        is less each time."""
        if self._whole and self._listened:  # a parent may be here, or only come: nobody knows yet
            _add(self._late, {table.name: self._unsent.keys(table) for table in self._schema})
            return
        merging = Merging(self._unsent, read_meta(self._database).origin, epoch)
        ahead = Ahead(
            *(self._database, self._schema, merging, self._contents, self._asides),
            whole=self._whole,
        )
        _add(changed, self._changed(now_ms))
        count, before = _count(changed), 0
        while count > LATE_ROWS_MAX and (not before or count <= before / 2):
            yield from ahead.merge(changed)
            changed = self._changed(now_ms)
            count, before = _count(changed), count
        _add(self._late, ahead.late)
        _add(self._late, changed)

    def late(self) -> Unsent:
        """The delta is being applied, and everything is sealed: what is unsent, narrowed to the
        rows that are still to be merged."""
        _add(self._late, self._unsent.read_on(self._schema))
        self._displaced = set(read_displaced(self._database, self._schema))
        for row_id in self._displaced:
            self._late[row_id.table].add(row_id.key)
        self._unsent.narrow(self._late)
        return self._unsent

    def switch(self, receiving: Receiving) -> None:
        """Have the tables change places, and receive what is not in them."""
        tables = {name: self._schema.tables[name] for name in self._asides}
        if self._whole:
            receiving.expect_all()
            receiving.expect_remaining(self._schema.tables[name] for name in self._listened)
        take_staged_lives(self._database)
        swap(self._database, [(name, aside.name) for name, aside in self._asides.items()])
        for table in tables.values():
            self._bring_over(receiving, table)
        for block, clocks in self._contents.of_rows({name: self._late[name] for name in tables}):
            receiving.take([block], clocks)
        for block, clocks in self._contents.besides(tables):
            receiving.take([block], clocks)
        receiving.note_needed()

    def tombstone(self, row_id: RowId) -> Row | None:
        """What the delta has of a row, if that is its death; a row that never was at the hub has
        the values that it has here."""
        row = self._contents.tombstone(row_id)
        if row is not None and row.never_was and row_id.table in self._asides:
            table, aside = self._schema.tables[row_id.table], self._asides[row_id.table]
            sql = select_sql(table, table.primary_key, aside.name)  # they have changed places
            found = self._database.execute(sql, row_id.key).fetchone()
            if found is not None:
                row = row._replace(values=dict(zip(table.column_names, found, strict=True)))
        return row

    def _changed(self, now_ms: int) -> Changed:
        """The rows that programs have changed since the last look."""
        with transaction(self._database):
            seal(self._database, self._schemas, now_ms)
        return self._unsent.read_on(self._schema)

    def _try_again(self) -> Iterator[Work]:
        """Write those rows that had no place."""
        waiting, self._late = self._late, defaultdict(set)
        for block, _ in self._contents.of_rows(waiting):
            yield self._write(block, self._contents.keys_of(block))

    def _bring_over(self, receiving: Receiving, table: Table) -> None:
        """The late rows of a table as programs have left them, from the table that is aside now; a
        displaced row is in neither. Of a whole delta, no others than those with unsent changes
        stay."""
        late = self._unsent.keys(table) if self._whole else self._late[table.name]
        keys = [key for key in late if RowId(table.name, key) not in self._displaced]
        sql = select_sql(table, table.primary_key, self._asides[table.name].name)
        found = (self._database.execute(sql, key).fetchone() for key in keys)
        receiving.replace(table, keys, [row for row in found if row is not None])

    def _replacements(self, changed: Keys) -> Work:
        """Tables that have rows, and of which the delta has none: they change places with empty
        ones."""
        for table in self._schema:
            (has_rows,) = self._database.execute(
                f"SELECT EXISTS (SELECT 1 FROM {quote(table.name)})"
            ).fetchone()
            if table.name not in self._listened and (has_rows or changed[table.name]):
                self._aside(table)
            yield

    def _copies(self, changed: Keys) -> Iterator[Work]:
        """Copy the tables that are changed much, and write their rows: the most changed ones, until
        the rest can be written while programs wait."""
        weights = {
            name: weight + MERGED_WEIGHT * self._contents.count({name: changed[name]})
            for name, weight in self._weights.items()
        }
        left = sum(weights.values())
        for name, weight in sorted(weights.items(), key=itemgetter(1), reverse=True):
            if name in self._listened:
                continue
            few = weight * COPIED_PER_ROW_MAX
            if left > IN_PLACE_ROWS_MAX and (
                left > IN_PLACE_HUGE_ROWS_MAX or not self._has_more_than(few, name)
            ):
                left -= weight
                yield self._copy(self._schema.tables[name])
        for block, _ in self._contents.of_tables(self._asides):
            yield self._write(block, self._contents.keys_of(block))

    def _copy(self, table: Table) -> Work:
        yield from self._aside(table).copy()

    def _has_more_than(self, rows: int, name: str) -> bool:
        (found,) = self._database.execute(
            f"SELECT EXISTS (SELECT 1 FROM {quote(name)} LIMIT 1 OFFSET {rows})"
        ).fetchone()
        return bool(found)

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
        stage_block_lives(self._database, table, keys, block)
        while some := list(islice(rows, _WRITTEN_ROWS)):
            alive = [values for _, shadow, values in some if not dead[shadow]]
            self._database.executemany(delete, [key for key, shadow, _ in some if dead[shadow]])
            for refused in write_each(self._database, upsert, alive):
                named = dict(zip(block.columns, refused, strict=True))
                self._late[table.name].add(table.key_of(named))
            yield


def _add(keys: Changed, more: Keys) -> None:
    for name, each in more.items():
        keys.setdefault(name, set()).update(each)


def _count(keys: Keys) -> int:
    return sum(map(len, keys.values()))
