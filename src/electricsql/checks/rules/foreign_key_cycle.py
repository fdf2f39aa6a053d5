"""Foreign keys go round in a circle, and none of them may be NULL.

Neither row can come first: SQLite checks a foreign key at once, so an app could insert no row at
all, unless it defers the check in each transaction (`PRAGMA defer_foreign_keys`).

Let one of the columns be NULL: insert the row, and then let it point.

Refused:

    CREATE TABLE teams (id TEXT PRIMARY KEY NOT NULL, lead TEXT NOT NULL REFERENCES people (id));
    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams (id));

Accepted:

    CREATE TABLE teams (id TEXT PRIMARY KEY NOT NULL, lead TEXT REFERENCES people (id));
    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams (id));
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import ForeignKey, Schema, Table


@rule(Severity.ERROR, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """Of each circle that is new, the table that closes it: the last one to come."""
    for fate in reversed(seen.fates):
        table = fate.after
        if table is None or (fate.before and fate.before.foreign_keys == table.foreign_keys):
            continue
        later = {each.after.name for each in seen.fates[seen.fates.index(fate) + 1 :] if each.after}
        for key in _required(table):
            if table.name in _reached(seen.after, key.parent, later):
                at = [c.at for c in fate.columns if c.after and c.after.name == key.columns[-1]]
                yield Problem(
                    at[0] if at else fate.at,
                    f"The foreign key of {table.name}.{key.columns[-1]} closes a circle of foreign"
                    " keys none of which may be NULL.",
                    "Neither row can come first, so no row can be inserted.",
                    help="Let one of the columns be NULL: insert the row, then let it point.",
                )


def _required(table: Table) -> Iterator[ForeignKey]:
    """The foreign keys without which a row can't be."""
    for key in table.foreign_keys:
        if all(table.by_name[name].not_null for name in key.columns):
            yield key


def _reached(schema: Schema, start: str, passed_over: set[str]) -> set[str]:
    """The tables that a row of one can't be without, itself included."""
    found, todo = set[str](), [start]
    while todo:
        name = todo.pop()
        if name in found or name in passed_over or name not in schema.tables:
            continue
        found.add(name)
        todo += [key.parent for key in _required(schema.tables[name])]
    return found
