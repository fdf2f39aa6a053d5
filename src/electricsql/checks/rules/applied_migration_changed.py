"""A migration that was applied has other contents here.

What was applied is history: devices have run it as it was. A change of the file would reach none of
them.

Bring the file back with `electric migrations revert`, and put the change into a new migration. In
development, `electric reset` deletes the environment's data, and everything is new again.

The rule looks where the environment can be asked what it has applied.
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, rule
from electricsql.migrations import Span


@rule(Severity.ERROR, when=When.APPLIED)
def find(seen: Analysis) -> Iterator[Problem]:
    """An applied migration with another hash."""
    applied = seen.applied.get(seen.source.name)
    if applied is not None and applied != seen.source.sha256:
        yield Problem(
            Span(0, 0),
            f"Migration {seen.source.name} was applied with other contents.",
            f"Its sha256 is {seen.source.sha256} here, and {applied} where it was applied; devices"
            " have run it as it was.",
            help=f"Revert it with `electric migrations revert {seen.source.name}`, and put the"
            " change in a new migration.",
        )
