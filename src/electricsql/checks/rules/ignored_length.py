"""A type has a length or a precision, which nobody keeps.

SQLite takes a text of any length for a `VARCHAR(3)`, and a number with any digits for a
`DECIMAL(5, 2)`. So that every row that a device has taken can be stored in Postgres, the column has
no length there either.

Say what has to hold with a CHECK, which both keep. Beside one that says the same, the length may
stay.

Refused:

    CREATE TABLE countries (id TEXT PRIMARY KEY NOT NULL, code VARCHAR(2));

Accepted:

    CREATE TABLE countries (
        id TEXT PRIMARY KEY NOT NULL,
        code TEXT CHECK (length(code) <= 2)
    );

Accepted:

    CREATE TABLE countries (
        id TEXT PRIMARY KEY NOT NULL,
        code VARCHAR(2) CHECK (length(code) <= 2)
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name
from electricsql.schema import Column, ColumnType, tokens


@rule(Severity.WARNING, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """New columns whose type has something in brackets."""
    for table, column, fate in seen.columns:
        condition = _condition(column)
        is_kept = condition and _texts(condition) in map(_texts, table.checks)
        if "(" in column.declared and not is_kept:
            yield Problem(
                fate.at,
                f"The type {column.declared} of {table.name}.{column.name} is taken for"
                f" {column.type}.",
                "SQLite keeps neither length nor precision, and so Postgres does not ask for it.",
                fix=f"{name(column.name)} {column.type}"
                + (f" CHECK ({condition})" if condition else ""),
                help="" if column.type is ColumnType.TEXT else "Leave out what is in the brackets.",
            )


def _condition(column: Column) -> str:
    """What a CHECK for its length says, where it has one."""
    inside = list(tokens(column.declared.partition("(")[2]))
    if column.type is not ColumnType.TEXT or not inside or not inside[0].text.isdigit():
        return ""
    return f"length({name(column.name)}) <= {inside[0].text}"


def _texts(expression: str) -> list[str]:
    return [token.name.lower() for token in tokens(expression)]
