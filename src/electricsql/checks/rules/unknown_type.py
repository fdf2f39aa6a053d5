"""A column has no type, or one that Postgres has no counterpart for.

SQLite takes any word as a type, and none; the column of a Postgres table has to be of one.
[Types](../types.md) lists the words that are known, and what becomes of them in Postgres.

Refused:

    CREATE TABLE prices (id TEXT PRIMARY KEY NOT NULL, amount MONEY);

Refused:

    CREATE TABLE prices (id TEXT PRIMARY KEY NOT NULL, amount);

Accepted:

    CREATE TABLE prices (id TEXT PRIMARY KEY NOT NULL, amount NUMERIC);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name
from electricsql.schema import ColumnType, column_type


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns of an unknown type."""
    for table, column, fate in seen.columns:
        if column_type(column.declared) is None:
            what = f"the type {column.declared}" if column.declared.strip() else "no type"
            yield Problem(
                fate.at,
                f"Column {table.name}.{column.name} has {what}.",
                "Postgres has to know what it holds.",
                fix=f"{name(column.name)} TEXT",
                help=f"Declare it as one of {', '.join(ColumnType)}.",
            )
