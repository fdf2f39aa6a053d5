"""A primary key is made of REAL or BLOB, or of more than three columns.

Numbers with a fraction are computed, and what is computed on two devices may differ in the last
bit: then it is another row. Nobody can read a BLOB in an error message or type it in a query. A key
of many columns goes with every change and into every foreign key.

It all works; a UUID as TEXT is better.

Warned:

    CREATE TABLE points (x REAL PRIMARY KEY NOT NULL, label TEXT);

Warned:

    CREATE TABLE cells (
        a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, d TEXT NOT NULL, PRIMARY KEY (a, b, c, d)
    );

Accepted:

    CREATE TABLE points (id TEXT PRIMARY KEY NOT NULL, x REAL, label TEXT);
"""

from collections.abc import Iterator
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import ColumnType

_FRAGILE: Final = (ColumnType.REAL, ColumnType.BLOB)
_COLUMNS_MAX: Final = 3


@rule(Severity.WARNING)
def find(seen: Analysis) -> Iterator[Problem]:
    """New tables with such a key."""
    for fate in seen.new_tables:
        table = fate.after
        if table is None:
            continue
        for key in table.primary_key:
            column = table.by_name[key]
            if column.type in _FRAGILE and column.declared:
                yield Problem(
                    fate.place_of(key),
                    f"The key {table.name}.{key} is a {column.type}.",
                    "Two devices may compute it otherwise in the last bit, and have two rows."
                    if column.type is ColumnType.REAL
                    else "Nobody can read it in a message, or type it in a query.",
                    fix="id TEXT PRIMARY KEY NOT NULL",
                    help="Let the app give each row a new UUID.",
                )
        if len(table.primary_key) > _COLUMNS_MAX:
            yield Problem(
                fate.at,
                f"The key of {table.name} has {len(table.primary_key)} columns.",
                "It goes with every change, and into every foreign key to the table.",
                fix="id TEXT PRIMARY KEY NOT NULL",
                help="Let the app give each row a new UUID.",
            )
