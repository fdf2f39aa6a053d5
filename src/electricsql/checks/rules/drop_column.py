"""A migration drops a column.

Devices that are on the old version, maybe for weeks, still show the column and write to it. What
they wrote would be lost.

Leave the column in place; if it is NOT NULL without a DEFAULT, go on writing to it.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes DROP COLUMN body;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes ADD COLUMN markdown TEXT;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that kept tables had and do not have any more."""
    renamed = [lost for _, lost, _ in seen.maybe_renamed]
    for before, _, table in seen.kept_tables:
        for column in table.columns:
            if column.before is None or column in renamed:
                continue
            if column.after is None:
                yield Problem(
                    column.at,
                    f"Column {before.name}.{column.before.name} is dropped.",
                    "Devices on older versions still use it; what they write would be lost.",
                    help="Leave it in place, and add what the new version needs beside it.",
                )
