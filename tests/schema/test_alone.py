"""Statements about one table are run beside the others: it makes no difference but in time."""

import sqlite3

import pytest

from electricsql.migrations import statements
from electricsql.schema import Scratch, about_one_table
from tests.checks.sources import sources
from tests.integration.made_up import Maker


class Together(Scratch):
    """One that runs everything where all tables are."""

    def _run_alone(self, statement: str) -> bool:
        return False


def said(scratch: Scratch, statement: str) -> str:
    """What SQLite says of a statement."""
    try:
        scratch.run(statement)
    except sqlite3.Error as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(60))
def test_alone_or_together_the_same_is_made_and_refused(seed: int) -> None:
    alone, together = Scratch(), Together()
    for number in range(10):
        for source in sources(*Maker(100 * seed + number).migrations()):
            for statement in statements(source):
                if "TEMP" not in statement.sql:
                    refused = said(alone, statement.sql)
                    if "column loop" in refused:
                        continue
                    assert refused == said(together, statement.sql)
                    assert alone.schema() == together.schema()
    assert list(alone.broken()) == list(together.broken())
    alone.close()
    together.close()


def test_a_table_is_what_it_is_when_all_have_to_be_there_again() -> None:
    scratch = Scratch()
    for statement in (
        "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL)",
        "CREATE TABLE b (id TEXT PRIMARY KEY NOT NULL, a TEXT REFERENCES a)",
        "ALTER TABLE A ADD COLUMN x TEXT",
        'CREATE INDEX i ON "a" (x)',
        "ALTER TABLE a RENAME TO c",
        "ALTER TABLE c ADD COLUMN y TEXT",
    ):
        scratch.run(statement)
    schema = scratch.schema()
    assert schema.tables["c"].column_names == ("id", "x", "y")
    assert [index.name for index in schema.tables["c"].indexes] == ["i"]
    assert schema.tables["b"].foreign_keys[0].parent == "c"
    assert said(scratch, "CREATE INDEX I ON b (a)") == "index I already exists"
    assert said(scratch, "ALTER TABLE a ADD COLUMN z TEXT") == "no such table: a"
    scratch.close()


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        ('CREATE TABLE "a b" (x)', ("a b", "a b", True)),
        ("create unique index i on [t](x)", ("t", "i", False)),
        ("ALTER TABLE t ADD x", ("t", "", False)),
        ("CREATE TABLE 'it''s' (x)", ("it's", "it's", True)),
        ("ALTER TABLE main.t ADD x", ("t", "", False)),
        ("CREATE TABLE IF NOT EXISTS main.a (x)", ("a", "a", True)),
        ("CREATE INDEX main.i ON t (x)", ("t", "i", False)),
        *(
            (other, None)
            for other in (
                "CREATE TABLE a AS SELECT 1",
                "ALTER TABLE t RENAME TO u",
                "ALTER TABLE t",
                "CREATE",
                "",
            )
        ),
    ],
)
def test_what_is_about_one_table(statement: str, about: tuple[str, str, bool] | None) -> None:
    assert about_one_table(statement) == about


def test_computed_columns_that_go_in_a_circle_are_refused_by_sqlite_itself() -> None:
    scratch = Scratch()
    for name in ("t", "main.t", '"main".t', "[Main] . t", "IF NOT EXISTS `main`.t"):
        loop = f"CREATE TABLE {name} (id TEXT PRIMARY KEY NOT NULL, a AS (b), b AS (a))"
        assert said(scratch, loop).startswith("generated column loop")
    assert not scratch.schema().tables
    scratch.close()


def test_names_are_those_that_sqlite_takes_for_the_same() -> None:
    scratch = Scratch()
    for name in ("Ä", "ä"):
        scratch.run(f"CREATE TABLE {name} (id TEXT PRIMARY KEY NOT NULL)")
    scratch.run("ALTER TABLE Ä ADD COLUMN x TEXT")
    assert scratch.schema().tables["Ä"].column_names == ("id", "x")
    assert said(scratch, "CREATE TABLE ÄB (id TEXT)") == ""
    assert said(scratch, "CREATE TABLE Äb (id TEXT)") == "table Äb already exists"
    scratch.close()
