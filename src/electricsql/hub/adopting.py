"""Adopting tables that Postgres had before: they are kept in place, and nothing of them is
rewritten. A migration that would create such a table finds it instead.

What it takes: the checks of what devices can hold, foreign keys that can wait for a merge's end,
and a shadow row for each row that is there. (The catalog changes; `pg_class.relfilenode` does not.)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from electricsql.errors import MigrationError
from electricsql.hub.capture import adopt_rows, user_table
from electricsql.schema import (
    CatalogTable,
    Difference,
    Index,
    Table,
    computed_unlike,
    held_checks,
    postgres_add_column,
    postgres_foreign_key,
    postgres_has_index,
    postgres_index,
    postgres_plan,
    quote,
    unlike,
)

_ENUM_CAST = "enum"


def plan(difference: Difference, there: Mapping[str, CatalogTable]) -> list[str]:
    """The DDL of a migration where some of its tables are there already.

    Raises:
        MigrationError: `table-differs`: one of them can't serve.
    """
    adopted = [table for table in difference.tables if table.name in there]
    for table in adopted:
        _refuse_unlike(table, there[table.name])
    new = tuple(table for table in difference.tables if table.name not in there)
    statements = [*postgres_plan(replace(difference, tables=new))]
    for table in adopted:
        statements += _adopt(table, there[table.name])
    return statements


def rows(difference: Difference, there: Mapping[str, CatalogTable]) -> list[str]:
    """The statements that give shadows to the rows of those tables, when they are captured."""
    return [sql for table in difference.tables if table.name in there for sql in adopt_rows(table)]


def refuse_uncomputable(difference: Difference, found: Mapping[str, CatalogTable]) -> None:
    """See that tables which were adopted can compute what a migration adds to them.

    Raises:
        MigrationError: `table-differs`: one of them would compute it otherwise.
    """
    for table, column in difference.generated:
        _refuse(table, [*computed_unlike(table, column, found[table.name])])


def _refuse_unlike(table: Table, found: CatalogTable) -> None:
    _refuse(table, unlike(table, found))


def _refuse(table: Table, problems: Sequence[str]) -> None:
    if problems:
        raise MigrationError(
            "table-differs",
            f"Table {table.name} is in Postgres already, and another one: {'; '.join(problems)}.",
            "Correct the migration or the table; `electric init APP --from-postgres URL` writes a"
            " migration that fits.",
        )


def _adopt(table: Table, found: CatalogTable) -> Iterator[str]:
    name = user_table(table)
    for column in table.generated:
        yield postgres_add_column(table, column)
    constraints = {constraint for constraint, _ in found.checks}
    for constraint, check in held_checks(table):
        if constraint not in constraints:
            yield f"ALTER TABLE {name} ADD CONSTRAINT {quote(constraint)} CHECK ({check})"
    for column in table.columns:
        there = found.column(column.name)
        if there is not None and there.type == _ENUM_CAST:
            yield _enum_cast(there.type_name)
    for constraint, _, deferrable in found.foreign_keys:
        if not deferrable:
            yield f"ALTER TABLE {name} ALTER CONSTRAINT {quote(constraint)} DEFERRABLE"
    known = {(key.columns, key.parent) for _, key, _ in found.foreign_keys}
    for key in table.foreign_keys:
        if (key.columns, key.parent) not in known:
            yield postgres_foreign_key(table, key)
    for index in table.indexes:
        if not _is_there(index, found) and postgres_has_index(table, index):
            yield postgres_index(table, index)


def _is_there(index: Index, found: CatalogTable) -> bool:
    """Whether a table has an index; of one that is over more than columns, by its name."""
    if not index.columns:
        return index.name in {each.name for each in found.indexes}
    return any(
        each.columns == index.columns and (each.unique or not index.unique)
        for each in found.indexes
    )


def _enum_cast(type_name: str) -> str:
    """Devices send text, which Postgres makes an enum of only when it is told so."""
    return (
        "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_cast WHERE castsource = 'text'::regtype"
        f" AND casttarget = '{type_name}'::regtype) THEN"
        f" CREATE CAST (text AS {type_name}) WITH INOUT AS ASSIGNMENT; END IF; END$$"
    )
