"""A column has a collation: NOCASE, RTRIM or the app's own.

It counts on devices only: there `name = 'ann'` also finds `Ann`, and names are sorted without
regard to case. Postgres compares and sorts byte by byte, as SQLite does without a collation, and
what runs there finds and sorts otherwise. The values are replicated as they are.

Where it would decide what may be stored, both sides have to decide alike. In a UNIQUE rule Postgres
does as NOCASE does. In a key (`nocase-key`), in a UNIQUE rule with another collation
(`unportable-unique`), and where a CHECK compares such a column (`unportable-expression`), it is
refused.

Warned:

    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT COLLATE NOCASE);

Accepted:

    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.WARNING)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns with a collation, where no other rule refuses it."""
    for table, column, fate in seen.columns:
        if column.name in table.primary_key:
            continue
        if collation := seen.collation(fate):
            yield Problem(
                fate.at,
                f"Column {table.name}.{column.name} has the collation {collation}.",
                "It counts on devices only: Postgres compares and sorts byte by byte.",
                help="Leave it out here, and write COLLATE in the queries that need it; or take"
                " care that nothing depends on it in Postgres.",
            )
