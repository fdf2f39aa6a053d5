"""An index is made of something that Postgres does not have, or may take differently.

An index that is not unique changes nothing but speed, so devices have it, and Postgres does without
it: queries that run there have to find another way. That is so for a collation (NOCASE, RTRIM), and
for expressions and conditions that are not of the kind that a CHECK may have
(`unportable-expression`); all others are made in Postgres, too.

Warned:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    CREATE INDEX by_email ON people (lower(email));

Warned:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    CREATE INDEX by_email ON people (email COLLATE NOCASE);

Accepted:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    -- @allow device-only-index reason="only the app searches by it"
    CREATE INDEX by_email ON people (email COLLATE NOCASE);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT, done BOOLEAN, due TIMESTAMP);
    CREATE INDEX open_notes ON notes (due) WHERE NOT done AND due IS NOT NULL;
    CREATE INDEX by_title ON notes (trim(title), due DESC);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import postgres_has_index


@rule(Severity.WARNING, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """New indexes that Postgres can do without, and will."""
    for table, index, at in seen.new_indexes:
        if not index.unique and not postgres_has_index(table, index):
            yield Problem(
                at,
                f"The index {index.name} of {table.name} is on devices only.",
                "Postgres does not have what it is made of, or may take it differently.",
                help="Leave it so if only the app needs it; or make it of columns, comparisons and"
                " the functions that a CHECK may have.",
            )
