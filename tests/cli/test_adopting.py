"""`electric init --from-sqlite`: from a file to an app that builds."""

import sqlite3
from pathlib import Path

from tests.cli.conftest import Typist


def made(path: Path) -> Path:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, price MONEY)")
        database.execute("INSERT INTO notes VALUES (1, 9.5)")
        database.execute("CREATE TABLE log (line TEXT)")
    database.close()
    return path


def test_an_app_from_a_file_builds(electric: Typist) -> None:
    path = made(electric.folder / "old app.db")
    before = path.read_bytes()
    said = electric.well("init", "notes", "--from-sqlite", str(path))
    assert "with 1 table\n" in said
    assert "Corrected: notes.price is NUMERIC here" in said
    assert "Left out: table log. It has no PRIMARY KEY" in said
    assert "Built 1 migration" in electric.well("build")
    assert path.read_bytes() == before


def test_a_second_beginning_is_refused(electric: Typist) -> None:
    path = made(electric.folder / "app.db")
    both = ("init", "notes", "--sync-down", "--from-sqlite", str(path))
    electric.fails(*both, code="one-beginning", status=2)
    electric.well("init", "notes")
    electric.migration("first")
    Path("electric.json").unlink()
    electric.fails("init", "notes", "--from-sqlite", str(path), code="migrations-present")


def test_a_file_of_an_app_or_of_none_is_refused(electric: Typist) -> None:
    path = made(electric.folder / "app.db")
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE _electric_meta (key, value)")
    database.close()
    electric.fails("init", "notes", "--from-sqlite", str(path), code="already-electrified")
    path.write_text("text, " * 1000)
    electric.fails("init", "notes", "--from-sqlite", str(path), code="unreadable-file")
    assert not Path("electric.json").exists()
