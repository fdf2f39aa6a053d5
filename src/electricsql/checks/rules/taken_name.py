"""A table or an index has a name that Postgres gives to something else.

There, tables and indexes have one space of names, and a primary key or a UNIQUE constraint is an
index too: `notes_pkey` is the primary key of `notes`, and `notes_title_key` keeps its titles
unique.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT);
    CREATE INDEX notes_pkey ON notes (title);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT);
    CREATE INDEX notes_by_title ON notes (title);
"""

from collections import Counter
from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span
from electricsql.schema import Table, postgres_index_name, postgres_key_name


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New names that Postgres would have twice."""
    new = list(_new(seen))
    if not new:
        return
    taken = Counter(name for table in seen.after for name in _names(table))
    for name, what, at in new:
        if taken[name] > 1:
            yield Problem(
                at,
                f"{what} is called {name} in Postgres, as something else is.",
                "Postgres has one space of names for tables and indexes, and what belongs to"
                " primary keys and UNIQUE constraints.",
                help="Give it another name.",
            )


def _new(seen: Analysis) -> Iterator[tuple[str, str, Span]]:
    """The new names: what they are of, and where that is written."""
    for fate in seen.new_tables:
        if fate.after is not None:
            if _may_be_taken(fate.after.name):
                yield fate.after.name, f"Table {fate.after.name}", fate.at
            key = postgres_key_name(fate.after)
            yield key, f"The primary key of {fate.after.name}", fate.at
    for table, index, at in seen.new_indexes:
        if index.sql is None:
            name = postgres_index_name(table, index)
            yield name, f"A UNIQUE constraint of {table.name}", at
        elif _may_be_taken(index.name):
            yield index.name, f"Index {index.name}", at


def _may_be_taken(name: str) -> bool:
    """Whether it looks like one that Postgres gives; all others SQLite has only once."""
    return name.endswith(("_pkey", "_key"))


def _names(table: Table) -> Iterator[str]:
    yield table.name
    yield postgres_key_name(table)
    for index in table.indexes:
        yield postgres_index_name(table, index)
