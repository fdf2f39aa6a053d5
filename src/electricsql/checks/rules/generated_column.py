"""A column is GENERATED.

It would be computed by SQLite on devices and by Postgres at the hub, which can come to different
values. Let the app store the value, or compute it in the queries that need it.

Refused:

    CREATE TABLE items (
        id TEXT PRIMARY KEY NOT NULL,
        cents INTEGER NOT NULL,
        euros REAL AS (cents / 100.0)
    );

Accepted:

    CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, cents INTEGER NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New generated columns."""
    for table, column, fate in seen.columns:
        if column.generated:
            yield Problem(
                fate.at,
                f"Column {table.name}.{column.name} is generated.",
                "SQLite and Postgres would both compute it, and may come to different values.",
                help="Let the app store the value, or compute it in queries.",
            )
