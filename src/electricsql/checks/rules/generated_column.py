"""A generated column has a type or a rule that does not go with it.

A generated column is replicated nowhere: each device computes it, VIRTUAL or STORED, and Postgres
does the same (it stores it). It may be indexed, and CHECKs may read it. What computes it has to
mean the same to both (`unportable-expression`), with integers also +, -, *, and / and % by a whole
number. A device refuses what is too large for an INTEGER, as Postgres does.

- It has the type of what computes it: INTEGER, REAL, NUMERIC, TEXT, or BOOLEAN for a condition.
- It is computed from columns that are not generated themselves.
- It refers to no other table: merging looks after foreign keys by what is written.
- NOT NULL is a rule over all columns that it is computed from. If these are several, merging can
  break it: write it as a CHECK, with a policy (`check-spans-columns`).

Refused:

    CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, cents INTEGER, euros TEXT AS (cents / 100));

Refused:

    CREATE TABLE names (
        id TEXT PRIMARY KEY NOT NULL, first TEXT, last TEXT,
        shown TEXT NOT NULL AS (coalesce(first, last))
    );

Accepted:

    CREATE TABLE items (
        id TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL, cents INTEGER NOT NULL,
        total INTEGER GENERATED ALWAYS AS (count * cents) VIRTUAL,
        is_free BOOLEAN AS (cents = 0) STORED
    );
    CREATE INDEX by_total ON items (total);

Accepted:

    -- @check names.has_one on-conflict=quarantine
    CREATE TABLE names (
        id TEXT PRIMARY KEY NOT NULL, first TEXT, last TEXT, shown TEXT AS (coalesce(first, last)),
        CONSTRAINT has_one CHECK (shown IS NOT NULL)
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span
from electricsql.schema import Column, Mistyped, Table, Unportable, generated_expression, sources


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New generated columns that can't be had on both sides."""
    for table, column, fate in seen.columns:
        if column.is_generated:
            yield from _problems(table, column, fate.at)


def _problems(table: Table, column: Column, at: Span) -> Iterator[Problem]:
    shown = f"{table.name}.{column.name}"
    if any(column.name in key.columns for key in table.foreign_keys):
        yield Problem(
            at,
            f"The generated column {shown} refers to another table.",
            "Merging looks after foreign keys by what is written.",
            help="Let the app store what refers, in a column of its own.",
        )
    read = sources(table, [column.name]) - set(table.primary_key)
    if column.not_null and len(read) > 1:
        yield Problem(
            at,
            f"The generated column {shown} is NOT NULL.",
            f"It is computed from {' and '.join(sorted(read))}: two devices can change one of them"
            " each, and it is NULL for the row with both changes.",
            fix=f"-- @check {table.name}.is_there on-conflict=quarantine",
            help="Write that above the statement, and instead of NOT NULL"
            f" CONSTRAINT is_there CHECK ({column.name} IS NOT NULL).",
        )
    if _is_mistyped(table, column):
        yield Problem(
            at,
            f"The generated column {shown} is {column.type}, and what computes it is not.",
            "SQLite would keep what it gets, and Postgres refuse or change it.",
            help="Give it the type of what computes it: INTEGER, REAL, NUMERIC, TEXT, or BOOLEAN.",
        )


def _is_mistyped(table: Table, column: Column) -> bool:
    try:
        generated_expression(table, column)
    except Mistyped:
        return True
    except Unportable:
        pass  # another rule tells
    return False
