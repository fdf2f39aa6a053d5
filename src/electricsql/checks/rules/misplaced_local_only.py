"""`-- @local-only` stands where it does nothing.

It is for tables, virtual tables, triggers and views that only devices have. What is done to these
later (ALTER, CREATE INDEX, DROP, INSERT) needs no word; what is done to a replicated table is done
in Postgres too.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- @local-only
    CREATE INDEX by_body ON notes (body);

Accepted:

    -- @local-only
    CREATE TABLE drafts (body TEXT);
    CREATE INDEX by_body ON drafts (body);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import LOCAL_ONLY, Span


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """The directive above anything else, or above nothing."""
    idle = [each for step in seen.steps if not step.local for each in step.statement.directives]
    for directive in (*idle, *seen.unbound):
        if directive.name == LOCAL_ONLY:
            yield Problem(
                Span(directive.start, directive.end),
                "This statement can't be on devices only.",
                "It concerns what is replicated, or the file.",
                help="Leave the directive out.",
            )
