"""A migration drops a column, and does not say that this is meant.

Devices that are on the old version, maybe for weeks, still show the column and write to it. Nothing
of that is lost: what older versions write to it stays at the hub, and they go on seeing it of each
other. Newer ones see no more of it. Say that this is meant, above the statement:

    -- @drop notes.body

Rows that a newer version inserts have nothing there. Older versions show its old DEFAULT for them,
else NULL; if it is NOT NULL and has no DEFAULT, say what: `-- @drop notes.body down=''`. That is a
constant, and of the column's type.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes DROP COLUMN body;

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
    -- next migration
    -- @drop notes.body
    ALTER TABLE notes DROP COLUMN body;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
    -- next migration
    -- @drop notes.body down=''
    ALTER TABLE notes DROP COLUMN body;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import dropped
from electricsql.migrations import Lack


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that kept tables had and do not have any more."""
    renamed = [lost for _, lost, _ in seen.maybe_renamed]
    incomplete = [gap.column for gap in seen.gaps if gap.lack is Lack.LOST]
    for before, _, table in seen.kept_tables:
        for column in table.columns:
            if column.before is None or column.after is not None or column in renamed:
                continue
            if column.before.is_generated or column.before.name in before.primary_key:
                continue
            name = f"{before.name}.{column.before.name}"
            if column in incomplete:
                yield Problem(
                    column.at,
                    f"Column {name} is dropped; it is NOT NULL and has no DEFAULT.",
                    "Devices on older versions need a value to show for rows that newer ones make.",
                    fix=dropped(before, column.before, has_down=True),
                )
            elif not seen.is_said(table, column.before):
                yield Problem(
                    column.at,
                    f"Column {name} is dropped, and nothing says that this is meant.",
                    "Devices on older versions go on using it, and newer ones see no more of it.",
                    fix=dropped(before, column.before),
                )
