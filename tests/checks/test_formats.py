"""Carets stand below what is meant, whatever stands before it."""

import pytest

from electricsql.checks.formats import text
from tests.checks.sources import found


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("CREATE TABLE t (x TEXT)", "1 | CREATE TABLE t (x TEXT)\n  |              ^\n"),
        ("\tCREATE TABLE t (x TEXT)", "1 | \tCREATE TABLE t (x TEXT)\n  | \t             ^\n"),
        (
            "/* 漢字 */ CREATE TABLE t (x TEXT)",
            "1 | /* 漢字 */ CREATE TABLE t (x TEXT)\n  | " + " " * 24 + "^\n",
        ),
        (
            "CREATE VIEW v\n  AS\n  SELECT x",
            "1 | CREATE VIEW v\n  | ^^^^^^^^^^^^^\n2 |   AS\n  |   ^^\n"
            "3 |   SELECT x\n  |   ^^^^^^^^\n",
        ),
    ],
)
def test_carets_stand_below_what_is_meant(sql: str, shown: str) -> None:
    assert shown in text.shown(found(sql))


def test_line_numbers_of_two_digits_make_room() -> None:
    said = text.shown(found("\n" * 9 + "CREATE TABLE t (x TEXT)"))
    assert "\n  --> 20240101000000001_m1/migration.sql:10:14\n   |\n10 | CREATE" in said
    assert "\n   = why: " in said


def test_long_statements_are_not_shown_whole() -> None:
    said = text.shown(found("CREATE VIEW v AS SELECT 1" + "\n+ 1" * 100))
    assert len(said.splitlines()) < 20


def test_many_warnings_of_a_rule_are_shown_as_one() -> None:
    columns = [f"c{number} VARCHAR(9)" for number in range(4)]
    table = "CREATE TABLE t (x TEXT{}); CREATE TABLE u (id TEXT PRIMARY KEY NOT NULL{});"
    few, many = (
        text.shown(found(table.format("", "".join(f",\n {each}" for each in some))))
        for some in (columns[:3], columns)
    )
    assert few.count("warning[ignored-length]") == 3
    assert many.count("warning[ignored-length]") == 1
    assert many.count("error[missing-primary-key]") == 1
    assert "= also: 3 more:\n          20240101000000001_m1/migration.sql:3:2: " in many
