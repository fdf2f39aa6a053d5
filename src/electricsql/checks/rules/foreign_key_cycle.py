"""Tables refer to each other in a circle, and no row can be the first.

Where every foreign key of a circle is NOT NULL, a row needs another one that needs the first.
SQLite checks each statement, so nothing could be inserted, and nothing deleted.

It works where one of the columns may be NULL: insert, then point. It also works where one of the
foreign keys is DEFERRABLE INITIALLY DEFERRED: then a device checks it at the commit, as Postgres
does here with all of them, and both rows are inserted in one transaction.

Refused:

    CREATE TABLE teams (id TEXT PRIMARY KEY NOT NULL, lead TEXT NOT NULL REFERENCES people);
    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams);

Refused:

    CREATE TABLE folders (id TEXT PRIMARY KEY NOT NULL, parent TEXT NOT NULL REFERENCES folders);

Accepted:

    CREATE TABLE teams (id TEXT PRIMARY KEY NOT NULL, lead TEXT REFERENCES people);
    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams);

Accepted:

    CREATE TABLE teams (
        id TEXT PRIMARY KEY NOT NULL,
        lead TEXT NOT NULL REFERENCES people DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams);
"""

from collections import defaultdict
from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name
from electricsql.migrations import Span
from electricsql.schema import ForeignKey, Table


@rule(Severity.ERROR, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """The foreign keys that close a circle of those that a row can't do without at first."""
    new = [each for each in seen.new_foreign_keys if _binds(*each[:2])]
    if not new:
        return
    edges: defaultdict[str, set[str]] = defaultdict(set)
    for table in seen.after:
        for key in table.foreign_keys:
            if _binds(table, key) and not any(key is each for _, each, _ in new):
                edges[table.name].add(key.parent)
    for table, key, at in new:
        if _leads(edges, key.parent, table.name):
            yield _problem(table, key, at)
        else:
            edges[table.name].add(key.parent)


def _binds(table: Table, key: ForeignKey) -> bool:
    """Whether no row can be inserted before the one that it refers to."""
    columns = [table.every[each] for each in key.columns]
    return not key.deferred and all(
        column.not_null or column.name in table.primary_key for column in columns
    )


def _leads(edges: defaultdict[str, set[str]], start: str, end: str) -> bool:
    """Whether one table needs another, if only through others."""
    seen: set[str] = set()
    pending = [start]
    while pending:
        table = pending.pop()
        if table == end:
            return True
        if table not in seen:
            seen.add(table)
            pending += edges[table]
    return False


def _problem(table: Table, key: ForeignKey, at: Span) -> Problem:
    columns = ", ".join(key.columns)
    itself = key.parent == table.name
    return Problem(
        at,
        f"{table.name} ({columns}) refers to {'itself' if itself else key.parent}, and no row can"
        " be the first.",
        "Each row needs another one that is there before it, and is NOT NULL all the way round.",
        fix=f"REFERENCES {name(key.parent)} DEFERRABLE INITIALLY DEFERRED",
        help=f"Or let {columns} be NULL: insert, then point.",
    )
