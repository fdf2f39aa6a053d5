"""A column has a collation: NOCASE, RTRIM or the app's own.

It counts on devices only: there `name = 'ann'` also finds `Ann`, and names are sorted without
regard to case. Postgres compares and sorts byte by byte, as SQLite does without a collation, and
what runs there finds and sorts otherwise. The values are replicated as they are.

Refused is this only where it decides what may be stored: in a key (`nocase-key`) and in a UNIQUE
rule (`unportable-unique`).

Warned:

    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT COLLATE NOCASE);

Accepted:

    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT);
    CREATE INDEX by_name ON users (name COLLATE NOCASE);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.WARNING)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns with a collation, where no other rule refuses it."""
    for table, column, fate in seen.columns:
        is_refused = any(index.unique and not index.columns for index in table.indexes)
        if column.name in table.primary_key or is_refused:
            continue
        if collation := seen.collation(fate):
            yield Problem(
                fate.at,
                f"Column {table.name}.{column.name} has the collation {collation}.",
                "It counts on devices only: Postgres compares and sorts byte by byte.",
                help="Leave it out here, and write COLLATE in the queries that need it; or take"
                " care that nothing depends on it in Postgres.",
            )
