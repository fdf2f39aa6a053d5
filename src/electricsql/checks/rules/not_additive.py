"""A table that is there is changed in a way that older versions would not go along with.

Until versions can be translated into each other, a migration may add tables, columns and indexes.
This rule has the last word: it refuses what no other rule has a better explanation for, such as a
table that is built anew, a constraint that goes or comes, or another DEFAULT.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
    INSERT INTO new_notes (id, body) SELECT id, body FROM notes;
    DROP TABLE notes;
    ALTER TABLE new_notes RENAME TO notes;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    ALTER TABLE notes ADD COLUMN markdown TEXT;
    CREATE INDEX by_body ON notes (body);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity, Span
from electricsql.checks.rule import When, rule
from electricsql.errors import MigrationError
from electricsql.schema import additions


@rule(Severity.ERROR, when=When.LAST)
def find(seen: Analysis) -> Iterator[Problem]:
    """A table that was built anew; any other change that is no addition."""
    if any(each.is_error for each in seen.findings):
        return
    rebuilt = [fate for fate in seen.fates if fate.rebuilt and fate.after is not None]
    for fate in rebuilt:
        assert fate.after is not None
        yield _problem(fate.at, fate.after.name)
    try:
        additions(seen.before, seen.after)
    except MigrationError as error:
        if not rebuilt:
            yield _problem(Span(0, 0), error.problem)


def _problem(at: Span, what: str) -> Problem:
    return Problem(
        at,
        f"{what} is changed or built anew.",
        "Devices on older versions still use it as it was.",
        help="Add what the new version needs beside it: ALTER TABLE … ADD COLUMN, CREATE TABLE.",
    )
