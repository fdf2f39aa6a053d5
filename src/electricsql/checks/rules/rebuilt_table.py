"""A table that was there changes in a way that older versions can't be shown.

Creating a new table, filling it from the old one, dropping that and giving the new one its name is
how SQLite's own documentation changes what ALTER TABLE can't. So a table may lose columns, and get
new ones at any place; columns may be renamed (a new name in the SELECT is one), change places, get
another DEFAULT, or lose their NOT NULL.

If a column loses its NOT NULL, older versions need something to show where newer ones have NULL:
its DEFAULT, or what `-- @down notes.body = ''` says above a statement.

All else is refused as long as there are devices that use the table as it was: a column that gets
NOT NULL or is computed from others, another CHECK or foreign key over what was there, a table that
becomes STRICT or WITHOUT ROWID.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
    INSERT INTO new_notes (id, body) SELECT id, body FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, size INTEGER);
    INSERT INTO new_notes (id, body, size) SELECT id, body, length(body) FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
    -- next migration
    -- @down notes.body = ''
    CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, stars INTEGER DEFAULT 0, text TEXT);
    INSERT INTO new_notes (id, text) SELECT id, body FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, rule
from electricsql.checks.spelling import example, name
from electricsql.migrations import Gap, Lack


@rule(Severity.ERROR, when=When.LAST)
def find(seen: Analysis) -> Iterator[Problem]:
    """What older versions can't be shown, where no other rule says what is wrong with it."""
    if any(each.is_error for each in seen.findings):
        return
    for gap in seen.gaps:
        is_nullable = gap.lack is Lack.NULLABLE
        yield Problem(
            gap.at,
            f"{gap.about} is changed: {gap.lack}.",
            "Older versions would have nothing to show where newer ones have NULL."
            if is_nullable
            else "Devices on older versions use it as it was, and what they write has to fit both.",
            fix=_down(gap) if is_nullable else "",
            help="" if is_nullable else "Leave that as it is, and add what is new beside it.",
        )


def _down(gap: Gap) -> str:
    assert gap.table.before and gap.column and gap.column.before
    column = gap.column.before
    return f"-- @down {name(gap.table.before.name)}.{name(column.name)} = {example(column.type)}"
