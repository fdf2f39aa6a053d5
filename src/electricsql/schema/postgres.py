"""How Postgres spells a schema: its types, and the DDL that a migration comes to there.

Text is compared byte by byte as SQLite does (`COLLATE "C"`), foreign keys are checked at the
commit, and what devices can't hold is refused: NaN, which SQLite would store as NULL, and days
before the year 1 or after 9999, infinity included, and rows that are too large. Lengths and
precisions are left out: SQLite ignores them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from electricsql.limits import IDENTIFIER_BYTES_MAX, ROW_BYTES_MAX
from electricsql.schema.difference import Difference
from electricsql.schema.expressions import (
    columns_read,
    generated_expression,
    index_columns,
    postgres_expression,
)
from electricsql.schema.model import (
    BINARY,
    Column,
    ColumnType,
    ForeignKey,
    Index,
    Table,
    Term,
    Value,
)
from electricsql.schema.portable import Unportable
from electricsql.schema.tokens import Kind, Token, quote

TYPES: Final = {
    ColumnType.INTEGER: "bigint",
    ColumnType.REAL: "double precision",
    ColumnType.TEXT: "text",
    ColumnType.BLOB: "bytea",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIME: "time",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.TIMESTAMPTZ: "timestamptz",
    ColumnType.UUID: "uuid",
    ColumnType.JSON: "json",
    ColumnType.NUMERIC: "numeric",
}
NOCASE: Final = "NOCASE"
"""SQLite's collation that takes A to Z for a to z, and tells apart all other letters."""
_NOT_NAN: Final = "{0} <> 'NaN'"
_HELD: Final = {
    ColumnType.REAL: _NOT_NAN,
    ColumnType.NUMERIC: _NOT_NAN,
    ColumnType.DATE: "{0} >= '0001-01-01' AND {0} < '10000-01-01'",
    ColumnType.TIME: "{0} < '24:00'",
    ColumnType.TIMESTAMP: "{0} >= '0001-01-01' AND {0} < '10000-01-01'",
    ColumnType.TIMESTAMPTZ: "{0} >= '0001-01-01 00:00+00' AND {0} < '10000-01-01 00:00+00'",
}
"""What devices can hold, where Postgres could hold more."""
ROW_CHECK: Final = f"electric_row_at_most_{ROW_BYTES_MAX >> 20}_MiB"
"""The CHECK by which a table keeps its rows to a size that devices can hold. Whoever writes a
larger one is told this name."""
_NOW: Final = "date_trunc('second', timezone('utc', now()))"
_CLOCKS: Final = {
    "CURRENT_TIMESTAMP": ("YYYY-MM-DD HH24:MI:SS", "timestamp"),
    "CURRENT_DATE": ("YYYY-MM-DD", "date"),
    "CURRENT_TIME": ("HH24:MI:SS", "time"),
}


def literal(value: Value, type: ColumnType) -> str:
    """A value as a Postgres literal of a column's type."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea"
    if type is ColumnType.BOOLEAN:
        return "true" if value else "false"
    text = value if isinstance(value, str) else repr(value)
    if "\\" in text:
        return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'::" + TYPES[type]
    return "'" + text.replace("'", "''") + "'::" + TYPES[type]


def plan(difference: Difference) -> tuple[str, ...]:
    """The Postgres DDL of a migration: tables first, so that they can refer to each other; then
    columns in the order in which they came to SQLite."""
    columns = sorted((*difference.columns, *difference.generated), key=_place)
    return (
        *(_create_table(table) for table in difference.tables),
        *(add_column(*each) for each in columns),
        *(
            add_foreign_key(table, foreign_key)
            for table in difference.tables
            for foreign_key in dict.fromkeys(table.foreign_keys)
        ),
        *_new_foreign_keys(difference),
        *row_checks_again(table for table, column in difference.columns if column in table.sized),
        *(_add_check(table, check) for table, check in difference.checks),
        *drop_indexes(difference),
        *(create_index(*each) for each in _new_indexes(difference) if has_index(*each)),
    )


def _place(added: tuple[Table, Column]) -> tuple[int, int]:
    table, column = added
    return table.number, list(table.every).index(column.name)


def drop_indexes(difference: Difference) -> Iterator[str]:
    """The DDL that takes away the indexes which a migration drops."""
    for table, index in difference.dropped_indexes:
        if has_index(table, index):
            yield f"DROP INDEX IF EXISTS {quote(index_name(table, index))}"


def _new_indexes(difference: Difference) -> Iterator[tuple[Table, Index]]:
    yield from ((table, index) for table in difference.tables for index in table.indexes)
    yield from difference.indexes


def has_index(table: Table, index: Index) -> bool:
    """Whether Postgres has an index as well. One that is not unique changes nothing but speed, so
    if Postgres could not have the same, it has none."""
    try:
        return bool(create_index(table, index))
    except Unportable:
        if index.unique:
            raise
        return False


def held_checks(table: Table) -> Iterator[tuple[str, str]]:
    """What a table that was there before has to promise, beyond its types: a name and a condition
    each."""
    for column in table.columns:
        if column.type in _HELD:
            condition = _HELD[column.type].format(quote(column.name))
            yield _short(f"electric_{table.name}_{column.name}"), condition
    if row := _row_condition(table):
        yield ROW_CHECK, row


def _create_table(table: Table) -> str:
    lines = [_column(table, column) for column in table.every.values()]
    lines.append(f"PRIMARY KEY ({_names(table.primary_key)})")
    lines += [f"CHECK ({postgres_expression(table, check)})" for check in table.checks]
    if condition := _row_condition(table):
        lines.append(f"CONSTRAINT {quote(ROW_CHECK)} CHECK ({condition})")
    return f"CREATE TABLE {quote(table.name)} (\n    " + ",\n    ".join(lines) + "\n)"


def _row_condition(table: Table) -> str | None:
    """Under which a row is of a size that devices can hold; None if any is. (Nothing is read for
    it that is stored aside, but for JSON.)"""
    sizes = []
    for column in table.sized:
        cast = "" if column.type is ColumnType.BLOB else "::text"
        sizes.append(f"coalesce(octet_length({quote(column.name)}{cast}), 0)")
    return f"{' + '.join(sizes)} <= {ROW_BYTES_MAX}" if sizes else None


def row_checks_again(tables: Iterable[Table]) -> Iterator[str]:
    """The row checks of tables that have other such columns now. Their rows have kept to the old
    one, and are not read again."""
    for table in {table.name: table for table in tables}.values():
        yield (
            f"ALTER TABLE {quote(table.name)} DROP CONSTRAINT IF EXISTS {quote(ROW_CHECK)},"
            f" ADD CONSTRAINT {quote(ROW_CHECK)} CHECK ({_row_condition(table)}) NOT VALID"
        )


def add_column(table: Table, column: Column) -> str:
    """The DDL that adds one column to a table that is there."""
    return f"ALTER TABLE {quote(table.name)} ADD COLUMN {_column(table, column)}"


def _column(table: Table, column: Column) -> str:
    parts = [quote(column.name), TYPES[column.type]]
    if column.type is ColumnType.TEXT:
        parts.append('COLLATE "C"')
    if column.not_null or column.name in table.primary_key:
        parts.append("NOT NULL")
    if column.is_generated:
        parts.append(f"GENERATED ALWAYS AS ({generated_expression(table, column)}) STORED")
    if value := default_of(column):
        parts.append(f"DEFAULT {value}")
    if column.type in _HELD and not column.is_generated:
        parts.append(f"CHECK ({_HELD[column.type].format(quote(column.name))})")
    return " ".join(parts)


def default_of(column: Column) -> str | None:
    """A column's DEFAULT. None where Postgres can't compute it, or where there is none: a direct
    insert has to give a value there."""
    default = column.default
    if default is None:
        return None
    if default.constant:
        return None if default.value is None else literal(default.value, column.type)
    clock = _CLOCKS.get(default.sql.upper())
    if clock is None:
        return None
    text, type = clock
    if column.type is ColumnType.TEXT:
        return f"to_char({_NOW}, '{text}')"
    if column.type is ColumnType.TIMESTAMPTZ:
        return "date_trunc('second', now())"
    return f"{_NOW}::{type}" if TYPES[column.type] == type else None


def _add_check(table: Table, check: str) -> str:
    return f"ALTER TABLE {quote(table.name)} ADD CHECK ({postgres_expression(table, check)})"


def add_foreign_key(table: Table, foreign_key: ForeignKey) -> str:
    """The DDL of one foreign key."""
    alike = [key for key in table.foreign_keys if key.columns == foreign_key.columns]
    number = alike.index(foreign_key) or ""
    name = _short(f"{table.name}_{'_'.join(foreign_key.columns)}_fkey{number}")
    return (
        f"ALTER TABLE {quote(table.name)} ADD CONSTRAINT {quote(name)}"
        f" FOREIGN KEY ({_names(foreign_key.columns)})"
        f" REFERENCES {quote(foreign_key.parent)} ({_names(foreign_key.parent_columns)})"
        f" ON DELETE {_action(foreign_key.on_delete)} ON UPDATE {_action(foreign_key.on_update)}"
        " DEFERRABLE INITIALLY DEFERRED"
    )


def _action(action: str) -> str:
    """RESTRICT would be checked at once, also while a merge puts things right: NO ACTION waits."""
    return "NO ACTION" if action == "RESTRICT" else action


def _new_foreign_keys(difference: Difference) -> Iterator[str]:
    """The foreign keys of added columns (SQLite allows them on a single column only)."""
    for table, column in difference.columns:
        for foreign_key in dict.fromkeys(table.foreign_keys):
            if foreign_key.columns == (column.name,):
                yield add_foreign_key(table, foreign_key)


def create_index(table: Table, index: Index) -> str:
    """The DDL of one index.

    Raises:
        Unportable: Postgres could not have the same.
    """
    every = index.terms or [Term(quote(name), name) for name in index.columns]
    terms = ", ".join(
        _term(table, index, term) + (" DESC" if descending else "")
        for term, descending in zip(every, index.descending, strict=True)
    )
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {_expression(table, index.where)}" if index.where else ""
    name = quote(index_name(table, index))
    return f"CREATE {unique}INDEX {name} ON {quote(table.name)} ({terms}){where}"


def _term(table: Table, index: Index, term: Term) -> str:
    if term.is_plain:
        if table.every[term.column].type is ColumnType.JSON:
            raise Unportable(Token(Kind.WORD, term.column, 0))
        return quote(term.column)
    is_text = term.column and table.every[term.column].type is ColumnType.TEXT
    if is_text and index.unique and term.collation == NOCASE:
        return f'lower({quote(term.column)} COLLATE "C")'
    if term.collation != BINARY or not columns_read(table, term.sql):
        raise Unportable(Token(Kind.WORD, term.collation, 0))
    return f"({_expression(table, term.sql, is_condition=False)})"


def _expression(table: Table, sql: str, *, is_condition: bool = True) -> str:
    return postgres_expression(table, sql, is_condition=is_condition, folds=True)


def key_name(table: Table) -> str:
    """What Postgres calls the index of a primary key."""
    return _short(f"{table.name}_pkey")


def index_name(table: Table, index: Index) -> str:
    """What an index is called there: SQLite's own name for that of a UNIQUE constraint means
    nothing elsewhere."""
    columns = "_".join(index_columns(table, index))
    return _short(index.name if index.sql else f"{table.name}_{columns}_key")


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(map(quote, columns))


def _short(name: str) -> str:
    """A name that Postgres does not cut, still telling apart what was different."""
    if len(name.encode()) <= IDENTIFIER_BYTES_MAX:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: IDENTIFIER_BYTES_MAX - 9].decode(errors="ignore") + "_" + digest
