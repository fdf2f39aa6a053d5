"""Drafting the first migration from the tables of a Postgres, which are kept in place.

What a kept type refuses is refused on devices too, by a CHECK: numbers that are too large for it,
texts that are too long, labels that an enum does not have.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from electricsql.adopting.draft import (
    Draft,
    Finding,
    Outcome,
    Piece,
    parents_first,
    problem,
    trial,
)
from electricsql.migrations import build
from electricsql.schema import (
    BY_POSTGRES,
    POSTGRES_ROW_CHECK,
    CatalogColumn,
    CatalogTable,
    ColumnType,
    Index,
    is_needed,
    quote,
    unlike,
)

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*")
_LITERAL: Final = re.compile(r"(?P<value>-?[0-9.]+|'(?:[^']|'')*'|true|false)(?:::[\w \"()]+)?")
_NOW: Final = frozenset(("now()", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "CURRENT_DATE"))
_RANGES: Final = {"int2": 1 << 15, "int4": 1 << 31}
_ALLOW: Final = (
    '-- @allow device-local-key reason="Postgres gives out the numbers; devices have to give their'
    ' own that are given out nowhere else"'
)

_KEPT: Final = "Postgres alone keeps it: what a device writes against it goes to the quarantine."
_WITHOUT: Final = "In Postgres it stays; if devices need one, write it here."


def draft(name: str, tables: Mapping[str, CatalogTable]) -> Draft:
    """The first migration from what a database of that `name` has."""
    fit: dict[str, CatalogTable] = {}
    pieces: list[Piece] = []
    for table in tables.values():
        why = _unfit(table)
        if why is None:
            fit[table.name] = table
        else:
            finding = Finding(Outcome.LEFT_OUT, f"table {table.name}", why)
            pieces.append(Piece([finding]))
    parents = {n: {key.parent for _, key, _ in t.foreign_keys} for n, t in fit.items()}
    kept: list[Piece] = []
    for each in parents_first(list(fit), parents):
        piece = _table(fit[each], fit)
        error = _problem([*kept, piece], fit)
        if error is None:
            kept.append(piece)
        else:
            finding = Finding(Outcome.LEFT_OUT, f"table {each}", f"{error} ")
            pieces.append(Piece([finding], original=f"{piece.sql};"))
    made = {piece.sql for piece in kept}
    for each, table in fit.items():
        if _table(table, fit).sql in made:
            kept += _indexes(each, table)
    heading = (
        f"The tables of database {name}, as `electric init --from-postgres` has read them. There"
        " they are kept in place; what could not come along is noted where it stands."
    )
    return Draft(heading, [*kept, *pieces])


def _unfit(table: CatalogTable) -> str | None:
    """Why a table can't take part, if so."""
    if table.kind != "r":
        return "It is no plain table: foreign, partitioned, or part of another one."
    if not table.primary_key:
        return "It has no PRIMARY KEY, so its rows can't be told apart on devices."
    for column in table.columns:
        is_known = column.type in BY_POSTGRES and not column.generated
        if not is_known and (column.name in table.primary_key or is_needed(column)):
            return f"Devices can't hold its column {column.name} {column.type_name}."
    return None


def _known(table: CatalogTable) -> list[CatalogColumn]:
    return [c for c in table.columns if c.type in BY_POSTGRES and not c.generated]


def _table(table: CatalogTable, fit: Mapping[str, CatalogTable]) -> Piece:
    known = _known(table)
    names = {column.name for column in known}
    findings = [
        Finding(
            Outcome.LEFT_OUT,
            f"column {table.name}.{column.name}",
            "Postgres computes it, and it stays there; if devices need it, add another one."
            if column.generated
            else f"Devices can't hold {column.type_name}; in Postgres it stays.",
        )
        for column in table.columns
        if column not in known
    ]
    lines = [" ".join(_column(column)) for column in known]
    lines.append(f"PRIMARY KEY ({_names(table.primary_key)})")
    for _, key, _ in table.foreign_keys:
        parent = fit.get(key.parent)
        if parent is None or set(key.parent_columns) != set(parent.primary_key):
            what = f"the foreign key {table.name} ({', '.join(key.columns)})"
            findings.append(Finding(Outcome.LEFT_OUT, what, "Postgres alone keeps it."))
        elif names.issuperset(key.columns):
            lines.append(
                f"FOREIGN KEY ({_names(key.columns)}) REFERENCES {_name(key.parent)}"
                f" ({_names(key.parent_columns)}){_action(key.on_delete)}"
            )
    kept = [
        f"{table.name}: {constraint} {definition}"
        for constraint, definition in table.checks
        if constraint != POSTGRES_ROW_CHECK  # of an environment that it once was
    ]
    kept += [
        f"{table.name}: the unique index {index.name}"
        for index in table.indexes
        if index.unique and not _comes_along(table, index)
    ]
    findings += [Finding(Outcome.MIND, what, _KEPT) for what in kept]
    findings += [
        Finding(Outcome.LEFT_OUT, f"index {index.name} of {table.name}", _WITHOUT)
        for index in table.indexes
        if not index.unique and not _comes_along(table, index)
    ]
    body = ",\n    ".join(lines)
    first = next(column for column in known if column.name == table.primary_key[0])
    counts = len(table.primary_key) == 1 and BY_POSTGRES[first.type] is ColumnType.INTEGER
    sql = f"CREATE TABLE {_name(table.name)} (\n    {body}\n)"
    return Piece(findings, sql=sql, directives=[_ALLOW] if counts else [])


def _column(column: CatalogColumn) -> Iterator[str]:
    type, name = BY_POSTGRES[column.type], _name(column.name)
    yield name
    yield _declared(column, type)
    if column.not_null:
        yield "NOT NULL"
    if (default := _default(column)) is not None:
        yield f"DEFAULT {default}"
    if column.type in _RANGES:
        most = _RANGES[column.type]
        yield f"CHECK ({name} BETWEEN -{most} AND {most - 1})"
    elif column.length is not None:
        yield f"CHECK (length({name}) <= {column.length})"
    elif column.labels:
        labels = ", ".join("'" + label.replace("'", "''") + "'" for label in column.labels)
        yield f"CHECK ({name} IN ({labels}))"
    elif column.precision is not None and column.precision[1] >= 0:
        most = 10 ** (column.precision[0] - column.precision[1])
        yield f"CHECK ({name} > -{most} AND {name} < {most})"


def _declared(column: CatalogColumn, type: ColumnType) -> str:
    if column.length is not None:
        return f"{'VARCHAR' if column.type == 'varchar' else 'CHAR'}({column.length})"
    if column.precision is not None:
        return f"NUMERIC({column.precision[0]},{column.precision[1]})"
    return str(type)


def _default(column: CatalogColumn) -> str | None:
    """The DEFAULT as SQLite has it, if that is the same."""
    text = column.default
    if text is None:
        return None
    type = BY_POSTGRES[column.type]
    if text in _NOW and type in (ColumnType.TIMESTAMP, ColumnType.TIMESTAMPTZ, ColumnType.DATE):
        return "CURRENT_DATE" if type is ColumnType.DATE else "CURRENT_TIMESTAMP"
    match = _LITERAL.fullmatch(text)
    if match is None:
        return None
    if type is ColumnType.BOOLEAN:
        return {"true": "1", "false": "0"}.get(match["value"])
    return match["value"]


def _indexes(name: str, table: CatalogTable) -> Iterator[Piece]:
    for index in table.indexes:
        if _comes_along(table, index):
            collides = index.unique and not set(table.primary_key) <= set(index.columns)
            target = f"{_name(name)}({_names(index.columns)})"
            stated = [f"-- @unique {target} on-conflict=quarantine"] if collides else []
            yield Piece([], sql=_create_index(name, index), directives=stated)


def _comes_along(table: CatalogTable, index: Index) -> bool:
    """Whether a migration can have it: devices keep JSON as text, and only jsonb is compared."""
    types = {column.name: BY_POSTGRES[column.type] for column in _known(table)}
    return bool(index.columns) and all(
        types.get(name, ColumnType.JSON) is not ColumnType.JSON for name in index.columns
    )


def _create_index(table: str, index: Index) -> str:
    columns = ", ".join(
        _name(name) + (" DESC" if descending else "")
        for name, descending in zip(index.columns, index.descending, strict=True)
    )
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {_name(index.name)} ON {_name(table)} ({columns})"


def _action(on_delete: str) -> str:
    return "" if on_delete in ("NO ACTION", "RESTRICT") else f" ON DELETE {on_delete}"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(map(_name, names))


def _name(name: str) -> str:
    """A name, quoted where it has to be: SQLite knows some words that Postgres doesn't."""
    return name if _PLAIN.fullmatch(name) and not _is_word(name) else quote(name)


def _is_word(name: str) -> bool:
    return name.upper() in _WORDS


_WORDS: Final = frozenset(
    (
        *("ADD", "ALL", "ALTER", "AND", "AS", "AUTOINCREMENT", "BETWEEN", "CASE", "CHECK"),
        *("COLLATE", "COMMIT", "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DELETE"),
        *("DISTINCT", "DROP", "ELSE", "ESCAPE", "EXCEPT", "EXISTS", "FOREIGN", "FROM", "GROUP"),
        *("HAVING", "IN", "INDEX", "INSERT", "INTERSECT", "INTO", "IS", "ISNULL", "JOIN"),
        *("LIMIT", "NOT", "NOTNULL", "NOTHING", "NULL", "ON", "OR", "ORDER", "PRIMARY"),
        *("REFERENCES", "RETURNING", "SELECT", "SET", "TABLE", "THEN", "TO", "TRANSACTION"),
        *("UNION", "UNIQUE", "UPDATE", "USING", "VALUES", "WHEN", "WHERE", "GENERATED"),
    )
)


def _problem(pieces: list[Piece], tables: Mapping[str, CatalogTable]) -> str | None:
    """Why they are no migration together, or would not fit what is there."""
    error = problem(pieces)
    if error is not None:
        return f"{error.problem} {error.help}"
    schema = build([trial(pieces)]).schema
    problems = [each for table in schema for each in unlike(table, tables[table.name])]
    return f"In Postgres {'; '.join(problems)}." if problems else None
