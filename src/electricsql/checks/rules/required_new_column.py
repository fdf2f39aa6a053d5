"""A new column is NOT NULL and has no DEFAULT.

Devices that are on the old version, maybe for weeks, insert rows that have no value for it, and the
rows that are there have none either. SQLite takes the statement on an empty table and refuses it on
one with rows, so it would even depend on the device.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import add_column, example


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that tables which were there get, and that need a value."""
    for table, column, fate in seen.added_columns:
        constant = column.default is None or column.default.constant
        if not fate.is_written:
            continue
        if column.not_null and constant and column.default_value is None:
            yield Problem(
                fate.at,
                f"The new column {table.name}.{column.name} is NOT NULL and has no DEFAULT.",
                "Rows that are there, and rows that devices on the old version insert, would have"
                " no value for it.",
                fix=add_column(table.name, column, f"NOT NULL DEFAULT {example(column.type)}"),
            )
