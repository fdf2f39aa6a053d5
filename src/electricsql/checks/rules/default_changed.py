"""A column that is there gets another DEFAULT.

Rows that are there keep what they have, and devices that are on the old version, maybe for weeks,
go on inserting rows with the old DEFAULT: from now on there are rows of both kinds. Each device
shows what was stored, whatever its own DEFAULT is.

Warned:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, stars INTEGER NOT NULL DEFAULT 0);
    -- next migration
    CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, stars INTEGER NOT NULL DEFAULT 1);
    INSERT INTO new_notes (id, stars) SELECT id, stars FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, stars INTEGER NOT NULL DEFAULT 0);
    -- next migration
    ALTER TABLE notes ADD COLUMN rating INTEGER NOT NULL DEFAULT 1;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import Column


@rule(Severity.WARNING, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """Kept columns with another DEFAULT than before."""
    for before, _, table in seen.kept_tables:
        for column in table.columns:
            then, now = column.before, column.after
            if then and now and then.type == now.type and then.default != now.default:
                yield Problem(
                    column.at,
                    f"The DEFAULT of {before.name}.{then.name} changes from {_of(then)}"
                    f" to {_of(now)}.",
                    "Devices on older versions go on inserting rows with the old one.",
                    help="Leave it as it is, or waive this if rows of both kinds are fine.",
                )


def _of(column: Column) -> str:
    return column.default.sql if column.default else "none"
