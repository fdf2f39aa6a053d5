"""What a Postgres has, and what a schema comes to there: the same description of either."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from electricsql.schema import (
    CatalogColumn,
    CatalogTable,
    ColumnType,
    ForeignKey,
    Index,
    Schema,
    Table,
)
from electricsql.schema.catalog import BY_POSTGRES
from electricsql.schema.postgres import default_of, has_index, held_checks


class Model(NamedTuple):
    """A table. A column is its name, type, NOT NULL, whether it has a DEFAULT, and whether it is
    computed; an index its columns, directions, and whether it is unique. The order of columns says
    nothing."""

    columns: frozenset[tuple[str, ColumnType, bool, bool, bool]]
    primary_key: tuple[str, ...]
    foreign_keys: frozenset[ForeignKey]
    indexes: tuple[tuple[tuple[str, ...], tuple[bool, ...], bool], ...]
    checks: int


def expected(schema: Schema) -> Mapping[str, Model]:
    """What Postgres has to have of a schema."""
    return {table.name: _expected(table) for table in schema}


def found(catalog: Mapping[str, CatalogTable]) -> Mapping[str, Model]:
    """What a Postgres has."""
    return {name: _found(table) for name, table in catalog.items()}


def unnumbered(tables: Iterable[Table]) -> Mapping[str, Table]:
    """Tables without what depends on the order in which they came."""
    return {table.name: replace(table, number=0) for table in tables}


def _expected(table: Table) -> Model:
    key = table.primary_key
    return Model(
        columns=frozenset(
            (n, c.type, c.not_null or n in key, default_of(c) is not None, c.is_generated)
            for n, c in table.every.items()
        ),
        primary_key=key,
        foreign_keys=frozenset(map(_at_the_commit, table.foreign_keys)),
        indexes=_indexes(index for index in table.indexes if has_index(table, index)),
        checks=len(table.checks) + len([*held_checks(table)]),
    )


def _indexes(every: Iterable[Index]) -> tuple[tuple[tuple[str, ...], tuple[bool, ...], bool], ...]:
    """Of one that has more than plain columns only that it is there, and whether it is unique."""
    return tuple(
        sorted(
            (each.columns, each.descending if each.columns else (), each.unique) for each in every
        )
    )


def _at_the_commit(key: ForeignKey) -> ForeignKey:
    """Postgres would check RESTRICT at once."""
    no_action = {"RESTRICT": "NO ACTION"}
    return replace(
        key,
        on_delete=no_action.get(key.on_delete, key.on_delete),
        on_update=no_action.get(key.on_update, key.on_update),
    )


def _found(table: CatalogTable) -> Model:
    assert all(deferrable for _, _, deferrable in table.foreign_keys)
    return Model(
        columns=frozenset(
            (c.name, BY_POSTGRES[c.type], c.not_null, _has_default(c), c.generated)
            for c in table.columns
        ),
        primary_key=table.primary_key,
        foreign_keys=frozenset(key for _, key, _ in table.foreign_keys),
        indexes=_indexes(table.indexes),
        checks=len(table.checks),
    )


def _has_default(column: CatalogColumn) -> bool:
    """Postgres keeps what computes a column in the same place."""
    return column.default is not None and not column.generated
