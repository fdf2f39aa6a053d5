"""A migration has no statements.

Once it is applied it can't be edited any more: what was to be written there would have to go into
another one.

Refused:

    -- add notes

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Nothing but comments."""
    if not seen.steps:
        yield Problem(
            Span(0, 0),
            "The migration has no statements.",
            "Once it is applied it can't be edited any more.",
            help="Write its SQL, or remove its folder.",
        )
