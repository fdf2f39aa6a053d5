"""A table has more than 1,000 columns, or a key or an index more than 32.

Postgres has at most 32 columns in an index, and a row has to fit into a page of 8 kB there, but for
long texts and blobs: that is about 1,000 numbers. SQLite's expressions, of which the triggers on
devices are made, have a limit of 1,000 as well. Generated columns count.

Refused:

    CREATE TABLE readings (
        a1 INT NOT NULL, a2 INT NOT NULL, a3 INT NOT NULL, a4 INT NOT NULL, a5 INT NOT NULL,
        b1 INT NOT NULL, b2 INT NOT NULL, b3 INT NOT NULL, b4 INT NOT NULL, b5 INT NOT NULL,
        c1 INT NOT NULL, c2 INT NOT NULL, c3 INT NOT NULL, c4 INT NOT NULL, c5 INT NOT NULL,
        d1 INT NOT NULL, d2 INT NOT NULL, d3 INT NOT NULL, d4 INT NOT NULL, d5 INT NOT NULL,
        e1 INT NOT NULL, e2 INT NOT NULL, e3 INT NOT NULL, e4 INT NOT NULL, e5 INT NOT NULL,
        f1 INT NOT NULL, f2 INT NOT NULL, f3 INT NOT NULL, f4 INT NOT NULL, f5 INT NOT NULL,
        g1 INT NOT NULL, g2 INT NOT NULL, g3 INT NOT NULL, g4 INT NOT NULL, g5 INT NOT NULL,
        PRIMARY KEY (
            a1, a2, a3, a4, a5, b1, b2, b3, b4, b5, c1, c2, c3, c4, c5, d1, d2, d3, d4, d5,
            e1, e2, e3, e4, e5, f1, f2, f3, f4, f5, g1, g2, g3, g4, g5
        )
    );

Accepted:

    CREATE TABLE series (id TEXT PRIMARY KEY NOT NULL, title TEXT);
    CREATE TABLE readings (
        series TEXT NOT NULL REFERENCES series (id), number INT NOT NULL, reading REAL NOT NULL,
        PRIMARY KEY (series, number)
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.limits import COLUMNS_MAX, KEY_COLUMNS_MAX


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns, keys and indexes beyond what Postgres and devices take."""
    for fate in seen.fates:
        count = len(fate.after.every) if fate.after else 0
        if fate.after and count > max(COLUMNS_MAX, len(fate.before.every) if fate.before else 0):
            yield Problem(
                fate.at,
                f"Table {fate.after.name} has {count:,} columns.",
                f"Postgres and the triggers on devices take {COLUMNS_MAX:,}.",
                help="Make rows of them, or keep some in a table of their own with the same key.",
            )
    for fate in seen.new_tables:
        if fate.after and len(fate.after.primary_key) > KEY_COLUMNS_MAX:
            yield Problem(
                fate.at,
                f"The key of {fate.after.name} has {len(fate.after.primary_key)} columns.",
                f"Postgres has {KEY_COLUMNS_MAX} columns in an index at most.",
                fix="id TEXT PRIMARY KEY NOT NULL",
                help="Let the app give each row a new UUID.",
            )
    for table, index, at in seen.new_indexes:
        count = len(index.terms or index.columns)
        if count > KEY_COLUMNS_MAX:
            yield Problem(
                at,
                f"An index of {table.name} has {count} columns.",
                f"Postgres has {KEY_COLUMNS_MAX} columns in an index at most.",
                help="Leave out those that come last.",
            )
