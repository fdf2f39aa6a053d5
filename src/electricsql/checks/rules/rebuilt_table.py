"""A table that is there is built anew.

Creating a new table, filling it from the old one, dropping that and giving the new one its name is
how SQLite's own documentation changes what ALTER TABLE can't. On a device it would delete every
row, with what hangs on it by ON DELETE CASCADE, and write it again.

What the new table adds is added to the old one instead. What it changes otherwise can't be changed
as long as there are devices that use it as it was.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, stars INTEGER DEFAULT 0);
    INSERT INTO new_notes (id, body) SELECT id, body FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 0;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.fates import TableFate
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, rule
from electricsql.checks.spelling import add_column
from electricsql.schema import Table


@rule(Severity.ERROR, when=When.LAST)
def find(seen: Analysis) -> Iterator[Problem]:
    """Tables that were there and are built anew, where no other rule says what is wrong with it."""
    if any(each.is_error for each in seen.findings):
        return
    for before, after, fate in seen.kept_tables:
        if not fate.rebuilt:
            continue
        changed = ", ".join(_changed(before, after, fate))
        added = [c.after for c in fate.columns if c.before is None and c.after is not None]
        yield Problem(
            fate.at,
            f"Table {after.name} is built anew{f', with another {changed}' if changed else ''}.",
            "Devices would delete and write all of its rows, and older versions use it as it was.",
            fix="\n".join(_added(after, column.name) for column in added),
            help="" if added and not changed else "Leave the table as it is.",
        )


def _changed(before: Table, after: Table, fate: TableFate) -> Iterator[str]:
    """What is not the same any more, of what was there."""
    for column in fate.columns:
        if column.before and column.after and column.before.not_null != column.after.not_null:
            yield f"NOT NULL of {column.before.name}"
    if set(before.checks) - set(after.checks):
        yield "CHECK"
    if set(before.foreign_keys) - set(after.foreign_keys):
        yield "foreign key"
    if (before.strict, before.without_rowid) != (after.strict, after.without_rowid):
        yield "kind of table (STRICT, WITHOUT ROWID)"


def _added(table: Table, column: str) -> str:
    """The statement that adds a column to the old table."""
    found = table.every[column]
    if found.is_generated:
        return add_column(table.name, found, f"GENERATED ALWAYS AS ({found.expression})")
    default = f" DEFAULT {found.default.sql}" if found.default else ""
    rest = f"{'NOT NULL' if found.not_null else ''}{default}".strip()
    return add_column(table.name, found, rest)
