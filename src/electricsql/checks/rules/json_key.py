"""A primary key has a JSON column.

One JSON value has many spellings: Postgres can't say which of them are the same, so it makes no
key of them; and to SQLite each would be another row.

Refused:

    CREATE TABLE settings (path JSON PRIMARY KEY NOT NULL, value TEXT);

Accepted:

    CREATE TABLE settings (path TEXT PRIMARY KEY NOT NULL, value JSON);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name
from electricsql.schema import ColumnType


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New tables with such a key."""
    for fate in seen.new_tables:
        keys = fate.after.primary_key if fate.after else ()
        for each in fate.columns:
            column = each.after
            if column and column.type is ColumnType.JSON and column.name in keys:
                yield Problem(
                    each.at,
                    f"Column {column.name} is JSON, and part of the primary key.",
                    "Postgres does not know which JSON values are the same.",
                    fix=f"{name(column.name)} TEXT NOT NULL",
                )
