"""What a Postgres has, as its catalog tells it, and whether a table of it can serve as one of ours
as it is: kept in place, with its own column types. Pure.

A kept type may hold less than ours does (`varchar(40)`, `int4`): what it refuses goes to the
quarantine. It may also hold it otherwise (`numeric(10,2)` rounds): then the hub has the row
otherwise than its author, who is told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from electricsql.schema.expressions import sources
from electricsql.schema.model import Column, ColumnType, ForeignKey, Index, Table
from electricsql.schema.portable import COMPUTED

ENUM: Final = "enum"
KEPT: Final = {
    ColumnType.INTEGER: ("int8", "int4", "int2"),
    ColumnType.REAL: ("float8", "float4"),
    ColumnType.TEXT: ("text", "varchar", "bpchar", ENUM),
    ColumnType.BLOB: ("bytea",),
    ColumnType.BOOLEAN: ("bool",),
    ColumnType.DATE: ("date",),
    ColumnType.TIME: ("time",),
    ColumnType.TIMESTAMP: ("timestamp",),
    ColumnType.TIMESTAMPTZ: ("timestamptz",),
    ColumnType.UUID: ("uuid",),
    ColumnType.JSON: ("json", "jsonb"),
    ColumnType.NUMERIC: ("numeric",),
}
"""The Postgres types, by their names in `pg_type`, that may be kept for a type of ours."""
BY_POSTGRES: Final = {name: type for type, names in KEPT.items() for name in names}
_BAD_KEYS: Final = frozenset((ENUM, "bpchar", "float4", "json", "jsonb"))
_MODIFIED: Final = 4
"""What a type modifier has besides the length, or the packed precision and scale."""


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column: its type's name (`enum` for any of those), modifier (-1: none) and labels."""

    name: str
    type: str
    modifier: int = -1
    not_null: bool = False
    default: str | None = None
    generated: bool = False
    """Whether Postgres computes it, so that nobody may write it."""
    labels: tuple[str, ...] = ()
    type_name: str = ""
    """The type as SQL spells it."""
    collation: str = ""
    """Its name as SQL spells it; empty for one that has none, or takes different texts for the
    same."""

    @property
    def length(self) -> int | None:
        """Of a `varchar(n)` or `char(n)`."""
        is_text = self.type in ("varchar", "bpchar") and self.modifier >= 0
        return self.modifier - _MODIFIED if is_text else None

    @property
    def precision(self) -> tuple[int, int] | None:
        """Precision and scale of a `numeric(p, s)`."""
        if self.type != "numeric" or self.modifier < 0:
            return None
        packed = self.modifier - _MODIFIED
        scale = packed & 0x7FF
        return packed >> 16 & 0xFFFF, scale - 0x800 if scale > 0x3FF else scale

    @property
    def is_exact(self) -> bool:
        """Whether it holds what it holds as it was written."""
        rounds = self.type in ("numeric", "timestamp", "timestamptz", "time")
        return not (rounds and self.modifier >= 0) and self.type not in _BAD_KEYS


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A table. `kind` is `r`, or what else `pg_class` says of it (`i`: it inherits); `checks` are
    constraints that have no other place here, by name, as SQL spells them."""

    name: str
    columns: tuple[CatalogColumn, ...]
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[tuple[str, ForeignKey, bool], ...] = ()
    """Their names, and whether they can be checked at the commit."""
    indexes: tuple[Index, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    kind: str = "r"

    def column(self, name: str) -> CatalogColumn | None:
        return next((column for column in self.columns if column.name == name), None)


def unlike(table: Table, found: CatalogTable) -> list[str]:
    """Why a table of Postgres can't serve as one of ours; nothing if it can."""
    return [*_unlike(table, found)]


def _unlike(table: Table, found: CatalogTable) -> Iterator[str]:
    if found.kind != "r":
        yield "it is not a plain table"
    if set(found.primary_key) != set(table.primary_key):
        yield f"its primary key is {_listed(found.primary_key)}, not {_listed(table.primary_key)}"
    for column in table.columns:
        there = found.column(column.name)
        if there is None:
            yield f"it has no column {column.name}"
            continue
        if there.type not in KEPT[column.type]:
            yield f"{column.name} is {there.type_name}, which can't hold {column.type}"
        elif column.name in table.primary_key and not can_be_key(there):
            yield f"{column.name} is {there.type_name}, which can't be a key's type"
        if there.generated:
            yield f"{column.name} is computed by Postgres"
        if column.not_null and not there.not_null:
            yield f"{column.name} may be NULL there, and not on devices"
        if there.not_null and not (column.not_null or column.name in table.primary_key):
            yield f"{column.name} may be NULL on devices, and not there"
    yield from _computed(table, found)
    for there in found.columns:
        if there.name not in table.every and is_needed(there):
            yield f"its column {there.name} is NOT NULL without a DEFAULT, and devices lack it"


def _computed(table: Table, found: CatalogTable) -> Iterator[str]:
    for column in table.generated:
        if found.column(column.name) is not None:
            yield f"it has {column.name}, which devices compute, and nobody knows if it is alike"
        yield from computed_unlike(table, column, found)


def computed_unlike(table: Table, column: Column, found: CatalogTable) -> Iterator[str]:
    """Why a generated column would be another one there."""
    for name in sources(table, [column.name]):
        there = found.column(name)
        if there is not None and table.by_name[name].type in COMPUTED and not can_be_key(there):
            yield f"{column.name} is computed from {name}, which is {there.type_name} there"


def can_be_key(column: CatalogColumn) -> bool:
    """Whether its values are the same in every database that has them."""
    return column.is_exact and bool(column.collation or column.type not in ("text", "varchar"))


def is_needed(column: CatalogColumn) -> bool:
    """Whether a row can't be inserted without it."""
    return column.not_null and column.default is None and not column.generated


def _listed(names: Sequence[str]) -> str:
    return f"({', '.join(names)})" if names else "missing"
