"""Statements and their places, hashes, and names."""

import hashlib
from datetime import UTC, datetime

import pytest

from electricsql.errors import UsageError
from electricsql.limits import SLUG_LENGTH_MAX
from electricsql.migrations import Source, new_name, title_of
from electricsql.migrations.source import statements, unbound

NOW = datetime(2022, 11, 16, 16, 23, 35, 423_900, tzinfo=UTC)


def written(sql: str) -> Source:
    return Source("20240101000000000_x", "x", sql)


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
    assert [statement.sql for statement in statements(written(sql))] == expected


def test_a_statement_knows_its_place() -> None:
    source = written("-- c\r\n  CREATE TABLE a (x);  CREATE\nTABLE b (y);")
    for statement in statements(source):
        assert source.text[statement.start : statement.end] == statement.sql
        for token in statement.tokens:
            assert source.text[token.start : token.end] == token.text


def test_directives_are_bound_to_the_statement_below_or_around_them() -> None:
    source = written(
        '-- @allow one reason="x"\n--@two\n/* @no */ CREATE TABLE a (\n'
        "  -- @three a = b  \n  x TEXT DEFAULT '-- @no'\n);\n-- @four\nb;\n-- @five\n"
    )
    first, second = statements(source)
    assert [(each.name, each.arguments) for each in first.directives] == [
        ("allow", 'one reason="x"'),
        ("two", ""),
        ("three", "a = b"),
    ]
    assert [each.name for each in second.directives] == ["four"]
    assert [each.name for each in unbound(source)] == ["five"]
    for each in first.directives:
        assert f"@{each.name}" in source.text[each.start : each.end]


def test_a_text_with_nul_has_statements_as_any_other() -> None:
    first, second = statements(Source("20240101000000000_x", "x", "a\0;\0 b"))
    assert (first.sql, second.sql) == ("a\0", "\0 b")


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
