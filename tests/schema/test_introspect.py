"""A schema is what a SQLite says that the statements made."""

import sqlite3

import pytest
from hypothesis import given

from electricsql.schema import (
    ColumnType,
    Default,
    ForeignKey,
    Index,
    Schema,
    Scratch,
    Term,
    sources,
)
from tests.schema.schemas import histories, schema, stored, table


@given(histories())
def test_defaults_are_what_an_insert_stores(statements: list[str]) -> None:
    for made in schema(*statements):
        values = stored(statements, made)
        for column in made.columns[1:]:
            assert column.has_constant_default
            assert repr(column.default_value) == repr(values[column.name])


@given(histories())
def test_reading_again_and_again_changes_nothing(statements: list[str]) -> None:
    scratch = Scratch()
    for statement in statements:
        scratch.run(statement)
        scratch.schema()
    assert scratch.schema("v") == scratch.schema("v") == schema(*statements, version="v")
    scratch.close()


def test_tables_are_numbered_in_order_of_creation_and_never_anew() -> None:
    scratch = Scratch()
    for name in ("b", "a"):
        scratch.run(f"CREATE TABLE {name} (id TEXT PRIMARY KEY)")
        scratch.schema()
    scratch.run("DROP TABLE b")
    scratch.run("CREATE TABLE c (id TEXT PRIMARY KEY)")
    assert [(made.name, made.number) for made in scratch.schema()] == [("a", 2), ("c", 3)]
    scratch.close()


def test_columns_keys_and_kinds_of_tables() -> None:
    made = table(
        'CREATE TABLE t (b TEXT, "A" int NOT NULL, n VARCHAR(3), PRIMARY KEY (a, b)) WITHOUT ROWID'
    )
    assert made.column_names == ("b", "A", "n")
    assert made.primary_key == ("A", "b")
    assert (made.strict, made.without_rowid) == (False, True)
    assert (made.by_name["n"].type, made.by_name["n"].declared) == (ColumnType.TEXT, "VARCHAR(3)")
    assert table("CREATE TABLE t (id TEXT PRIMARY KEY) STRICT").strict


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("'a'", Default("'a'", constant=True, value="a")),
        ("- 5", Default("- 5", constant=True, value="-5")),
        ("(+5)", Default("+5", constant=True, value="5")),
        ("'5'", Default("'5'", constant=True, value="5")),
        ("NULL", Default("NULL", constant=True, value=None)),
        ("true", Default("true", constant=True, value="1")),
        ("CURRENT_TIMESTAMP", Default("CURRENT_TIMESTAMP", constant=False)),
        ("(1 + 1)", Default("1 + 1", constant=False)),
        ("(- 'a')", Default("- 'a'", constant=False)),
    ],
)
def test_a_default_is_constant_if_it_is_a_literal(default: str, expected: Default) -> None:
    made = table(f"CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT DEFAULT {default})")
    assert made.by_name["x"].default == expected


def test_foreign_keys_follow_the_key_they_refer_to() -> None:
    made = schema(
        "CREATE TABLE Parent (a INT, B TEXT, PRIMARY KEY (B, a))",
        "CREATE TABLE child (id TEXT PRIMARY KEY, X INT, y TEXT, up TEXT REFERENCES child,"
        " FOREIGN KEY (x, y) REFERENCES PARENT (A, b) ON DELETE CASCADE ON UPDATE SET NULL)",
    )
    assert made.tables["child"].foreign_keys == (
        ForeignKey(("up",), "child", ("id",)),
        ForeignKey(("y", "X"), "Parent", ("B", "a"), on_delete="CASCADE", on_update="SET NULL"),
    )


def test_indexes_and_unique_constraints() -> None:
    by_x = "CREATE UNIQUE INDEX by_x ON t (x DESC, y)"
    made = schema("CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT, y TEXT UNIQUE)", by_x)
    assert made.tables["t"].indexes == (
        Index("sqlite_autoindex_t_2", ("y",), unique=True, descending=(False,)),
        Index("by_x", ("x", "y"), unique=True, descending=(True, False), sql=by_x),
    )


def test_indexes_over_more_than_columns() -> None:
    odd = (
        'CREATE UNIQUE INDEX "odd (" ON t ( trim(x, \')\') COLLATE rtrim DESC, (y), "a, b" asc)'
        " wHere y > 1 and (x is not null)"
    )
    made = schema(
        'CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT, y INT, n TEXT UNIQUE COLLATE NOCASE, "a, b")',
        odd,
    )
    assert made.tables["t"].indexes == (
        Index(
            "sqlite_autoindex_t_2",
            (),
            unique=True,
            descending=(False,),
            terms=(Term('"n"', "n", "NOCASE"),),
        ),
        Index(
            "odd (",
            (),
            unique=True,
            descending=(True, False, False),
            sql=odd,
            terms=(Term("trim(x, ')')", "", "RTRIM"), Term('"y"', "y"), Term('"a, b"', "a, b")),
            where="y > 1 and (x is not null)",
        ),
    )


def test_generated_columns() -> None:
    (made,) = schema(
        'CREATE TABLE t (a TEXT AS ( trim("AS (b)") ) NOT NULL, "AS (b)" TEXT PRIMARY KEY,'
        " c INT DEFAULT (1), `d, e` TEXT GENERATED ALWAYS AS (coalesce('AS (x', a)) STORED"
        " COLLATE NOCASE, CHECK (a = 'AS (1)'))",
        "ALTER TABLE t ADD COLUMN f INT GENERATED ALWAYS AS (c + 1) VIRTUAL CHECK (f > 0)",
    )
    assert made.column_names == ("AS (b)", "c")
    assert list(made.every) == ["a", "AS (b)", "c", "d, e", "f"]
    assert [(c.name, c.expression, c.not_null, c.collation) for c in made.generated] == [
        ("a", 'trim("AS (b)")', True, "BINARY"),
        ("d, e", "coalesce('AS (x', a)", False, "NOCASE"),
        ("f", "c + 1", False, "BINARY"),
    ]
    assert sources(made, ["f", "d, e", "c"]) == {"c", "AS (b)"}


def test_the_collation_of_a_column() -> None:
    made = table("CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT COLLATE nocase, y DEFAULT 'COLLATE')")
    assert [column.collation for column in made.columns] == ["BINARY", "NOCASE", "BINARY"]


def test_what_can_not_be_replicated_is_read_like_anything_else() -> None:
    made = schema(
        "CREATE TABLE odd (x MONEY, y, g INT AS (1) STORED, UNIQUE (x))",
        "CREATE TABLE child (id TEXT PRIMARY KEY, a REFERENCES nowhere, b REFERENCES odd (Y))",
        "CREATE UNIQUE INDEX i ON odd (x) WHERE x > 1",
        "CREATE UNIQUE INDEX j ON odd (lower(y))",
        "CREATE UNIQUE INDEX k ON odd (y COLLATE NOCASE)",
    )
    odd, child = made
    assert odd.primary_key == ()
    assert [(c.declared, c.type) for c in odd.columns] == [
        ("MONEY", ColumnType.BLOB),
        ("", ColumnType.BLOB),
    ]
    assert [(c.declared, c.type, c.expression) for c in odd.generated] == [
        ("INT", ColumnType.INTEGER, "1")
    ]
    assert [(index.name, index.columns) for index in odd.indexes] == [
        ("sqlite_autoindex_odd_1", ("x",)),
        *((name, ()) for name in "ijk"),
    ]
    assert child.foreign_keys == (
        ForeignKey(("a",), "nowhere", ()),
        ForeignKey(("b",), "odd", ("Y",)),
    )


def test_a_parent_may_come_after_its_child() -> None:
    """A table is read again when a parent of it has changed."""
    scratch = Scratch()
    scratch.run("CREATE TABLE child (id TEXT PRIMARY KEY, p TEXT REFERENCES Parent)")
    assert scratch.schema().tables["child"].foreign_keys == (ForeignKey(("p",), "Parent", ()),)
    scratch.run("CREATE TABLE parent (id TEXT PRIMARY KEY)")
    (found,) = scratch.schema().tables["child"].foreign_keys
    assert found == ForeignKey(("p",), "parent", ("id",))
    scratch.close()


def test_what_sqlite_refuses_it_says_itself() -> None:
    with pytest.raises(sqlite3.Error, match="syntax error"):
        schema("CREATE TABEL b (x)")


def test_an_empty_database_is_an_empty_schema() -> None:
    assert schema() == Schema({})
    assert list(schema()) == []
