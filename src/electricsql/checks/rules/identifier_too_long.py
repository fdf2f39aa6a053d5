"""A table, column or index has a name of more than 63 bytes.

Postgres keeps 63 bytes of a name and drops the rest: two names could become the same, and the name
that devices use would not be found.

Refused:

    CREATE TABLE observations_of_the_northern_breeding_colonies_by_volunteers_2026 (
        id TEXT PRIMARY KEY NOT NULL
    );

Accepted:

    CREATE TABLE northern_colonies (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.limits import IDENTIFIER_BYTES_MAX


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New names that Postgres would cut."""
    for at, shown, name in seen.new_names:
        if len(name.encode()) > IDENTIFIER_BYTES_MAX:
            yield Problem(
                at,
                f"{shown} has a name of {len(name.encode())} bytes.",
                f"Postgres keeps {IDENTIFIER_BYTES_MAX} bytes of a name.",
                help="Choose a shorter name.",
            )
