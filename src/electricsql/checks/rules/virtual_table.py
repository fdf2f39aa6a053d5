"""A migration creates a virtual table, such as one for full-text search.

Its contents belong to a module of SQLite, and Postgres has no such thing. Create it in the app when
it opens the database, and fill it from the tables that are replicated.

Refused:

    CREATE VIRTUAL TABLE found USING fts5 (body);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Action


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """CREATE VIRTUAL TABLE."""
    for step in seen.did(Action.CREATE_VIRTUAL_TABLE):
        yield Problem(
            step.span,
            "A virtual table can't be replicated.",
            "Postgres has nothing like it.",
            help="Create it in the app when it opens the database.",
        )
