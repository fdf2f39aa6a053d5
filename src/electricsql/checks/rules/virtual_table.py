"""A virtual table, such as one for full-text search, is not said to be on devices only.

Its contents belong to a module of SQLite, and Postgres has no such thing. With `-- @local-only`
above it each device has one of its own. Triggers keep it up to date: one that writes nothing but
such tables hears of every change, whoever made it. They find its rows by rowid: for any other
column FTS5 reads the whole index. See docs/local-only.md.

Refused:

    CREATE VIRTUAL TABLE found USING fts5 (body);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- @local-only
    CREATE VIRTUAL TABLE found USING fts5 (body);
    INSERT INTO found (rowid, body) SELECT rowid, body FROM notes;
    -- @local-only
    CREATE TRIGGER found_insert AFTER INSERT ON notes BEGIN
        INSERT INTO found (rowid, body) VALUES (NEW.rowid, NEW.body);
    END;
    -- @local-only
    CREATE TRIGGER found_update AFTER UPDATE ON notes BEGIN
        UPDATE found SET body = NEW.body WHERE rowid = OLD.rowid;
    END;
    -- @local-only
    CREATE TRIGGER found_delete AFTER DELETE ON notes BEGIN
        DELETE FROM found WHERE rowid = OLD.rowid;
    END;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import LOCAL_ONLY, Action, says_local


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """CREATE VIRTUAL TABLE without the directive."""
    for step in seen.did(Action.CREATE_VIRTUAL_TABLE):
        if not says_local(step.statement):
            yield Problem(
                step.span,
                "A virtual table can't be replicated.",
                "Postgres has nothing like it, so each device would have only its own.",
                fix=f"-- @{LOCAL_ONLY}",
                help="Say so in the line above it.",
            )
