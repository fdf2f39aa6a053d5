"""A migration creates or drops a view.

A view holds no rows, so there is nothing to replicate; and SQLite refuses to change tables that
views mention. Create it in the app when it opens the database, with `CREATE VIEW IF NOT EXISTS`.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN);
    CREATE VIEW open_notes AS SELECT * FROM notes WHERE NOT done;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Action


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Statements on views."""
    for step in seen.did(Action.CREATE_VIEW, Action.DROP_VIEW):
        yield Problem(
            step.span,
            "Views are not part of a migration.",
            "A view holds no rows to replicate, and keeps SQLite from changing its tables later.",
            help="Create the view in the app when it opens the database.",
        )
