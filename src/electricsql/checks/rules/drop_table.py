"""A migration drops a table, and does not say that this is meant.

Devices that are on the old version, maybe for weeks, still show the table and write to it. Nothing
of that is lost: its rows stay at the hub, and older versions go on seeing each other's. Newer ones,
and whoever reads Postgres, see no more of them. Say that this is meant, above the statement:

    -- @drop notes

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    DROP TABLE notes;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    -- @drop notes
    DROP TABLE notes;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Tables that were there and are not any more."""
    for fate in seen.fates:
        if fate.before is None or fate.after is not None:
            continue
        if seen.said.dropped([fate.before.name]) is None:
            yield Problem(
                fate.at,
                f"Table {fate.before.name} is dropped, and nothing says that this is meant.",
                "Devices on older versions go on using it, and newer ones see no more of it.",
                fix=f"-- @drop {name(fate.before.name)}",
            )
