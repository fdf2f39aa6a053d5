"""A CREATE TABLE in parts: whatever SQLite takes is read as SQLite reads it."""

import sqlite3

import pytest

from electricsql.adopting.ddl import edited, read_create_table, without_part

TABLES = [
    "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b)",
    "CREATE TABLE [odd] ([a b] VARCHAR(10) NOT NULL, `c` DECIMAL (10, 2) DEFAULT (1 + 2),"
    " PRIMARY KEY ([a b]))",
    "CREATE TABLE t (a INT NOT NULL ON CONFLICT FAIL DEFAULT NULL, b TEXT"
    " CHECK (b IN ('x,y', ')')), PRIMARY KEY (a))",
    "CREATE TABLE t (a UNSIGNED BIG INT CONSTRAINT pk PRIMARY KEY NOT NULL CONSTRAINT u UNIQUE,"
    " b TEXT COLLATE NOCASE REFERENCES t (a) ON DELETE SET NULL ON UPDATE SET DEFAULT"
    " NOT DEFERRABLE) WITHOUT ROWID",
    "CREATE TABLE t (a TEXT PRIMARY KEY, b INT AS (length(a)) VIRTUAL,"
    " c INT GENERATED ALWAYS AS (b + 1) STORED) STRICT",
    "CREATE TABLE t (a TEXT, 'b' TEXT, -- a comment, with a comma\n c /* ) */ REAL,"
    " CONSTRAINT pk PRIMARY KEY (a, b DESC) CONSTRAINT fk FOREIGN KEY (a) REFERENCES t)",
]


@pytest.mark.parametrize("sql", TABLES)
def test_columns_types_and_key_are_those_that_sqlite_has(sql: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute(sql)
    (name,) = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchone()
    rows = database.execute(
        'SELECT name, type, "notnull", pk, dflt_value, hidden FROM pragma_table_xinfo(?)', (name,)
    ).fetchall()
    table = read_create_table(sql)
    assert [column.name for column in table.columns] == [row[0] for row in rows]
    for column, (_, type, not_null, _, default, hidden) in zip(table.columns, rows, strict=True):
        assert "".join(column.declared(sql).split()) == "".join(type.split())
        if "STRICT" not in table.options:  # there a key is not null by itself
            assert (column.clause("NOT") is not None) >= bool(not_null)
        assert (column.clause("DEFAULT") is not None) == (default is not None)
        assert bool(column.clause("AS") or column.clause("GENERATED")) == (hidden > 1)
    key = [row[0] for row in sorted(rows, key=lambda row: row[3]) if row[3]]
    assert table.primary_key() == key


def test_a_foreign_key_says_what_it_refers_to() -> None:
    table = read_create_table(TABLES[3])
    reference = table.columns[1].clause("REFERENCES")
    assert reference is not None
    assert (reference.target(), reference.references()) == ("t", ["a"])
    bare = read_create_table("CREATE TABLE c (x REFERENCES [p] ON DELETE CASCADE)")
    reference = bare.columns[0].clause("REFERENCES")
    assert reference is not None
    assert (reference.target(), reference.references()) == ("p", [])


def test_any_part_can_be_left_out() -> None:
    sql = "CREATE TABLE t (a INT, b INT CHECK (b > 0), c INT, CHECK (a > 0))"
    table = read_create_table(sql)
    left = [edited(sql, [without_part(table, part)]) for part in table.parts]
    assert left == [
        "CREATE TABLE t (b INT CHECK (b > 0), c INT, CHECK (a > 0))",
        "CREATE TABLE t (a INT, c INT, CHECK (a > 0))",
        "CREATE TABLE t (a INT, b INT CHECK (b > 0), CHECK (a > 0))",
        "CREATE TABLE t (a INT, b INT CHECK (b > 0), c INT)",
    ]
