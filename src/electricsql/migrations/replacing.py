"""How capture hears of the rows that REPLACE deletes because of a UNIQUE rule. Pure SQL.

`INSERT OR REPLACE` and `UPDATE OR REPLACE` delete every other row that has a value which must be
unique. They fire delete triggers only if the connection has said `PRAGMA recursive_triggers = ON`,
and programs that know nothing of us don't: the row would stay everywhere else. So before a row is
written, those that are in its way are noted in a table of our own; after it, whatever of them is
gone is logged as deleted. What the statement left alone (OR IGNORE, ON CONFLICT DO NOTHING) is
still there, and its note goes with the next one.

Not here: a row that is replaced by one of the same key. Its insert tells all that is to be told.
"""

from collections.abc import Iterator
from typing import Final

from electricsql.schema import Table, quote, rivals

NOTED: Final = "_electric_replaced_"
"""What the names of tables begin with that have the rows which may be replaced."""


def has_unique_rules(table: Table) -> bool:
    """Whether one row can be in the way of another with another key."""
    return any(index.unique for index in table.indexes)


def noted(table: Table) -> str:
    """The table with the rows that may be replaced; columns are named as the oplog's."""
    return f"{NOTED}{table.number}"


def make_noted(table: Table) -> Iterator[str]:
    """The statements that make it anew, as wide as the table is now; or only take it away."""
    yield f"DROP TABLE IF EXISTS {noted(table)}"
    if has_unique_rules(table):
        yield f"CREATE TABLE {noted(table)} ({', '.join(_places(table))})"


def note(table: Table, itself: str) -> list[str]:
    """What is done before a row is written; `itself` names what it was, or what it will be."""
    rules = (index for index in table.indexes if index.unique)
    taken = " OR ".join(f"({rivals(table, index, 'here', 'NEW')})" for index in rules)
    return [
        f"DELETE FROM {noted(table)}",
        f"INSERT INTO {noted(table)}\n  SELECT {', '.join(map(quote, table.column_names))}"
        f" FROM {quote(table.name)} AS here"
        f"\n  WHERE ({taken}) AND NOT ({_same_key(table, itself)})",
    ]


def gone(table: Table) -> str:
    """The rest of a SELECT that gives what was noted and is there no more."""
    same = " AND ".join(
        f"here.{quote(name)} IS c{table.positions[name]}" for name in table.primary_key
    )
    here = f"SELECT 1 FROM {quote(table.name)} AS here WHERE {same}"
    return f"FROM {noted(table)} WHERE NOT EXISTS ({here})"


def _same_key(table: Table, row: str) -> str:
    return " AND ".join(f"{quote(name)} IS {row}.{quote(name)}" for name in table.primary_key)


def _places(table: Table) -> Iterator[str]:
    return (f"c{place}" for place in range(len(table.columns)))
