"""A statement names a table as `main.notes`.

`main` is what one connection calls the file that it has opened. In a migration, which is run on
many files and in Postgres, there is only one place where a table can be.

Refused:

    CREATE TABLE main.notes (id TEXT PRIMARY KEY NOT NULL);

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
    """Names with a database before them."""
    for step in seen.steps:
        qualifier, name = step.parsed.qualifier, step.parsed.name
        if qualifier is not None:
            yield Problem(
                Span.of(qualifier, name or qualifier),
                f"The name is qualified with {qualifier.text}.",
                "That is a name of one connection's own; Postgres and other files don't know it.",
                fix=name.text if name else "",
            )
