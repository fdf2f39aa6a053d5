"""A migration renames a table.

Devices that are on the old version, maybe for weeks, know it by the old name only. Until both names
can be used side by side, it keeps the one it has.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes RENAME TO pages;

Accepted:

    CREATE TABLE drafts (id TEXT PRIMARY KEY NOT NULL);
    ALTER TABLE drafts RENAME TO notes;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Tables that were there, and are called otherwise."""
    for before, after, fate in seen.kept_tables:
        if before.name != after.name:
            yield Problem(
                fate.at,
                f"Table {before.name} is renamed to {after.name}.",
                "Devices on older versions, and what they send, know it by its old name.",
                help="Keep the name, and call it what you like in the app.",
            )
