"""What a migration adds to a schema. Until lenses exist it may only add; anything else is
refused."""

from collections.abc import Iterator
from dataclasses import dataclass

from electricsql.errors import MigrationError
from electricsql.schema.model import Column, Index, Schema, Table

_WAIT = (
    "Only additions (tables, columns, indexes) are supported yet: add what the new version needs"
    " beside it, and leave the old in place."
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is new: whole tables, and columns and indexes of tables that were there."""

    tables: tuple[Table, ...]
    columns: tuple[tuple[Table, Column], ...]
    indexes: tuple[tuple[Table, Index], ...]
    dropped_indexes: tuple[tuple[Table, Index], ...]

    def touched(self) -> tuple[str, ...]:
        """The tables whose capture triggers must be made anew."""
        names = [table.name for table in self.tables]
        return tuple(dict.fromkeys([*names, *(table.name for table, _ in self.columns)]))


def additions(before: Schema, after: Schema) -> Difference:
    """The difference between two neighbouring schemas.

    Raises:
        MigrationError: `not-additive` (it says what changed), `required-new-column`.
    """
    for name in before.tables:
        if name not in after.tables:
            raise MigrationError("not-additive", f"Table {name} was dropped or renamed.", _WAIT)
    old = [table for table in after if table.name in before.tables]
    return Difference(
        tables=tuple(table for table in after if table.name not in before.tables),
        columns=tuple(
            (table, column)
            for table in old
            for column in _new_columns(before.tables[table.name], table)
        ),
        indexes=tuple(_indexes_only_in(after, before)),
        dropped_indexes=tuple(
            (table, index)
            for table, index in _indexes_only_in(before, after)
            if _refuse_dropped_constraint(table, index)
        ),
    )


def _new_columns(before: Table, after: Table) -> tuple[Column, ...]:
    kept, new = after.columns[: len(before.columns)], after.columns[len(before.columns) :]
    for old, now in zip(before.columns, kept, strict=False):
        if old != now:
            what = f"{before.name}.{old.name}"
            raise MigrationError("not-additive", f"Column {what} was changed or renamed.", _WAIT)
    if len(kept) < len(before.columns):
        missing = before.columns[len(kept)].name
        raise MigrationError("not-additive", f"Column {before.name}.{missing} was dropped.", _WAIT)
    _refuse_changed_rules(before, after)
    for column in new:
        _refuse_required(after, column)
    return new


def _refuse_changed_rules(before: Table, after: Table) -> None:
    if before.primary_key != after.primary_key:
        raise MigrationError("not-additive", f"The primary key of {after.name} changed.", _WAIT)
    if before.strict != after.strict or before.without_rowid != after.without_rowid:
        raise MigrationError("not-additive", f"Table {after.name} was rebuilt.", _WAIT)
    old = {column.name for column in before.columns}
    for foreign_key in set(after.foreign_keys) ^ set(before.foreign_keys):
        if foreign_key in before.foreign_keys or old.issuperset(foreign_key.columns):
            columns = ", ".join(foreign_key.columns)
            problem = f"The foreign key {after.name} ({columns}) was added, dropped or changed."
            raise MigrationError("not-additive", problem, _WAIT)


def _refuse_required(table: Table, column: Column) -> None:
    name = f"{table.name}.{column.name}"
    if column.default is not None and not column.default.constant:
        raise MigrationError(
            "computed-new-default",
            f"The new column {name} has a computed default, which would differ on every device.",
            "Give it a constant DEFAULT, or none.",
        )
    if column.not_null and column.default_value is None:
        raise MigrationError(
            "required-new-column",
            f"The new column {name} is NOT NULL and has no DEFAULT: rows that devices on the old"
            " version insert would have no value for it.",
            f"Give it a default, for example: {column.name} {column.declared} NOT NULL DEFAULT ''",
        )


def _refuse_dropped_constraint(table: Table, index: Index) -> bool:
    if index.sql is None:
        columns = ", ".join(index.columns)
        problem = f"The UNIQUE constraint of {table.name} ({columns}) was dropped."
        raise MigrationError("not-additive", problem, _WAIT)
    return True


def _indexes_only_in(one: Schema, other: Schema) -> Iterator[tuple[Table, Index]]:
    for table in one:
        if table.name in other.tables:
            have = set(other.tables[table.name].indexes)
            yield from ((table, index) for index in table.indexes if index not in have)
