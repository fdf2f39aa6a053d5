"""Whether a condition of SQLite's is true of a row: SQLite itself is asked, in memory."""

import sqlite3
from collections.abc import Mapping
from functools import lru_cache

from electricsql.limits import STATEMENTS_MAX
from electricsql.schema.expressions import qualified
from electricsql.schema.model import Table, Value
from electricsql.schema.tokens import quote


class Conditions:
    """Conditions over the rows of one table. To be closed."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._names = table.column_names

        self._opened: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def holds(self, condition: str, row: Mapping[str, Value]) -> bool:
        """Whether one is true, and neither false nor NULL."""
        values = [row[name] for name in self._names]
        if self._opened is None:
            self._opened = sqlite3.connect(":memory:", isolation_level=None)
        ((found,),) = self._opened.execute(_query(self._table, condition), values)
        return bool(found)


@lru_cache(maxsize=STATEMENTS_MAX)
def _query(table: Table, condition: str) -> str:
    columns = ", ".join(f"? AS {quote(name)}" for name in table.column_names)
    return f"SELECT {qualified(table, condition, 'r')} FROM (SELECT {columns}) AS r"
