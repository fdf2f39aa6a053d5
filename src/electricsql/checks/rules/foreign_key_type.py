"""A foreign key's columns have other types than the key that they refer to.

SQLite compares them nevertheless; Postgres does not take such a foreign key, or finds no row where
SQLite finds one: the text '1' is not the number 1, and a UUID is not the text that spells it.

Refused:

    CREATE TABLE people (id UUID PRIMARY KEY NOT NULL);
    CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people);

Accepted:

    CREATE TABLE people (id UUID PRIMARY KEY NOT NULL);
    CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner UUID REFERENCES people);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name
from electricsql.migrations import Span
from electricsql.schema import Column, Table


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New foreign keys with a column of another type than the one it refers to."""
    for table, key, at in seen.new_foreign_keys:
        parent = seen.after.tables.get(key.parent)
        if parent is None:
            continue
        for own, there in zip(key.columns, key.parent_columns, strict=False):
            one, other = table.every[own], parent.every.get(there)
            if other is not None and one.type is not other.type:
                yield _problem(table, one, parent, other, at)


def _problem(table: Table, own: Column, parent: Table, there: Column, at: Span) -> Problem:
    return Problem(
        at,
        f"Column {table.name}.{own.name} is {own.type}, and refers to {parent.name}.{there.name},"
        f" which is {there.type}.",
        "Postgres does not take values of different types for the same.",
        fix=f"{name(own.name)} {there.declared}",
    )
