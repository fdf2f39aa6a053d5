"""A CHECK or a generated column uses what SQLite and Postgres may take differently.

A rule that the two sides read differently lets a row in on a device that Postgres refuses, and a
column that they compute differently is another one in each database. What is known to mean the same
on both: comparisons of things of one type, AND, OR, NOT, IN, BETWEEN, IS NULL, CASE, texts with ||
between, and the functions length, coalesce, nullif, trim, ltrim, rtrim and replace; on columns that
are numbers, text or BOOLEAN. All others can be asked whether they are NULL. A number has at most 15
digits, and is not taken for a truth; a BOOLEAN column is one where it stands alone.

What computes a generated column may also have +, -, * on INTEGER columns, and / and % by a whole
number, but compare nothing of that.

LIKE, for one, does not see case in SQLite, and does in Postgres; a division rounds differently; a
text compared with a number is an error in Postgres; a sum that is too large is a REAL in SQLite,
and an error in Postgres; and a column with a collation compares otherwise on devices.

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT CHECK (email LIKE '%@%'));

Refused:

    CREATE TABLE people (
        id TEXT PRIMARY KEY NOT NULL, state TEXT COLLATE NOCASE CHECK (state IN ('new', 'known'))
    );

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, name TEXT, low TEXT AS (lower(name)));

Accepted:

    CREATE TABLE people (
        id TEXT PRIMARY KEY NOT NULL,
        email TEXT CHECK (length(email) >= 3),
        age INTEGER CHECK (age BETWEEN 0 AND 150),
        state TEXT NOT NULL CHECK (state IN ('new', 'known')),
        gone TIMESTAMP,
        shown TEXT AS (trim(email) || ' (' || state || ')'),
        next INTEGER AS (age + 1),
        CHECK (gone IS NULL OR id <> 'root')
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span
from electricsql.schema import (
    Mistyped,
    Token,
    Unportable,
    generated_expression,
    postgres_expression,
)


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New CHECKs and generated columns that can't be spelled in Postgres."""
    for made in seen.fates:
        old = made.before.checks if made.before else ()
        for check in made.after.checks if made.after else ():
            if made.after and check not in old:
                try:
                    postgres_expression(made.after, check, folds=True)
                except Unportable as error:
                    at = _place(seen, check, error.token) or made.at
                    yield _problem(f"A CHECK of table {made.after.name}", error.token, at)
    for table, column, fate in seen.columns:
        try:
            if column.is_generated:
                generated_expression(table, column)
        except Mistyped:
            continue  # another rule tells
        except Unportable as error:
            place = _place(seen, column.expression, error.token) or fate.at
            yield _problem(f"The generated {table.name}.{column.name}", error.token, place)


def _problem(what: str, token: Token, at: Span) -> Problem:
    return Problem(
        at,
        f"{what} uses {token.text}.",
        "SQLite and Postgres may take it differently: what one accepts, the other may refuse.",
        help="Write it with comparisons, AND, OR, NOT, IN, BETWEEN, IS NULL and length(), on"
        " columns that are numbers, text or BOOLEAN.",
    )


def _place(seen: Analysis, sql: str, token: Token) -> Span | None:
    """SQLite keeps an expression as it was written."""
    start = seen.source.text.find(sql)
    return None if start < 0 else Span(start + token.start, start + token.end)
