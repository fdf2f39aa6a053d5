"""A unique index is made of something that Postgres may take differently.

Postgres has to keep the same rule. It can where columns are plain or have NOCASE (that takes A to Z
for a to z, as `lower` does in Postgres), and where expressions and the condition of a partial index
are of the kind that a CHECK may have (`unportable-expression`). What would be unique by another
rule on one side would be refused there, and taken on the other.

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    -- @unique people.email on-conflict=quarantine
    CREATE UNIQUE INDEX one_email ON people (lower(email));

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT);
    -- @unique people.email on-conflict=quarantine
    CREATE UNIQUE INDEX one_email ON people (email COLLATE RTRIM);

Accepted:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT, gone TIMESTAMP);
    -- @unique people.email on-conflict=quarantine
    CREATE UNIQUE INDEX one_email ON people (email COLLATE NOCASE) WHERE gone IS NULL;

Accepted:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL);
    -- @unique people(first, last) on-conflict=quarantine
    CREATE UNIQUE INDEX one_name ON people (trim(first) || ' ' || trim(last));
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import Unportable, postgres_has_index


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New unique indexes that Postgres can't have."""
    for table, index, at in seen.new_indexes:
        try:
            postgres_has_index(table, index)
        except Unportable as error:
            what = f"The unique index {index.name}" if index.sql else "A UNIQUE constraint"
            yield Problem(
                at,
                f"{what} of {table.name} uses {error.token.text}.",
                "Postgres could not keep the same rule.",
                help="Make it unique over columns, plain or with NOCASE, or over what means the"
                " same to both; or make the index not unique.",
            )
