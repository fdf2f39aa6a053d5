"""A unique index is partial, on an expression, or has a collation.

Postgres could not keep the same rule: it has no NOCASE, and may evaluate an expression differently.
A row that one side takes would be refused by the other.

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    CREATE UNIQUE INDEX one_email ON people (email COLLATE NOCASE);

Accepted:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    CREATE INDEX by_email ON people (email COLLATE NOCASE);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New unique indexes that Postgres can't have."""
    for table, index, at in seen.new_indexes:
        if index.unique and not index.columns:
            what = f"The unique index {index.name}" if index.sql else "A UNIQUE constraint"
            yield Problem(
                at,
                f"{what} of {table.name} is partial, on an expression, or has a collation.",
                "Postgres could not keep the same rule.",
                help="Make it unique over plain columns, or make the index not unique.",
            )
