"""A column goes while one of the same type comes: renamed, or dropped and another added.

A rename keeps the values; a column that is dropped loses them, on every device. The migration does
not say which is meant, and neither is safe: devices that are on the old version, maybe for weeks,
know the old name only.

Leave the old column in place. If the new one is only another word for it, keep the old name, and
call it what you like in the app. If it is something else, add it, and drop nothing.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes DROP COLUMN body;
    ALTER TABLE notes ADD COLUMN content TEXT;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes ADD COLUMN content TEXT;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import add_column


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that may have been renamed."""
    for table, lost, came in seen.maybe_renamed:
        assert lost.before is not None and came.after is not None
        old, new = lost.before.name, came.after.name
        yield Problem(
            lost.at,
            f"Column {table.name}.{old} goes and {new} comes: renamed, or dropped and added?",
            f"A rename would keep the values, a drop loses them; older versions know {old} only.",
            fix=add_column(table.name, came.after),
            help=f"Leave {old} in place, and add {new} beside it only if it is something else.",
        )
