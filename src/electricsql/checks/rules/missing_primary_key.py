"""A table has no PRIMARY KEY.

A row is known by its primary key on every device and in Postgres. Without one there is only
SQLite's own row number, which each file gives out for itself: the same number would mean another
row elsewhere.

A key that the app makes, such as a UUID, can be made on any device without asking anybody.

Refused:

    CREATE TABLE notes (body TEXT NOT NULL);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);

Accepted:

    CREATE TABLE tags (note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (note, tag));
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New tables without a key."""
    for fate in seen.new_tables:
        if fate.after is not None and not fate.after.primary_key:
            yield Problem(
                fate.at,
                f"Table {fate.after.name} has no PRIMARY KEY.",
                "Its rows can't be told apart: a row number means another row on every device.",
                fix="id TEXT PRIMARY KEY NOT NULL,",
                help="Declare one as the first column, and let the app give each row a new UUID.",
            )
