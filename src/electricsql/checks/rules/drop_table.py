"""A migration drops a table.

Devices that are on the old version, maybe for weeks, still show the table and write to it. What
they wrote would be lost.

Leave the table in place; an app that no longer shows it has no need that it goes.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    DROP TABLE notes;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    CREATE TABLE pages (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Tables that were there and are not any more."""
    for fate in seen.fates:
        if fate.before is not None and fate.after is None:
            yield Problem(
                fate.at,
                f"Table {fate.before.name} is dropped.",
                "Devices on older versions still use it; what they write would be lost.",
                help="Leave it in place, and create what the new version needs beside it.",
            )
