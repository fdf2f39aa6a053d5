"""Evaluating a lens's expressions: in a SQLite in memory, which nothing else is in."""

import sqlite3
from functools import lru_cache
from typing import Final

from electricsql.schema import Value

_KNOWN_MAX: Final = 1_000


@lru_cache(maxsize=_KNOWN_MAX)
def constant(sql: str) -> Value:
    """The value of an expression without columns.

    Raises:
        sqlite3.Error: it isn't one.
    """
    database = sqlite3.connect(":memory:")
    try:
        value: Value = database.execute(f"SELECT {sql}").fetchone()[0]
    finally:
        database.close()
    return value
