"""A primary key is given out by SQLite: INTEGER PRIMARY KEY, or AUTOINCREMENT.

SQLite gives a row without a key the next number of its own file. Two devices that are offline give
the same number to different rows, and when they sync, the two become one row with a mixture of
both.

A UUID can be made on any device without asking anybody. Where the app always gives the number
itself, and it is the same everywhere (one that a server gave out), the rule can be waived.

Refused:

    CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, body TEXT);

Refused:

    CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);

Accepted:

    -- @allow device-local-key reason="ids are those of the catalogue"
    CREATE TABLE products (id INTEGER PRIMARY KEY NOT NULL, title TEXT);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name


@rule(Severity.ERROR, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """New tables whose key is SQLite's row number."""
    for fate in seen.new_tables:
        table = fate.after
        if table is not None and table.is_counted:
            key = table.primary_key[0]
            at = next(c.at for c in fate.columns if c.after and c.after.name == key)
            yield Problem(
                at,
                f"SQLite gives out the key {table.name}.{key}, on every device for itself.",
                "Two devices that are offline give the same number to different rows, which become"
                " one when they sync.",
                fix=f"{name(key)} TEXT PRIMARY KEY NOT NULL",
                help="Let the app give each row a new UUID.",
            )
