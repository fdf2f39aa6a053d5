"""SQLite does not take a statement.

It would not take it on any device either. What SQLite says is repeated, with the place that it
means; the statements below were tried too, but what they say of the same cause is left out.

Refused:

    CREATE TABEL notes (id TEXT PRIMARY KEY NOT NULL);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span, Step


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """The first statement that fails; later ones may fail because of it."""
    for step in seen.steps:
        if step.failure is not None:
            yield Problem(
                _place(step, step.failure),
                f"SQLite says: {step.failure}.",
                "Devices run this statement as it is written here.",
                help="Correct the statement.",
            )
            return


def _place(step: Step, failure: str) -> Span:
    """What SQLite's message names, as far as it names something."""
    before, _, rest = failure.partition('near "')
    named = rest.rpartition('":')[0] if not before and rest else failure.rpartition(": ")[2]
    start = step.statement.sql.find(named) if named else -1
    if start < 0:
        return step.span
    return Span(step.span.start + start, step.span.start + start + len(named))
