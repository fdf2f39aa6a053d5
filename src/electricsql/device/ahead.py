"""Merging unsent changes into the tables that are built aside, before the delta is applied: the
more a device has unsent, the longer that takes, and meanwhile programs shall write.

What programs change while this goes on is merged again, round by round, each shorter than the one
before. What is left for the transaction that applies the delta are the rows of the last round, and
those that can't be had right here: rows whose parents are missing, or that a rule of their table
refuses, and those that the delta has of tables that are not built.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from electricsql.device.aside import Aside
from electricsql.device.contents import Contents, Keys
from electricsql.device.lives import copy_life, stage_lives
from electricsql.device.merging import AS_IT_IS, Merging, known_values, mark
from electricsql.device.repair import children_of
from electricsql.device.steps import Work
from electricsql.device.writing import delete_sql, select_sql, upsert_sql
from electricsql.replication import Op, RowId, parents_of
from electricsql.schema import Key, Schema, Table, Value


class Ahead:
    """Merges rows of one delta, in transactions of the caller; `late` has those that must be merged
    when it is applied. `asides` are the tables that are built."""

    def __init__(
        self,
        database: sqlite3.Connection,
        schema: Schema,
        merging: Merging,
        contents: Contents,
        asides: Mapping[str, Aside],
        *,
        whole: bool,
    ) -> None:
        self.late: defaultdict[str, set[Key]] = defaultdict(set)
        self._database = database
        self._schema = schema
        self._merging = merging
        self._contents = contents
        self._asides = asides
        self._whole = whole

    def merge(self, changed: Keys) -> Iterator[Work]:
        """Merge rows that programs have changed, and see which of them are late all the same."""
        self._contents.look_up(changed)
        for name, keys in changed.items():
            if name in self._asides:
                yield self._merge_rows(self._schema.tables[name], keys)
        for name, keys in changed.items():
            table = self._schema.tables[name]
            self.late[name].update(key for key in keys if self._needs_more(table, key))

    def _merge_rows(self, table: Table, keys: Collection[Key]) -> Work:
        for key in keys:
            self._merge_row(table, key)
            yield

    def _merge_row(self, table: Table, key: Key) -> None:
        """Take a row as programs have left it, and merge that with what the delta has of it."""
        self._delete(table, key)
        row = self._database.execute(select_sql(table, table.primary_key), key).fetchone()
        if row is not None:
            self._upsert(table, key, table.column_names, row)
        received, clocks = self._contents.row(RowId(table.name, key))
        if received is None and not self._whole:
            return
        self._merging.clocks.update(clocks)
        merged = self._merging.row(table, key, received)
        if merged is None or not merged.alive:
            self._delete(table, key)
        elif merged is not AS_IT_IS:
            named = known_values(table, merged)
            self._upsert(table, key, tuple(named), tuple(named.values()))
        if merged is None or merged is AS_IT_IS:
            copy_life(self._database, table, key)
        else:
            life, ended = mark(key, merged, received)
            stage_lives(self._database, table, [life], ended)

    def _delete(self, table: Table, key: Key) -> None:
        self._database.execute(delete_sql(table, self._name(table.name)), key)

    def _upsert(
        self, table: Table, key: Key, columns: tuple[str, ...], row: Sequence[Value]
    ) -> None:
        try:
            self._database.execute(upsert_sql(table, columns, self._name(table.name)), row)
        except sqlite3.IntegrityError:
            self.late[table.name].add(key)

    def _needs_more(self, table: Table, key: Key) -> bool:
        """Whether a row that others refer to was deleted here, or one that it refers to is gone, or
        nobody knows yet what it will refer to."""
        if table.foreign_keys and table.name not in self._asides:
            received, _ = self._contents.row(RowId(table.name, key))
            if received is not None:  # they are merged when the delta is applied
                return True
        steps = self._merging.unsent.of(table, key)
        is_deleted = bool(steps) and steps[-1][1].op is Op.DELETE
        children = children_of(self._database, self._schema, RowId(table.name, key), self._name)
        if is_deleted and any(children):
            return True
        return bool(table.foreign_keys) and any(map(self._is_gone, self._parents(table, key)))

    def _parents(self, table: Table, key: Key) -> Iterator[RowId]:
        row = self._read(table, key)
        yield from parents_of(table, dict(zip(table.column_names, row or (), strict=False)))

    def _is_gone(self, row_id: RowId) -> bool:
        if self._read(self._schema.tables[row_id.table], row_id.key) is None:
            return True
        return row_id.table not in self._asides and self._contents.tombstone(row_id) is not None

    def _read(self, table: Table, key: Key) -> Sequence[Value] | None:
        """A row as it will be, as far as that is known."""
        sql = select_sql(table, table.primary_key, self._name(table.name))
        row: Sequence[Value] | None = self._database.execute(sql, key).fetchone()
        return row

    def _name(self, table: str) -> str:
        """Where a table's rows are for now."""
        return self._asides[table].name if table in self._asides else table
