"""A new column has a DEFAULT that is computed.

Every device would compute it for the rows that it has, each at its own time and with its own dice,
and they would differ from then on. SQLite takes some of these on an empty table and refuses them on
one with rows.

In a new table a computed DEFAULT is computed once, by the device that inserts the row; whether
Postgres knows it too is for [device-only-default](device-only-default.md).

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN made TIMESTAMP DEFAULT CURRENT_TIMESTAMP;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN made TIMESTAMP;

Accepted:

    CREATE TABLE notes (
        id TEXT PRIMARY KEY NOT NULL,
        made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import add_column


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that tables which were there get, and that are computed."""
    for table, column, fate in seen.added_columns:
        if column.default is not None and not column.default.constant:
            yield Problem(
                fate.at,
                f"The new column {table.name}.{column.name} has the computed DEFAULT"
                f" {column.default.sql}.",
                "Every device would compute another value for the rows that are there.",
                fix=add_column(table.name, column),
                help="Give it a constant DEFAULT, or none, and let the app set it at the insert.",
            )
