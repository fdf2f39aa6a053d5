"""The lens of a migration, from what it made of the schema before it."""

from collections.abc import Iterator

from electricsql.lenses import Added, Kept, Lens, TableLens, column_uid, made
from electricsql.schema import Schema, Table


def additive_lens(before: Schema, after: Schema) -> Lens:
    """That of a migration which only adds tables and columns."""
    return Lens(tuple(_additive(before, after)))


def _additive(before: Schema, after: Schema) -> Iterator[TableLens]:
    version = after.version or ""
    for table in after:
        then = before.tables.get(table.name)
        if then is None:
            yield made(version, table)
        elif then.column_names != table.column_names:
            yield _widened(version, then, table)


def _widened(version: str, then: Table, table: Table) -> TableLens:
    columns = (
        Kept(name) if name in then.by_name else Added(name, column_uid(version, table.name, name))
        for name in table.column_names
    )
    return TableLens(table.name, was=then.name, columns=tuple(columns))
