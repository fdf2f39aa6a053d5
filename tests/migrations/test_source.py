"""Statements and their places, hashes, and names."""

import hashlib
from datetime import UTC, datetime

import pytest

from electricsql.errors import ElectricError, MigrationError, UsageError
from electricsql.limits import SLUG_LENGTH_MAX
from electricsql.migrations import Source, build, new_name, title_of
from electricsql.migrations.source import statements

NOW = datetime(2022, 11, 16, 16, 23, 35, 423_900, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE a (x)", ["CREATE TABLE a (x)"]),
        ("CREATE TABLE a (x);\n", ["CREATE TABLE a (x)"]),
        ("a; -- no; comment\nb /* ; */ c;", ["a", "b /* ; */ c"]),
        ("x DEFAULT ';'; y \";\" z;;\n;", ["x DEFAULT ';'", 'y ";" z']),
        ("-- nothing but a comment", []),
        ("\ufeffa;\r\nb;\r\n", ["a", "b"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; b",
            ["CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END", "b"],
        ),
        ("a 'it''s; fine'; b", ["a 'it''s; fine'", "b"]),
    ],
)
def test_statements_end_where_sqlite_says(sql: str, expected: list[str]) -> None:
    assert [statement.sql for statement in statements(sql)] == expected


def test_a_statement_knows_its_place() -> None:
    first, second = statements("-- c\n  CREATE TABLE a (x);  CREATE\nTABLE b (y);")
    assert (first.line, first.column) == (2, 3)
    assert (second.line, second.column) == (2, 24)


def test_the_hash_is_that_of_the_file_with_unix_line_ends() -> None:
    unix = Source("20240101000000000_x", "x", "a;\nb;\n")
    windows = Source("20240101000000000_x", "x", "a;\r\nb;\r\n")
    assert unix.sha256 == windows.sha256 == hashlib.sha256(b"a;\nb;\n").hexdigest()


def test_a_name_is_the_moment_and_the_title() -> None:
    name = new_name("Adding Foos & bars!", NOW, [])
    assert name == "20221116162335423_adding_foos_bars"
    assert title_of(name) == "adding foos bars"
    assert title_of("20221116_162335_423_x") == "x"


def test_names_stay_short_and_apart() -> None:
    long = new_name("a" * 200, NOW, [])
    assert len(long) <= SLUG_LENGTH_MAX
    assert new_name("b", NOW, [long]) == "20221116162335424_b"
    with pytest.raises(UsageError) as again:
        new_name("B", NOW, ["20200101000000000_b"])
    assert again.value.code == "duplicate-slug"
    with pytest.raises(UsageError) as empty:
        new_name("…!", NOW, [])
    assert empty.value.code == "empty-title"


def failing(*texts: str) -> ElectricError:
    sources = [Source(f"2024010100000000{place}_m", "m", text) for place, text in enumerate(texts)]
    with pytest.raises(ElectricError) as error:
        build(sources)
    return error.value


def test_broken_sql_is_shown_with_its_place() -> None:
    error = failing("CREATE TABLE a (id TEXT PRIMARY KEY);\n\nCREATE TABEL b (x);")
    assert error.code == "sql-error"
    assert "migration.sql:3:8" in error.problem
    assert "    CREATE TABEL b (x);\n           ^" in error.problem
    assert "syntax error" in error.problem


KEYED = "CREATE TABLE a (id TEXT PRIMARY KEY, x INTEGER, y TEXT UNIQUE)"


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("missing-primary-key", ["CREATE TABLE a (x TEXT)"]),
        ("unknown-type", ["CREATE TABLE a (id TEXT PRIMARY KEY, x MONEY)"]),
        ("unknown-type", ["CREATE TABLE a (id TEXT PRIMARY KEY, x)"]),
        ("generated-column", ["CREATE TABLE a (id TEXT PRIMARY KEY, x INT AS (1))"]),
        ("foreign-key-target", [KEYED, "CREATE TABLE b (id TEXT PRIMARY KEY REFERENCES a(y))"]),
        ("foreign-key-target", ["CREATE TABLE b (id TEXT PRIMARY KEY REFERENCES nowhere)"]),
        ("reserved-name", ["CREATE TABLE _electric_x (id TEXT PRIMARY KEY)"]),
        ("reserved-name", ["CREATE TABLE a (xmin TEXT PRIMARY KEY)"]),
        ("identifier-too-long", [f"CREATE TABLE {'a' * 64} (x TEXT PRIMARY KEY)"]),
        ("unportable-check", ["CREATE TABLE a (id TEXT PRIMARY KEY CHECK (id GLOB 'a*'))"]),
        ("unportable-unique", [KEYED + ";CREATE UNIQUE INDEX i ON a (y) WHERE x = 1"]),
        ("qualified-name", ["CREATE TABLE main.a (id TEXT PRIMARY KEY)"]),
        ("data-statement", [KEYED, "INSERT INTO a VALUES (1, 2, 3)"]),
        ("transaction-control", ["BEGIN; " + KEYED]),
        ("local-statement", ["PRAGMA user_version = 5"]),
        ("view", [KEYED, "CREATE VIEW v AS SELECT 1"]),
        ("trigger", [KEYED, "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END"]),
        ("virtual-table", ["CREATE VIRTUAL TABLE f USING fts5(x)"]),
        ("not-additive", [KEYED, "DROP TABLE a"]),
        ("not-additive", [KEYED, "ALTER TABLE a RENAME TO b"]),
        ("not-additive", [KEYED, "ALTER TABLE a RENAME COLUMN x TO z"]),
        ("not-additive", [KEYED, "ALTER TABLE a DROP COLUMN x"]),
        ("required-new-column", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT NOT NULL"]),
        ("bad-default", ["CREATE TABLE a (id TEXT PRIMARY KEY, x BOOLEAN DEFAULT 'yes')"]),
        ("bad-default", ["CREATE TABLE a (id TEXT PRIMARY KEY, x BOOLEAN DEFAULT 2)"]),
        ("bad-default", ["CREATE TABLE a (id TEXT PRIMARY KEY, x INT DEFAULT 'many')"]),
        ("bad-default", ["CREATE TABLE a (id TEXT PRIMARY KEY, x TEXT DEFAULT x'00')"]),
        ("bad-default", ["CREATE TABLE a (id TEXT PRIMARY KEY, x DATE DEFAULT 'tomorrow')"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z JSON DEFAULT '{'"]),
        ("bad-default", [KEYED, "ALTER TABLE a ADD COLUMN z TIME DEFAULT '07:05'"]),
        ("computed-new-default", [KEYED, "ALTER TABLE a ADD COLUMN z TEXT DEFAULT CURRENT_TIME"]),
    ],
)
def test_what_can_not_work_is_refused_with_its_reason(code: str, texts: list[str]) -> None:
    error = failing(*texts)
    assert error.code == code or (code == "required-new-column" and error.code == "sql-error")
    assert error.remedy
    assert isinstance(error, MigrationError)
