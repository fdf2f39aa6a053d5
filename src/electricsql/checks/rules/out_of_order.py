"""A new migration sorts before one that was applied.

Migrations are run in the order of their names, and devices have passed that point. It happens when
two branches are merged: the one that comes second gets a new name, with the time of now.

The rule looks where the environment can be asked what it has applied.
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """A new name before an applied one."""
    last = max(seen.applied, default="")
    if seen.source.name < last:
        yield Problem(
            Span(0, 0),
            f"Migration {seen.source.name} sorts before {last}, which was applied already.",
            "Migrations run in the order of their names, and devices have passed that point.",
            help="Rename its folder so that it sorts last; `electric sync` shows the command.",
        )
