"""How one column's values are compared, kept, read and written in Postgres.

On the wire a value is what SQLite stores (`schema.Value`). Types that asyncpg and SQLite see alike
travel as they are; the others as text, made and read by Postgres itself, so that nothing is lost on
the way.
"""

from collections.abc import Callable, Iterable
from typing import Final

from electricsql.schema import (
    POSTGRES_TYPES,
    Column,
    ColumnType,
    Table,
    Value,
    canonical,
    postgres_literal,
    quote,
)

_NATIVE: Final = frozenset(
    {ColumnType.INTEGER, ColumnType.REAL, ColumnType.TEXT, ColumnType.BLOB, ColumnType.JSON}
)
_KINDS: Final[dict[ColumnType, set[type]]] = {
    ColumnType.INTEGER: {int},
    ColumnType.BOOLEAN: {int},
    ColumnType.REAL: {float},
    ColumnType.NUMERIC: {int, float},
    ColumnType.BLOB: {bytes},
}
_WITH_FRACTION: Final = frozenset({ColumnType.TIME, ColumnType.TIMESTAMP, ColumnType.TIMESTAMPTZ})
_INTEGER_MAX: Final = (1 << 63) - 1
_DIGITS: Final = 6


def distinct(column: Column) -> str:
    """Whether a column differs between the rows `n` and `o`. (json has no equality.)"""
    cast = "::text" if column.type is ColumnType.JSON else ""
    name = quote(column.name)
    return f"n.{name}{cast} IS DISTINCT FROM o.{name}{cast}"


def default_of(column: Column) -> str | None:
    """Whether a column of row `n` holds its default; None if the default isn't a constant."""
    if not column.has_constant_default:
        return None
    name = quote(column.name)
    if column.default_value is None:
        return f"n.{name} IS NULL"
    cast = "::text" if column.type in (ColumnType.JSON, ColumnType.TEXT) else ""
    return f"n.{name}{cast} = {postgres_literal(column.default_value, column.type)}{cast}"


def stored(column: Column, alias: str) -> str:
    """A column of a row of the user's table. A table that was there before may have another type of
    the same kind (`schema/catalog.py`)."""
    return f"{alias}.{quote(column.name)}::{POSTGRES_TYPES[column.type]}"


def kept_text(column: Column) -> str:
    """A column of row `o` as a tombstone keeps it; of a hidden one, what nobody wrote."""
    return default_text(column) if column.hidden else f"o.{quote(column.name)}::text"


def default_text(column: Column) -> str:
    """A column's default as shadows keep values."""
    literal = postgres_literal(column.default_value, column.type)
    return f"{literal}::text"


def kept_before(table: Table, column: Column) -> str:
    """What shadow `s` keeps in a column, as text; the default if the column is younger."""
    place = table.positions[column.name] + 1
    value = f"s.kept[{place}]"
    if column.default_value is None:
        return value
    known = f"coalesce(cardinality(s.kept), 0) >= {place}"
    return f"CASE WHEN {known} THEN {value} ELSE {default_text(column)} END"


def wire(column: Column, expression: str) -> str:
    """An expression of the column's type, as it is fetched; `finish` completes it."""
    match column.type:
        case ColumnType.BOOLEAN:
            return f"{expression}::int"
        case ColumnType.TIMESTAMPTZ:
            return f"({expression} AT TIME ZONE 'UTC')::text"
        case type if type in _NATIVE:
            return expression
        case _:
            return f"{expression}::text"


def finish(column: Column, values: Iterable[Value]) -> list[Value]:
    """Fetched values of a column, as wire values."""
    finisher = _FINISHERS.get(column.type)
    if finisher is None:
        return list(values)
    return [None if value is None else finisher(str(value)) for value in values]


def can_be_key(column: Column, value: Value) -> bool:
    """Whether a wire value may be that of a column of the primary key."""
    try:
        spelled = canonical(column.type, value)
    except ValueError:
        return False
    is_text = not isinstance(value, str) or "\0" not in value
    return spelled == value and is_text and type(value) in _KINDS.get(column.type, {str})


def parameter_type(column: Column) -> str:
    """The Postgres type that a column's values are sent as; `cast` makes the column's own of it."""
    if column.type is ColumnType.BOOLEAN:
        return "bigint"
    if column.type in _NATIVE and column.type is not ColumnType.JSON:
        return POSTGRES_TYPES[column.type]
    return "text"


def cast(column: Column, expression: str) -> str:
    """A value that was sent as `parameter_type`, as the column's own type."""
    if column.type is ColumnType.BOOLEAN:
        return f"({expression})::int::boolean"
    if parameter_type(column) == POSTGRES_TYPES[column.type]:
        return expression
    return f"({expression})::{POSTGRES_TYPES[column.type]}"


def to_send(column: Column, values: Iterable[Value]) -> list[Value]:
    """Wire values as parameters."""
    if parameter_type(column) == "text" and column.type is not ColumnType.TEXT:
        return [v if v is None or isinstance(v, str) else repr(v) for v in values]
    return list(values)


def _pad(text: str) -> str:
    whole, dot, fraction = text.partition(".")
    return f"{whole}.{fraction:0<{_DIGITS}}" if dot else whole


def _number(text: str) -> Value:
    """As SQLite's NUMERIC affinity would hold it: as an integer, if it is one."""
    whole, _, fraction = text.partition(".")
    if whole.removeprefix("-").isdigit() and not fraction.strip("0"):
        integer = int(whole)
        if -_INTEGER_MAX - 1 <= integer <= _INTEGER_MAX:
            return integer
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < _INTEGER_MAX else number


_FINISHERS: Final[dict[ColumnType, Callable[[str], Value]]] = {
    ColumnType.TIME: _pad,
    ColumnType.TIMESTAMP: _pad,
    ColumnType.TIMESTAMPTZ: lambda text: _pad(text) + "+00:00",
    ColumnType.NUMERIC: _number,
}
assert set(_FINISHERS) >= _WITH_FRACTION
