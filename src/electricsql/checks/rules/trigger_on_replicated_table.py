"""A migration creates or drops a trigger.

What a trigger writes is captured like any other write, and replicated. A trigger that every device
has would fire again wherever the change arrives, and write once more what was written already.

Let the app do that write, in the transaction of the first one.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, edits INTEGER NOT NULL DEFAULT 0);
    CREATE TRIGGER count_edits AFTER UPDATE ON notes BEGIN
        UPDATE notes SET edits = edits + 1 WHERE id = NEW.id;
    END;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, edits INTEGER NOT NULL DEFAULT 0);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity, Span
from electricsql.checks.rule import rule
from electricsql.migrations import Action


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Statements on triggers."""
    for step in seen.did(Action.CREATE_TRIGGER, Action.DROP_TRIGGER):
        name, on = step.parsed.name, step.parsed.on
        where = f" on {on.name}" if on else ""
        yield Problem(
            Span.of(step.statement.tokens[0], name) if name else step.span,
            f"Trigger {name.name if name else ''}{where} would fire on every device.",
            "A change that was captured with the trigger's writes would set it off again wherever"
            " it arrives.",
            help="Let the app do this write: it is replicated like any other.",
        )
