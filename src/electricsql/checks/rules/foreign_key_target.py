"""A foreign key leads nowhere, or not to a primary key.

Rows are known by their primary key on every device, so that is what other rows refer to. A table
has to be there when others refer to it: it is created in the same migration or in an earlier one.

Refused:

    CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people);

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, name TEXT);
    CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people (name));

Accepted:

    CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people);
    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, name TEXT);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name, names
from electricsql.migrations import Span
from electricsql.schema import ForeignKey, Table


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New foreign keys without a parent, or to something else than its key."""
    for table, key, at in seen.new_foreign_keys:
        parent = seen.after.tables.get(key.parent)
        if parent is None or not _leads_to_key(key, parent):
            yield _problem(table, key, parent, at)


def _leads_to_key(key: ForeignKey, parent: Table) -> bool:
    return key.parent_columns == parent.primary_key and len(key.columns) == len(parent.primary_key)


def _problem(table: Table, key: ForeignKey, parent: Table | None, at: Span) -> Problem:
    if parent is None:
        return Problem(
            at,
            f"Table {table.name} refers to table {key.parent}, which does not exist, or is on"
            " devices only.",
            "No row could ever be inserted.",
            help=f"Create table {key.parent} in this migration or an earlier one.",
        )
    listed = ", ".join(map(str, key.parent_columns))
    return Problem(
        at,
        f"A foreign key of {table.name} refers to {parent.name} ({listed}), which is not its"
        f" primary key ({', '.join(parent.primary_key)}).",
        "Rows are known by their primary key on every device; other columns may change.",
        fix=f"REFERENCES {name(parent.name)} ({names(parent.primary_key)})",
    )
