"""A trigger on a replicated table is not said to be on devices only.

What a trigger writes on the device where it fires is captured like any other write, and replicated.
It must not fire again wherever the change arrives.

With `-- @local-only` above it, it is on devices only. If it writes a replicated table, or refuses
something (RAISE), it is silent while changes of others come in, which bring with them what it did
where they were made. If it writes only tables that are not replicated, it hears of every change;
what it does must then never fail. What is written in Postgres sets off no such trigger. See
docs/local-only.md.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, edits INTEGER NOT NULL DEFAULT 0);
    CREATE TRIGGER count_edits AFTER UPDATE ON notes BEGIN
        UPDATE notes SET edits = edits + 1 WHERE id = NEW.id;
    END;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, edits INTEGER NOT NULL DEFAULT 0);
    -- @local-only
    CREATE TRIGGER count_edits AFTER UPDATE ON notes BEGIN
        UPDATE notes SET edits = edits + 1 WHERE id = NEW.id;
    END;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import LOCAL_ONLY, Action, Span, says_local


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Triggers on replicated tables without the directive."""
    for step in seen.did(Action.CREATE_TRIGGER):
        name, on = step.parsed.name, step.parsed.on
        replicated = {each.lower() for each in step.after.tables}
        if name and on and on.name.lower() in replicated and not says_local(step.statement):
            yield Problem(
                Span.of(step.statement.tokens[0], name),
                f"Trigger {name.name} on {on.name} would fire on devices only, not in Postgres.",
                "It is silent for what comes from others, if it writes what is replicated.",
                fix=f"-- @{LOCAL_ONLY}",
                help="Say so in the line above it.",
            )
