"""A table that only devices have refers to a replicated one.

Others may delete the row that it refers to. The device is told that it is gone, and can't refuse.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- @local-only
    CREATE TABLE drafts (note TEXT REFERENCES notes (id), body TEXT);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- @local-only
    CREATE TABLE drafts (note TEXT, body TEXT);
    -- @local-only
    CREATE TRIGGER tidy AFTER DELETE ON notes BEGIN DELETE FROM drafts WHERE note = OLD.id; END;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Local tables, where they are made or altered, that refer to replicated ones."""
    parents = {name.lower(): parent for name, parent in seen.local_parents}
    for step in seen.steps:
        name = step.parsed.name.name if step.local and step.parsed.name else ""
        if parent := parents.pop(name.lower(), None):
            yield Problem(
                step.span,
                f"Table {name} is on devices only, and refers to {parent}.",
                "Others may delete the row that it refers to, and no device can refuse that.",
                help="Leave the reference out; a trigger can tidy up after a deleted row.",
            )
