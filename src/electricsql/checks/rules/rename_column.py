"""A migration renames a column.

Devices that are on the old version, maybe for weeks, know it by the old name only. Until both names
can be used side by side, it keeps the one it has.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes RENAME COLUMN body TO markdown;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    ALTER TABLE notes RENAME COLUMN body TO markdown;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that were there, and are called otherwise."""
    for before, _, table in seen.kept_tables:
        for column in table.columns:
            if column.before and column.after and column.before.name != column.after.name:
                yield Problem(
                    column.at,
                    f"Column {before.name}.{column.before.name} is renamed to {column.after.name}.",
                    "Devices on older versions, and what they send, know it by its old name.",
                    help="Keep the name, and call it what you like in the app.",
                )
