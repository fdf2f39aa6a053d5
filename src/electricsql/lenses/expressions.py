"""Evaluating a lens's expressions: in a SQLite in memory, which nothing else is in.

What is evaluated is what SQLite lets compute a column: one row's values, no other rows, no time, no
chance. Of functions there are those that every SQLite has that a device may have. What fails, takes
too long, or gives what the column can't hold, is told as `Failed`: nothing is raised.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from electricsql.limits import ROW_BYTES_MAX
from electricsql.schema import Column, Value, can_hold, canonical, quote, tokens

_KNOWN_MAX: Final = 1_000
_STEPS: Final = 1_000
"""Of SQLite's machine, between two looks at the limit."""
_STEPS_MAX: Final = 100
"""Looks at the limit for a statement, and as many again for each row."""
_CONVERTED: Final = "~"
FUNCTIONS: Final = frozenset(
    {
        *("abs", "coalesce", "ifnull", "iif", "max", "min", "nullif", "quote", "round", "typeof"),
        *("char", "glob", "hex", "instr", "length", "like", "lower", "ltrim", "replace", "rtrim"),
        *("substr", "trim", "unicode", "upper"),
        *("date", "datetime", "julianday", "strftime", "time"),
        *("json", "json_array", "json_extract", "json_object", "json_quote", "json_type"),
        "json_valid",
    }
)
_DENIED: Final = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_PRAGMA})


class Failed(NamedTuple):
    """Why an expression gives nothing for a value."""

    why: str


class Expression(NamedTuple):
    """What computes a column from another one: `sql` knows it by the name of `source`."""

    sql: str
    source: Column
    target: Column


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


def evaluate(expression: Expression, values: Sequence[Value]) -> list[Value | Failed]:
    """What it makes of each value, as the target would store it. All at once, or, if one fails,
    by halves, until it is found."""
    if not _is_one(expression.sql):
        return [Failed("its brackets do not match")] * len(values)
    try:
        found = _computed(expression, values)
    except sqlite3.Error as error:
        if len(values) == 1:
            return [Failed(str(error))]
        half = len(values) // 2
        return evaluate(expression, values[:half]) + evaluate(expression, values[half:])
    return [_judged(expression.target, each) for each in found]


def _is_one(sql: str) -> bool:
    """Whether it ends no bracket that it has not begun: it is put between two."""
    depth = 0
    for token in tokens(sql):
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0:
            return False
    return depth == 0


def _computed(expression: Expression, values: Sequence[Value]) -> list[Value]:
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX)
        database.set_authorizer(_allow)
        database.execute(_table(expression))
        database.execute("BEGIN")
        database.executemany("INSERT INTO t VALUES (?)", ((value,) for value in values))
        looks = iter(range(_STEPS_MAX * (1 + len(values))))
        database.set_progress_handler(lambda: next(looks, None) is None, _STEPS)
        return [value for (value,) in database.execute(f"SELECT {quote(_CONVERTED)} FROM t")]
    finally:
        database.close()


def _table(expression: Expression) -> str:
    source, target = expression.source, expression.target
    collation = f" COLLATE {source.collation}"
    return (
        f"CREATE TABLE t ({quote(source.name)} {source.declared}{collation},"
        f" {quote(_CONVERTED)} {target.declared} AS (\n{expression.sql}\n))"
    )


def _allow(action: int, *names: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        is_known = (names[1] or "").lower() in FUNCTIONS
        return sqlite3.SQLITE_OK if is_known else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK


def _judged(target: Column, value: Value) -> Value | Failed:
    if value is None:
        return Failed(f"NULL, and {target.name} is NOT NULL") if target.not_null else None
    if not can_hold(target.type, (value,)) or (isinstance(value, str) and "\0" in value):
        return Failed(f"{_short(value)} is no {target.type}")
    try:
        return canonical(target.type, value)
    except ValueError:
        return Failed(f"{_short(value)} is no {target.type}")


def _short(value: Value) -> str:
    return f"{value!r:.60}"
