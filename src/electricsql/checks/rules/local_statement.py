"""A statement concerns one database file only: PRAGMA, ATTACH, CREATE TEMP, VACUUM, ANALYZE.

A migration is the schema that all share. What concerns one file is done by the app when it opens
it.

Refused:

    PRAGMA foreign_keys = ON;

Refused:

    CREATE TEMP TABLE found (id TEXT PRIMARY KEY NOT NULL);

Accepted:

    CREATE TABLE found (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Action


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Statements on the file or the connection."""
    for step in seen.did(Action.LOCAL):
        word = step.statement.tokens[0].text.upper()
        yield Problem(
            step.span,
            f"This {word} concerns one database file, not the schema that all share.",
            "Other files and Postgres would not have it.",
            help="Leave it out, or run it in the app when it opens the database.",
        )
