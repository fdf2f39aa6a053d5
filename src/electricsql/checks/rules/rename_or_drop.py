"""A column goes while one of the same type comes: renamed, or dropped and another added.

A rename keeps the values: what is written under one name is seen under the other. A column that is
dropped keeps them for older versions only, and the new one begins empty. The migration does not say
which is meant.

To rename a column, write `ALTER TABLE notes RENAME COLUMN body TO content`. Where that can't be,
say it in a directive above a statement: `-- @rename notes.body -> content`. If the column is to
go, say `-- @drop notes.body`.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes DROP COLUMN body;
    ALTER TABLE notes ADD COLUMN content TEXT;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes RENAME COLUMN body TO content;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    -- @drop notes.body
    ALTER TABLE notes DROP COLUMN body;
    ALTER TABLE notes ADD COLUMN content TEXT;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import dropped, name


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns that may have been renamed."""
    for table, lost, came in seen.maybe_renamed:
        assert lost.before is not None and came.after is not None
        old, new = lost.before, came.after
        has_down = old.not_null and old.default is None
        yield Problem(
            lost.at,
            f"Column {table.name}.{old.name} goes and {new.name} comes: renamed, or dropped and"
            " added?",
            "A rename keeps the values. Of a column that is dropped, newer versions see no more.",
            fix=f"-- @rename {name(table.name)}.{name(old.name)} -> {name(new.name)}",
            help=f"Write that above the statement, or {dropped(table, old, has_down=has_down)}",
        )
