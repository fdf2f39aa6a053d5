"""A CHECK uses something that SQLite and Postgres may take differently.

A rule that the two sides read differently lets a row in on a device that Postgres refuses. What is
known to mean the same on both: comparisons of things of one type, AND, OR, NOT, IN, BETWEEN,
IS NULL, CASE, texts with || between, and the functions length, coalesce, nullif, trim, ltrim, rtrim
and replace; on columns that are numbers, text or BOOLEAN. All others can be asked whether they are
NULL. A number has at most 15 digits, and is not taken for a truth.

LIKE, for one, does not see case in SQLite, and does in Postgres; a division rounds differently; a
text compared with a number is an error in Postgres; a sum that is too large is a REAL in SQLite,
and an error in Postgres; and a column with a collation compares otherwise on devices.

Refused:

    CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT CHECK (email LIKE '%@%'));

Refused:

    CREATE TABLE people (
        id TEXT PRIMARY KEY NOT NULL, state TEXT COLLATE NOCASE CHECK (state IN ('new', 'known'))
    );

Accepted:

    CREATE TABLE people (
        id TEXT PRIMARY KEY NOT NULL,
        email TEXT CHECK (length(email) >= 3),
        age INTEGER CHECK (age BETWEEN 0 AND 150),
        state TEXT NOT NULL CHECK (state IN ('new', 'known')),
        gone TIMESTAMP,
        CHECK (gone IS NULL OR id <> 'root')
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity, Span
from electricsql.checks.rule import rule
from electricsql.schema import Table, Unportable, postgres_expression


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New CHECKs that can't be spelled in Postgres."""
    for fate in seen.fates:
        old = fate.before.checks if fate.before else ()
        for check in fate.after.checks if fate.after else ():
            if check in old or fate.after is None:
                continue
            try:
                postgres_expression(fate.after, check, folds=True)
            except Unportable as error:
                at = _place(seen, check, error.token.start, len(error.token.text))
                yield _problem(fate.after, error.token.text, at or fate.at)


def _problem(table: Table, word: str, at: Span) -> Problem:
    return Problem(
        at,
        f"A CHECK of table {table.name} uses {word}.",
        "SQLite and Postgres may take it differently: what one accepts, the other may refuse.",
        help="Write it with comparisons, AND, OR, NOT, IN, BETWEEN, IS NULL and length(), on"
        " columns that are numbers, text or BOOLEAN.",
    )


def _place(seen: Analysis, check: str, offset: int, length: int) -> Span | None:
    """SQLite keeps an expression as it was written."""
    start = seen.source.text.find(check)
    return None if start < 0 else Span(start + offset, start + offset + length)
