"""What a migration makes of a schema: what it adds, and what else it changes.

Which changes are refused, and why, is said by the rules in `checks`. For a migration that says of
nothing what it was before, here is the last word: it may only add, and is never half made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from electricsql.errors import MigrationError
from electricsql.schema.model import Column, Index, Schema, Table
from electricsql.schema.pairs import Pair


@dataclass(frozen=True, slots=True)
class Difference:
    """What is new: whole tables, and columns, indexes and CHECKs of tables that were there; and
    what these have to compute. Indexes that go are as they were.

    `pairs` are the tables of which anything else is different, and `dropped` those that are there
    no more: both empty if the migration only adds."""

    tables: tuple[Table, ...]
    columns: tuple[tuple[Table, Column], ...]
    indexes: tuple[tuple[Table, Index], ...]
    dropped_indexes: tuple[tuple[Table, Index], ...]
    checks: tuple[tuple[Table, str], ...] = ()
    generated: tuple[tuple[Table, Column], ...] = ()
    pairs: tuple[Pair, ...] = ()
    dropped: tuple[Table, ...] = ()

    def touched(self) -> tuple[str, ...]:
        """The tables whose capture triggers must be made anew."""
        rules = (each for each in (*self.indexes, *self.dropped_indexes) if each[1].unique)
        tables = (*self.tables, *(t for t, _ in (*self.columns, *self.generated, *rules)))
        return tuple(dict.fromkeys(table.name for table in tables))

    def changed(self) -> set[str]:
        """The tables that are new, or have anything new or less."""
        others = (*self.indexes, *self.dropped_indexes)
        return {*self.touched(), *(self._name(table) for table, _ in others)}

    def _name(self, table: Table) -> str:
        """What a table is called after the migration."""
        called = (pair.after.name for pair in self.pairs if pair.before is table)
        return next(called, table.name)


def additions(before: Schema, after: Schema) -> Difference:
    """The difference between two neighbouring schemas.

    Raises:
        MigrationError: `not-additive`: it does more than to add.
    """
    old = [
        (before.tables[table.name], table)
        for table in after
        if before.tables.get(table.name, table) is not table
    ]
    missing = before.tables.keys() - after.tables.keys()
    changed = sorted(missing) + [now.name for then, now in old if not _only_adds(then, now)]
    if changed:
        raise MigrationError(
            "not-additive",
            f"What was there is changed or dropped: {', '.join(changed)}.",
            "Add what the new version needs beside it, and leave the old in place.",
        )
    return Difference(
        tables=tuple(table for table in after if table.name not in before.tables),
        columns=tuple((now, column) for then, now in old for column in _new_columns(then, now)),
        indexes=tuple(
            (now, index) for then, now in old for index in now.indexes if index not in then.indexes
        ),
        dropped_indexes=tuple(
            (then, index) for then, now in old for index in then.indexes if index not in now.indexes
        ),
        checks=tuple(
            (now, check) for then, now in old for check in now.checks if check not in then.checks
        ),
        generated=tuple(
            (now, column)
            for then, now in old
            for column in now.generated
            if column not in then.generated
        ),
    )


def changes(before: Schema, after: Schema, pairs: Sequence[Pair]) -> Difference:
    """The difference between two neighbouring schemas, given all tables that both have."""
    known = {pair.after.name for pair in pairs}
    there = {pair.before.name for pair in pairs}
    every = [pair for pair in pairs if not pair.is_same]
    added = [(pair.after, column) for pair in every for column in pair.added]
    return Difference(
        tables=tuple(table for table in after if table.name not in known),
        columns=tuple(each for each in added if not each[1].is_generated),
        indexes=tuple((pair.after, index) for pair in every for index in pair.indexes.came),
        dropped_indexes=tuple(
            (pair.before, index) for pair in every for index in pair.indexes.gone
        ),
        checks=tuple((pair.after, check) for pair in every for check in pair.checks.came),
        generated=tuple(each for each in added if each[1].is_generated),
        pairs=tuple(pair for pair in every if _is_reshaped(pair)),
        dropped=tuple(table for table in before if table.name not in there),
    )


def _is_reshaped(pair: Pair) -> bool:
    """Whether more is different of a table than what was added to it."""
    before, after = pair.before, pair.after
    return (
        before.name != after.name
        or bool(pair.lost)
        or any(old != new for old, new in pair.kept)
        or before.column_names != after.column_names[: len(before.columns)]
    )


def _new_columns(before: Table, after: Table) -> tuple[Column, ...]:
    return after.columns[len(before.columns) :]


def _only_adds(before: Table, after: Table) -> bool:
    """Whether what was there is as it was, but for indexes, and no old column has a new rule."""
    old = set(before.column_names)
    return (
        after.columns[: len(before.columns)] == before.columns
        and before.primary_key == after.primary_key
        and (before.strict, before.without_rowid) == (after.strict, after.without_rowid)
        and set(before.checks) <= set(after.checks)
        and set(before.generated) <= set(after.generated)
        and set(before.foreign_keys) <= set(after.foreign_keys)
        and not any(
            old.issuperset(foreign_key.columns)
            for foreign_key in set(after.foreign_keys) - set(before.foreign_keys)
        )
        and all(index.sql or index in after.indexes for index in before.indexes)
    )
