"""What a migration adds to a schema. Until lenses exist it may only add.

Which changes are refused, and why, is said by the rules in `checks`. Here is only the last word: a
change that can't be expressed as an addition is never half made.
"""

from dataclasses import dataclass

from electricsql.errors import MigrationError
from electricsql.schema.model import Column, Index, Schema, Table


@dataclass(frozen=True, slots=True)
class Difference:
    """What is new: whole tables, and columns, indexes and CHECKs of tables that were there; and
    what these have to compute."""

    tables: tuple[Table, ...]
    columns: tuple[tuple[Table, Column], ...]
    indexes: tuple[tuple[Table, Index], ...]
    dropped_indexes: tuple[tuple[Table, Index], ...]
    checks: tuple[tuple[Table, str], ...] = ()
    generated: tuple[tuple[Table, Column], ...] = ()

    def touched(self) -> tuple[str, ...]:
        """The tables whose capture triggers must be made anew."""
        rules = (each for each in (*self.indexes, *self.dropped_indexes) if each[1].unique)
        tables = (*self.tables, *(t for t, _ in (*self.columns, *self.generated, *rules)))
        return tuple(dict.fromkeys(table.name for table in tables))

    def changed(self) -> set[str]:
        """The tables that are new, or have anything new or less."""
        others = (*self.indexes, *self.dropped_indexes)
        return {*self.touched(), *(table.name for table, _ in others)}


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
