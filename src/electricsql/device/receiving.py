"""Receiving a delta's rows: those that meet unsent changes are merged with them by the hub's own
rules, so that the device shows what the hub will hold; all others are taken as they are."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from electricsql.device.app_triggers import has_listeners
from electricsql.device.lives import (
    FIRST,
    Life,
    forget_lives,
    incarnation_of,
    kept_rows,
    record_lives,
    unlist,
)
from electricsql.device.merging import AS_IT_IS, Merging, known_values, mark
from electricsql.device.remaining import Remaining
from electricsql.device.repair import Repair, Tombstone, children_of
from electricsql.device.unsent import Unsent
from electricsql.device.writing import Writer
from electricsql.errors import DeviceError
from electricsql.replication import (
    NOBODY,
    Block,
    Clock,
    Row,
    RowId,
    parents_of,
)
from electricsql.schema import Key, Schema, Table, Value


class Receiving:
    """One delta's rows on their way into the file, inside its transaction.

    `place` is where they are received: the file's schema, its origin, and the epoch of the hub.
    `dead` knows the rows that the delta has deleted before.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        place: tuple[Schema, int, str],
        unsent: Unsent,
        *,
        large: bool,
        dead: Tombstone | None = None,
    ) -> None:
        self._database = database
        self._schema, origin, epoch = place
        self._unsent = unsent
        self._merging = Merging(unsent, origin, epoch)
        self._dead = dead
        self._writer = Writer(database, self._schema, self._is_changed, large=large)
        self._tombstones: dict[RowId, Row] = {}
        self._needed: set[RowId] = set()
        self._gone: dict[str, set[Key]] = {}
        self._parents = {key.parent for table in self._schema for key in table.foreign_keys}
        self._remaining = Remaining(database)
        self._absent: dict[str, set[Key]] = {}
        """Of a whole delta: the rows with unsent changes that have not come."""
        self._mixed = bool(unsent) or any(kept_rows(database, self._schema))

    def clear(self) -> None:
        """A whole delta follows: what is not in it, and not unsent, is gone."""
        self.expect_all()
        listened = [t for t in self._schema if has_listeners(self._database, t.name)]
        self.expect_remaining(listened)
        for table in self._schema:
            if table not in listened:
                self._empty(table)

    def _empty(self, table: Table) -> None:
        """Leave nothing but what is unsent."""
        keys = self._unsent.keys(table)
        own = [row for key in keys if (row := self._writer.read(table, key)) is not None]
        self._writer.delete(table, [table.key_of(row) for row in own])
        self._writer.clear(table)
        for row in own:
            self._writer.upsert(table, tuple(row), [tuple(row.values())])

    def expect_all(self) -> None:
        """Of a whole delta note what is unsent, and forget what is listed of all other rows. The
        tables are still as they were."""
        self._note_parents()
        for table in self._schema:
            keys = self._unsent.keys(table)
            self._absent[table.name] = set(keys)
            forget_lives(self._database, table, keys)

    def expect_remaining(self, tables: Iterable[Table]) -> None:
        """Of a whole delta: these tables have the rows of before, which are written over."""
        for table in tables:
            self._remaining.expect(table)
            self._remaining.note(table, self._unsent.keys(table))

    def _note_parents(self) -> None:
        """Note the rows that unsent ones refer to, in case the whole delta does not have them."""
        children = [table for table in self._schema if table.foreign_keys]
        pending = [RowId(table.name, key) for table in children for key in self._unsent.keys(table)]
        while pending:
            row_id = pending.pop()
            table = self._schema.tables[row_id.table]
            values = self._writer.read(table, row_id.key)
            for parent in parents_of(table, values or {}):
                parents = self._schema.tables[parent.table]
                found = self._writer.read(parents, parent.key)
                if found is not None and parent not in self._tombstones:
                    incarnation = incarnation_of(self._database, parents, parent.key)
                    self._tombstones[parent] = Row(found, {}, incarnation)
                    pending.append(parent)

    def replace(self, table: Table, keys: Sequence[Key], rows: Sequence[Sequence[Value]]) -> None:
        """Programs had left these rows like this."""
        self._writer.delete(table, keys)
        self._writer.upsert(table, table.column_names, rows)

    def note_needed(self) -> None:
        """Note the rows that any others refer to, and that we deleted."""
        for table in self._schema:
            for key in self._deleted(table.name).intersection(self._unsent.keys(table)):
                if any(children_of(self._database, self._schema, RowId(table.name, key))):
                    self._needed.add(RowId(table.name, key))

    def take(self, blocks: Iterable[Block], clocks: Mapping[int, Clock]) -> None:
        """Write the rows of a part.

        Raises:
            DeviceError: `apply-failed`: the file's schema does not have them.
        """
        self._merging.clocks.update(clocks)
        for block in blocks:
            table = table_of(self._schema, block)
            keys: list[Key] = list(columns_of(block, table.primary_key))
            self._remaining.note(table, keys)
            met = self._unsent.met(table, keys)
            self._take_plain(table, block, keys, met)
            if met:
                self._merge(table, only(block, sorted(met)))

    def finish(self) -> None:
        """All rows are here."""
        for name, absent in self._absent.items():
            for key in absent:
                self._show(self._schema.tables[name], key, None)
        for table, gone in self._remaining.gone():
            self._writer.delete(table, gone)
        self._writer.settle()
        if self._mixed:
            repair = Repair(self._database, self._schema, self._unsent, self._writer)
            any_dead = self._tombstones or self._dead is not None
            repair.run(self._tombstone if any_dead else None, self._needed)
        self._writer.close()

    def _tombstone(self, row_id: RowId) -> Row | None:
        found = self._tombstones.get(row_id)
        if self._dead is not None and (found is None or found.alive):
            found = self._dead(row_id) or found
        return found

    def _take_plain(
        self, table: Table, block: Block, keys: Sequence[Key], met: Collection[int]
    ) -> None:
        """Take the rows of a block that were not changed here."""
        dead = [shadow.deleted != NOBODY for shadow in block.shadows]
        rows: list[tuple[Value, ...]] = list(zip(*block.values, strict=True))
        places = [n for n in range(len(rows)) if n not in met] if met else range(len(rows))
        if any(dead):
            gone = [n for n in places if dead[block.shadow_of[n]]]
            places = [n for n in places if not dead[block.shadow_of[n]]]
            if self._mixed and table.name in self._parents:
                for key, row in only(block, gone).rows(table):
                    self._tombstones[RowId(table.name, key)] = self._as_shown(table, key, row)
            self._writer.delete(table, [keys[n] for n in gone])
        if len(places) < len(rows):
            rows = [rows[n] for n in places]
        self._writer.upsert(table, block.columns, rows)
        self._note_needed(table, block, places)
        self._note_lives(table, block, keys, met)

    def _as_shown(self, table: Table, key: Key, dead: Row) -> Row:
        """A tombstone; of a row that never was at the hub, with the values that it has here."""
        if not dead.never_was:
            return dead
        noted = self._tombstones.get(RowId(table.name, key))
        values = noted.values if noted is not None else self._writer.read(table, key)
        return dead._replace(values=values or dead.values)

    def _note_lives(
        self, table: Table, block: Block, keys: Sequence[Key], met: Collection[int]
    ) -> None:
        lives = [(s.incarnation, Life.DEAD if s.deleted else Life.ALIVE) for s in block.shadows]
        places = [n for n in range(len(keys)) if n not in met] if met else range(len(keys))
        if set(lives) == {(FIRST, Life.ALIVE)}:
            unlist(self._database, table, [keys[n] for n in places] if met else keys)
        else:
            marks = ((keys[n], *lives[block.shadow_of[n]]) for n in places)
            record_lives(self._database, table, marks)

    def _merge(self, table: Table, block: Block) -> None:
        """Lay our unsent changes over the rows that they meet."""
        absent = self._absent.get(table.name, set())
        for key, received in block.rows(table):
            absent.discard(key)
            self._show(table, key, received)

    def _show(self, table: Table, key: Key, received: Row | None) -> None:
        """Have the file show a row as the hub will make it of what was received."""
        row = self._merging.row(table, key, received)
        if row is AS_IT_IS:
            return
        if row is not None and row.alive:
            named = known_values(table, row)
            self._writer.upsert(table, tuple(named), [tuple(named.values())])
            parents = parents_of(table, row.values)
            self._needed.update(p for p in parents if p.key in self._deleted(p.table))
        else:
            self._writer.delete(table, [key])
            if row is not None and table.name in self._parents:
                self._tombstones[RowId(table.name, key)] = row
                self._needed.add(RowId(table.name, key))  # maybe: by what came before
        if row is not None:
            life, ended = mark(key, row, received)
            record_lives(self._database, table, [life], ended)

    def _is_changed(self, row_id: RowId) -> bool:
        return bool(self._unsent.of(self._schema.tables[row_id.table], row_id.key))

    def _deleted(self, name: str) -> set[Key]:
        if name not in self._gone:
            self._gone[name] = self._unsent.deleted(self._schema.tables[name])
        return self._gone[name]

    def _note_needed(self, table: Table, block: Block, places: Iterable[int]) -> None:
        """Note the rows that received ones refer to, and that we deleted."""
        for foreign_key in table.foreign_keys:
            deleted = self._deleted(foreign_key.parent)
            if deleted and set(foreign_key.columns) <= set(block.columns):
                keys = list(columns_of(block, foreign_key.columns))
                wanted = {keys[n] for n in places} & deleted
                self._needed.update(RowId(foreign_key.parent, key) for key in wanted)


def table_of(schema: Schema, block: Block) -> Table:
    """The table that a block's rows are of.

    Raises:
        DeviceError: `apply-failed`: the file's schema does not have them.
    """
    table = schema.tables.get(block.table)
    if table is not None:
        columns = set(block.columns)
        if columns.issuperset(table.primary_key) and columns.issubset(table.column_names):
            return table
    raise DeviceError(
        "apply-failed",
        f"The hub sent rows of {block.table} that do not fit this file's schema.",
        "This is a defect of electricsql; please report it.",
    )


def columns_of(block: Block, names: Iterable[str]) -> Iterator[Key]:
    """Some columns of a block, row by row."""
    return zip(*(block.values[block.columns.index(name)] for name in names), strict=True)


def only(block: Block, places: Sequence[int]) -> Block:
    """Some rows of a block."""
    values = [[column[n] for n in places] for column in block.values]
    shadow_of = [block.shadow_of[n] for n in places]
    return Block(block.table, block.columns, values, block.shadows, shadow_of)
