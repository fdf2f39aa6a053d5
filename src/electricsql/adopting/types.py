"""The type that a column of an existing table gets: the declared one, if what it holds fits."""

from collections.abc import Callable
from typing import Final, Protocol

from electricsql.schema import ColumnType, column_type

_MEANT: Final = {
    ColumnType.TEXT: ("STRING", "ENUM", "CITEXT", "SET", "XML"),
    ColumnType.INTEGER: ("LONG", "SERIAL", "BIGSERIAL", "YEAR"),
    ColumnType.REAL: ("SINGLE",),
    ColumnType.NUMERIC: ("MONEY", "CURRENCY", "SMALLMONEY"),
    ColumnType.BOOLEAN: ("BIT", "LOGICAL"),
    ColumnType.TIMESTAMP: ("DATETIME2", "SMALLDATETIME"),
    ColumnType.TIMESTAMPTZ: ("DATETIMEOFFSET",),
    ColumnType.JSON: ("JSONB",),
    ColumnType.BLOB: ("IMAGE", "LONGVARBINARY", "RAW"),
}
_BY_WORD: Final = {word: type for type, words in _MEANT.items() for word in words}
_AFFINITIES: Final = (
    (ColumnType.INTEGER, ("INT",)),
    (ColumnType.TEXT, ("CHAR", "CLOB", "TEXT")),
    (ColumnType.BLOB, ("BLOB",)),
    (ColumnType.REAL, ("REAL", "FLOA", "DOUB")),
)
"""SQLite's own rules for words that it does not know."""
_HOLDING: Final = (
    *(ColumnType.INTEGER, ColumnType.REAL, ColumnType.NUMERIC, ColumnType.TEXT, ColumnType.BLOB),
)


class Misfits(Protocol):
    """Counts the values of a column that a type could not hold, be it as a part of the key."""

    def __call__(self, table: str, column: str, type: ColumnType, is_key: bool, /) -> int: ...


def fitting_type(
    declared: str, misfits: Callable[[ColumnType], int]
) -> tuple[ColumnType | None, str]:
    """The type for a column, and why it is not the declared one; None if no type holds what is in
    it."""
    known = column_type(declared)
    if known is not None and not misfits(known):
        return known, ""
    wanted = known or _meant(declared)
    said = f"was declared {declared}" if declared else "was declared without a type"
    if known is None and not misfits(wanted):
        return wanted, f"{said}, which Postgres would not know"
    for type in _HOLDING:
        if not misfits(type):
            return type, f"{said}, and has {_counted(misfits(wanted))} that {wanted} can't hold"
    return None, f"{said}, and holds values of several kinds, which no type of Postgres can"


def _meant(declared: str) -> ColumnType:
    words = " ".join(declared.partition("(")[0].split()).upper()
    if words in _BY_WORD:
        return _BY_WORD[words]
    for type, parts in _AFFINITIES:
        if any(part in words for part in parts):
            return type
    return ColumnType.NUMERIC if words else ColumnType.BLOB


def _counted(count: int) -> str:
    return "1 value" if count == 1 else f"{count:,} values"
