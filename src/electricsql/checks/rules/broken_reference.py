"""A view or a trigger names something that is not there.

SQLite takes it, and fails later: whenever the view is read, and whenever the app writes what would
set off the trigger.

A view is part of each device's schema. Postgres does not get it, since what it would mean there may
differ.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN);
    CREATE VIEW open_notes AS SELECT * FROM notes WHERE NOT finished;

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN);
    -- @local-only
    CREATE TRIGGER log AFTER INSERT ON notes BEGIN INSERT INTO logged VALUES (NEW.id); END;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN);
    CREATE VIEW open_notes AS SELECT * FROM notes WHERE NOT done;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, rule
from electricsql.migrations import Span


@rule(Severity.ERROR, when=When.LAST)
def find(seen: Analysis) -> Iterator[Problem]:
    """What can't be used after the migration, unless something else is wrong with it."""
    if any(each.is_error for each in seen.findings):
        return
    for name, failure in seen.broken:
        yield Problem(
            _place(seen, name),
            f"{name} does not work: {failure}.",
            "Whatever uses it would fail on devices.",
            help="Correct it, or drop it in this migration.",
        )


def _place(seen: Analysis, name: str) -> Span:
    """Where it is made; else the last statement: one of them broke it."""
    for step in reversed(seen.steps):
        if step.parsed.name is not None and step.parsed.name.name.lower() == name.lower():
            return step.span
    return seen.steps[-1].span if seen.steps else Span(0, 0)
