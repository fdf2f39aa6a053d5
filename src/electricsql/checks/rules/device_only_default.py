"""A DEFAULT is computed in a way that Postgres does not know.

A device computes it when it inserts a row, and the value travels with the row. A row that is
inserted directly into Postgres has no DEFAULT for this column: it gets NULL, or is refused where
the column is NOT NULL. `CURRENT_TIMESTAMP`, `CURRENT_DATE` and `CURRENT_TIME` in a column for what
they give are known to both.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(16)))));

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
from electricsql.schema import postgres_default


@rule(Severity.WARNING, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns of new tables, with a DEFAULT that there is on devices only."""
    for table, column, fate in seen.columns:
        default = column.default
        is_new = seen.pair(table) is None
        if is_new and default and not default.constant and postgres_default(column) is None:
            yield Problem(
                fate.at,
                f"The DEFAULT {default.sql} of {table.name}.{column.name} is for devices only.",
                "Who inserts a row directly into Postgres has to give the value.",
                help="Let the app give the value, or make sure that nobody inserts in Postgres.",
            )
