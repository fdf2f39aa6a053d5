"""Schemas that hypothesis makes up, as SQLite DDL, and what they have to be read back as."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from electricsql.schema import Column, ColumnType, Schema, Scratch, Table, quote

_DEFAULTS: Final = {
    ColumnType.INTEGER: ("0", "-7", "9223372036854775807"),
    ColumnType.REAL: ("0.5", "-1e300", "9e999"),
    ColumnType.TEXT: ("''", "'it''s; --'", "'a\\b'", "NULL"),
    ColumnType.BLOB: ("x''", "x'00ff'"),
    ColumnType.BOOLEAN: ("TRUE", "0"),
    ColumnType.DATE: ("'2024-02-29'",),
    ColumnType.TIME: ("'23:59:59'",),
    ColumnType.TIMESTAMP: ("'2024-02-29 23:59:59'",),
    ColumnType.TIMESTAMPTZ: ("'2024-02-29 23:59:59+00:00'",),
    ColumnType.UUID: ("'2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f'",),
    ColumnType.JSON: ("'{\"a\": [1]}'", "'null'"),
    ColumnType.NUMERIC: ("12", "-0.25"),
}
names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: not name.lower().startswith(("sqlite_", "_electric_")))


@st.composite
def columns(draw: st.DrawFn, name: str) -> str:
    """The definition of a column that may be added to a table."""
    type = draw(st.sampled_from(ColumnType))
    default = draw(st.sampled_from(_DEFAULTS[type]))
    not_null = default != "NULL" and draw(st.booleans())
    has_default = not_null or draw(st.booleans())
    parts = [quote(name), type, "NOT NULL" if not_null else ""]
    return " ".join([*parts, f"DEFAULT {default}" if has_default else ""]).strip()


@st.composite
def histories(draw: st.DrawFn) -> list[str]:
    """DDL that only adds: tables, then columns and indexes of theirs."""
    tables = draw(st.lists(names, min_size=1, max_size=3, unique_by=fold))
    statements, known = [], {}
    for table in tables:
        first, *rest = known[table] = draw(st.lists(names, min_size=1, max_size=4, unique_by=fold))
        lines = [f"{quote(first)} TEXT PRIMARY KEY NOT NULL", *[draw(columns(n)) for n in rest]]
        statements.append(f"CREATE TABLE {quote(table)} ({', '.join(lines)})")
    for number in range(draw(st.integers(0, 4))):
        table = draw(st.sampled_from(tables))
        if draw(st.booleans()):
            name = draw(names_beside(known[table]))
            known[table].append(name)
            statements.append(f"ALTER TABLE {quote(table)} ADD COLUMN {draw(columns(name))}")
        else:
            column = quote(draw(st.sampled_from(known[table])))
            statements.append(f"CREATE INDEX _i{number} ON {quote(table)} ({column} DESC)")
    return statements


def names_beside(known: Sequence[str]) -> st.SearchStrategy[str]:
    taken = frozenset(map(fold, known))
    return names.filter(lambda name: fold(name) not in taken)


def fold(name: str) -> str:
    """SQLite tells names apart but for the case of A to Z."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def schema(*statements: str, version: str | None = None) -> Schema:
    """What statements make, in a SQLite of their own."""
    scratch = Scratch()
    try:
        for statement in statements:
            scratch.run(statement)
        return scratch.schema(version)
    finally:
        scratch.close()


def table(ddl: str) -> Table:
    """The one table of a statement."""
    (made,) = schema(ddl)
    return made


def stored(statements: Sequence[str], into: Table) -> dict[str, object]:
    """What a SQLite stores when it is given nothing but a key."""
    database = sqlite3.connect(":memory:")
    for statement in statements:
        database.execute(statement)
    key: Column = into.by_name[into.primary_key[0]]
    database.execute(f"INSERT INTO {quote(into.name)} ({quote(key.name)}) VALUES ('key')")
    (row,) = database.execute(f"SELECT * FROM {quote(into.name)}").fetchall()
    database.close()
    return dict(zip(into.column_names, row, strict=True))
