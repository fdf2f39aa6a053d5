"""How values are converted in made-up applications: as SQLite is told, and in Python."""

from collections.abc import Callable
from typing import Final, NamedTuple

from electricsql.schema import ColumnType, Value

INTEGER, TEXT = ColumnType.INTEGER, ColumnType.TEXT


class Failure(Exception):
    """There is no such value."""


class Rule(NamedTuple):
    """`up` and `down` in SQL, with {} for the column; and what they come to."""

    old: ColumnType
    new: ColumnType
    up: str
    down: str
    raises: Callable[[Value], Value]
    lowers: Callable[[Value], Value]


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _tenth(value: Value) -> Value:
    """SQLite divides towards zero."""
    return None if value is None else int(_number(value) / 10)


def _integer(value: Value) -> Value:
    if value is None:
        return None
    digits = str(value).removeprefix("-")
    return int(str(value)) if digits.isdigit() else 0


def _state(value: Value) -> Value:
    return {"x": 1, "y": 2}.get(str(value))


def _named(value: Value) -> Value:
    return "x" if value == 1 else "y" if value == 2 else "other"


def _short(value: Value) -> Value:
    if value == "z":
        raise Failure
    return None if value is None else len(str(value))


RULES: Final = (
    Rule(
        *(INTEGER, INTEGER, "{} * 10", "{} / 10"),
        lambda value: None if value is None else _number(value) * 10,
        _tenth,
    ),
    Rule(
        *(INTEGER, TEXT, "CAST({} AS TEXT)", "CAST({} AS INTEGER)"),
        lambda value: None if value is None else str(value),
        _integer,
    ),
    Rule(
        *(TEXT, INTEGER, "CASE {} WHEN 'x' THEN 1 WHEN 'y' THEN 2 END"),
        "CASE {} WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'other' END",
        _state,
        _named,
    ),
    Rule(
        *(TEXT, INTEGER, "CASE {0} WHEN 'z' THEN 'oops' ELSE length({0}) END"),
        "CASE {} WHEN 0 THEN '' WHEN 1 THEN 'a' END",
        _short,
        lambda value: "" if value == 0 else "a" if value == 1 else None,
    ),
    Rule(
        *(TEXT, TEXT, "coalesce({}, 'none')", "nullif({}, 'none')"),
        lambda value: "none" if value is None else value,
        lambda value: None if value == "none" else value,
    ),
    Rule(
        *(TEXT, TEXT, "upper({})", "lower({})"),
        lambda value: None if value is None else str(value).upper(),
        lambda value: None if value is None else str(value).lower(),
    ),
)
