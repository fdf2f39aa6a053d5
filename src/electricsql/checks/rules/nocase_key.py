"""A primary key has a collation: NOCASE, RTRIM or the app's own.

To SQLite `Ann` and `ann` are one key then, to Postgres two. Two rows of the hub would have one
place in a device's file.

Have the app write the key in one spelling, for example in lower case. What people typed can be kept
in a column of its own.

Refused:

    CREATE TABLE users (name TEXT COLLATE NOCASE PRIMARY KEY NOT NULL);

Refused:

    CREATE TABLE users (name TEXT NOT NULL, PRIMARY KEY (name COLLATE RTRIM));

Accepted:

    CREATE TABLE users (name TEXT PRIMARY KEY NOT NULL, shown TEXT);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns of a key, and keys, with a collation."""
    for table, column, fate in seen.columns:
        if column.name in table.primary_key and (collation := seen.collation(fate)):
            yield Problem(
                fate.at,
                f"The key {table.name}.{column.name} has the collation {collation}.",
                "SQLite takes keys for one that are two for Postgres.",
                help="Leave the collation out, and have the app write the key in one spelling.",
            )
