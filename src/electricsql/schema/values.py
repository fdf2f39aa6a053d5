"""One spelling for each value: the canonical form of what a typed column holds.

SQLite keeps dates, times and UUIDs as the text that somebody wrote; Postgres keeps the value. So
that all databases show the same text, every value has one canonical spelling, Python's own:

    DATE         2024-02-29
    TIME         23:59:59             or 23:59:59.123456
    TIMESTAMP    2024-02-29 23:59:59  or … .123456
    TIMESTAMPTZ  2024-02-29 23:59:59+00:00   always UTC; without a zone it is taken for UTC
    UUID         lower case, with hyphens

The capture triggers refuse what `canonical` can't read (`migrations/capture.py` says the same in
SQL; a test holds them together).
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time
from types import NoneType
from typing import Final
from uuid import UUID

from electricsql.schema.model import ColumnType, Value

_DATE: Final = r"\d{4}-\d\d-\d\d"
_TIME: Final = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_ZONE: Final = r"(?:Z|[+-]\d\d:\d\d)"
_SHAPES: Final = {
    ColumnType.DATE: re.compile(_DATE),
    ColumnType.TIME: re.compile(_TIME),
    ColumnType.TIMESTAMP: re.compile(f"{_DATE}[ T]{_TIME}"),
    ColumnType.TIMESTAMPTZ: re.compile(f"{_DATE}[ T]{_TIME}{_ZONE}?"),
    ColumnType.UUID: re.compile(
        "[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}(\\1[0-9a-fA-F]{4}){3}[0-9a-fA-F]{8}"
    ),
}
SPELLED: Final = frozenset(_SHAPES)
"""The types whose values have more than one spelling."""
FIRST_DAY_WITH_ZONE: Final = "0001-01-02"
LAST_DAY_WITH_ZONE: Final = "9999-12-30"


_TEXT: Final = frozenset({str, NoneType})
_KINDS: Final = {
    ColumnType.INTEGER: frozenset({int, NoneType}),
    ColumnType.REAL: frozenset({float, NoneType}),
    ColumnType.BLOB: frozenset({bytes, NoneType}),
    ColumnType.BOOLEAN: frozenset({int, NoneType}),
    ColumnType.NUMERIC: frozenset({int, float, NoneType}),
    ColumnType.JSON: frozenset({int, float, str, NoneType}),
}
"""The storage classes of a type's values; those of the others are text."""
_kind: Final = type


def can_hold(type: ColumnType, values: Collection[Value]) -> bool:
    """Whether a column of that type can hold them all, by their storage class. (How a date or JSON
    is written is not looked at: Postgres does that.)"""
    if not _KINDS.get(type, _TEXT).issuperset(map(_kind, values)):
        return False
    return type is not ColumnType.BOOLEAN or {0, 1, None}.issuperset(values)


def canonical(type: ColumnType, value: Value) -> Value:
    """The canonical spelling of a value of a `SPELLED` type; any other value is its own.

    Raises:
        ValueError: the column can't hold it.
    """
    if value is None or type not in SPELLED:
        return value
    if not isinstance(value, str) or not _SHAPES[type].fullmatch(value):
        raise ValueError(f"{value!r} is no {type}")
    match type:
        case ColumnType.DATE:
            return date.fromisoformat(value).isoformat()
        case ColumnType.TIME:
            return time.fromisoformat(_with_micros(value)).isoformat()
        case ColumnType.TIMESTAMP:
            return datetime.fromisoformat(_with_micros(value)).isoformat(" ")
        case ColumnType.TIMESTAMPTZ:
            return _in_utc(value)
        case _:
            return str(UUID(value))


def _with_micros(text: str) -> str:
    """`fromisoformat` of Python 3.11 reads any count of digits; six keeps us independent of it."""
    whole, dot, fraction = text.partition(".")
    return f"{whole}.{fraction:0<6}" if dot else whole


def _in_utc(text: str) -> str:
    if not FIRST_DAY_WITH_ZONE <= text[:10] <= LAST_DAY_WITH_ZONE:
        raise ValueError(f"{text!r} may be out of range in another zone")
    zone = re.search(f"{_ZONE}$", text)
    local = text[: zone.start()] if zone else text
    offset = zone.group().replace("Z", "+00:00") if zone else "+00:00"
    return datetime.fromisoformat(_with_micros(local) + offset).astimezone(UTC).isoformat(" ")
