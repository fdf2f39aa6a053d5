"""What tables, columns and types are: the values that every other room speaks about.

A `Schema` is what an application's migrations add up to, read back from a SQLite that ran them. It
is plain data: how it is read is in `reading.py`, how Postgres spells it in `postgres.py`. It can
also tell of what a migration should not have made (a table without a key, a foreign key that leads
nowhere): the rules in `checks` look at it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase
from typing import Final

# What SQLite can store, and so what travels: exact storage classes, nothing else.
Value = int | float | str | bytes | None
Key = tuple[Value, ...]
"""A row's primary key, in the order of `Table.primary_key`."""


BINARY: Final = "BINARY"
"""SQLite's collation where none is named: byte by byte."""


_FOLDED: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(name: str) -> str:
    """A name as SQLite compares it: it does not tell the case of A to Z apart."""
    return name.translate(_FOLDED)


class ColumnType(StrEnum):
    """What a column holds. The declared SQLite type decides (see `types.py`)."""

    INTEGER = "INTEGER"
    REAL = "REAL"
    TEXT = "TEXT"
    BLOB = "BLOB"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMPTZ = "TIMESTAMPTZ"
    UUID = "UUID"
    JSON = "JSON"
    NUMERIC = "NUMERIC"


@dataclass(frozen=True, slots=True)
class Default:
    """A column's DEFAULT.

    `sql` is as SQLite shows it; `value` is what it evaluates to where it is `constant` (a literal),
    and None where it is computed at each insert (`CURRENT_TIMESTAMP`, an expression).
    """

    sql: str
    constant: bool
    value: Value = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `declared` is the type as the author wrote it.

    A generated column has the `expression` that it is computed by, and its `place` among all
    columns of the table, from 0. A `hidden` one is a register that only older versions show: it is
    in no database's tables (see `lenses`).
    """

    name: str
    type: ColumnType
    declared: str
    not_null: bool = False
    default: Default | None = None
    collation: str = BINARY
    expression: str = ""
    place: int = 0
    hidden: bool = False

    @property
    def is_generated(self) -> bool:
        """Whether nobody writes it: each database computes it."""
        return bool(self.expression)

    @property
    def default_value(self) -> Value:
        """What an insert that leaves the column out stores, as far as that is constant."""
        return self.default.value if self.default else None

    @property
    def has_constant_default(self) -> bool:
        """True also for a column without DEFAULT: it gets NULL."""
        return self.default is None or self.default.constant


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` of this table refer to `parent_columns` of `parent`.

    In a schema that passed its checks that is the parent's primary key: `parent_columns` is in its
    order, and `columns` runs parallel to it. `deferred` says when devices check it: Postgres checks
    every one at the commit.
    """

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferred: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Term:
    """What an index is sorted by: an expression of SQLite's, which may be a `column` and no more
    (empty if it is more)."""

    sql: str
    column: str = ""
    collation: str = BINARY

    @property
    def is_plain(self) -> bool:
        """Whether it is a column, compared byte by byte."""
        return bool(self.column) and self.collation == BINARY


@dataclass(frozen=True, slots=True)
class Index:
    """An index made by CREATE INDEX or by a UNIQUE constraint (`sql` is None for the latter).

    One that is partial, on an expression, or has a collation, has `terms` and maybe the condition
    `where`; the others have `columns`.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    descending: tuple[bool, ...] = ()
    sql: str | None = None
    terms: tuple[Term, ...] = ()
    where: str = ""


_SIZED: Final = frozenset({ColumnType.TEXT, ColumnType.BLOB, ColumnType.JSON})


@dataclass(frozen=True)
class Table:
    """One replicated table.

    `number` is its place in the order of creation in the application's history, from 1, never
    reused. Columns are in SQLite's order; a column's position never changes. `is_counted` if SQLite
    gives out the key: it is the rowid.

    `columns` are those whose values are replicated. Those that each database computes from them
    are `generated`, and known only to what makes tables and rules. A `hidden` table is one that
    only older versions have (see `lenses`).
    """

    name: str
    number: int
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[str, ...] = ()
    strict: bool = False
    without_rowid: bool = False
    is_counted: bool = False
    generated: tuple[Column, ...] = ()
    hidden: bool = False

    @cached_property
    def every(self) -> Mapping[str, Column]:
        """All columns as they are declared, generated ones too."""
        columns = list(self.columns)
        for column in self.generated:
            columns.insert(column.place, column)
        return {column.name: column for column in columns}

    @cached_property
    def visible(self) -> tuple[Column, ...]:
        """The columns that are in a database's table: all that are not hidden."""
        return tuple(column for column in self.columns if not column.hidden)

    @cached_property
    def hidden_columns(self) -> tuple[Column, ...]:
        """Those that are not."""
        return tuple(column for column in self.columns if column.hidden)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Each column's position, from 0."""
        return {column.name: position for position, column in enumerate(self.columns)}

    @cached_property
    def default_values(self) -> Mapping[str, Value]:
        """What an insert of nothing would store, as far as that is constant."""
        return {column.name: column.default_value for column in self.columns}

    @cached_property
    def constant_defaults(self) -> Mapping[str, Value]:
        """The defaults that are the same for every row, of the columns outside the key."""
        return {
            column.name: column.default_value
            for column in self.columns
            if column.has_constant_default and column.name not in self.primary_key
        }

    @cached_property
    def sized(self) -> tuple[Column, ...]:
        """The columns whose values may be of any size. (A key has to fit into an index.)"""
        return tuple(
            column
            for column in self.columns
            if column.type in _SIZED and column.name not in self.primary_key
        )

    def key_of(self, values: Mapping[str, Value]) -> Key:
        """The primary key in a row's values."""
        return tuple(values[name] for name in self.primary_key)


@dataclass(frozen=True)
class Schema:
    """All replicated tables of one schema version, by name, in order of creation."""

    tables: Mapping[str, Table]
    version: str | None = None

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())

    def find(self, name: str) -> Table | None:
        """The table that SQLite finds under a name."""
        if name in self.tables:
            return self.tables[name]
        return next((table for table in self if fold(table.name) == fold(name)), None)

    @cached_property
    def width(self) -> int:
        """How many columns the widest table has."""
        return max((len(table.columns) for table in self), default=0)

    def children_of(self, parent: str) -> Iterator[tuple[Table, ForeignKey]]:
        """Every foreign key that refers to `parent`, with the table that has it."""
        for table in self:
            for foreign_key in table.foreign_keys:
                if foreign_key.parent == parent:
                    yield table, foreign_key
