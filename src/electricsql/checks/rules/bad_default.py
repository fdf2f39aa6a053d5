"""A column's DEFAULT is nothing that its type can hold, or not in its canonical spelling.

A device refuses to write what Postgres can't hold, so every insert that leaves the column out would
fail. And a date or time that is not spelled as [types](../types.md) says would look different on
the device that wrote it.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN NOT NULL DEFAULT 'no');

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, at TIMESTAMP DEFAULT '2026-01-01T00:00');

Accepted:

    CREATE TABLE notes (
        id TEXT PRIMARY KEY NOT NULL,
        done BOOLEAN NOT NULL DEFAULT FALSE,
        at TIMESTAMP DEFAULT '2026-01-01 00:00:00'
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import example


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns whose constant DEFAULT a device would refuse."""
    for table, column, fate in seen.columns:
        value = column.default_value
        if column.default is not None and value is not None and not seen.fits(column.type, value):
            yield Problem(
                fate.at,
                f"The DEFAULT {column.default.sql} of {table.name}.{column.name} is no"
                f" {column.type} in its canonical spelling.",
                "An insert that leaves the column out would be refused, or differ from Postgres.",
                fix=f"DEFAULT {example(column.type)}",
                help="docs/types.md says how values of that type are written.",
            )
