"""A migration says BEGIN, COMMIT or the like.

Devices and the hub apply a migration in a transaction of their own, whole or not at all, together
with what they note about it. A COMMIT inside would cut that in two.

Refused:

    BEGIN;
    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    COMMIT;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Action


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Statements that begin or end transactions."""
    for step in seen.did(Action.TRANSACTION):
        yield Problem(
            step.span,
            "A migration does not begin or end transactions.",
            "It is applied in one already, whole or not at all.",
            help="Leave this statement out.",
        )
