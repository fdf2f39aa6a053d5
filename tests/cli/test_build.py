"""`migrations new` and `build`: the files of an app, and what is said when they can't be made."""

import errno
import hashlib
import json
import os
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

from electricsql.migrations import CAPTURE_TABLES
from tests.cli.conftest import ITEMS, Typist

OUTPUT = Path(".electric/notes/default")


def test_a_new_migration_is_a_commented_file_whose_path_is_printed(notes: Typist) -> None:
    printed = notes.well("migrations", "new", "Adding foos & bars").strip()
    assert re.fullmatch(r"migrations/\d{17}_adding_foos_bars/migration\.sql", printed)
    lines = Path(printed).read_text().splitlines()
    assert lines[0] == "-- Adding foos & bars"
    assert all(line.startswith("--") for line in lines)
    for command in ("build", "sync"):
        notes.fails(command, code="empty-migration")


def test_a_title_with_a_line_break_stays_a_comment(notes: Typist) -> None:
    path = Path(notes.well("migrations", "new", "one\nDROP TABLE x").strip())
    assert all(line.startswith("--") for line in path.read_text().splitlines())


def test_two_migrations_can_not_have_one_title(notes: Typist) -> None:
    first = notes.migration("add notes")
    message = notes.fails("migrations", "new", "Add  notes!", code="duplicate-slug", status=2)
    assert first.parent.name in message


def test_a_title_needs_a_letter(notes: Typist) -> None:
    notes.fails("migrations", "new", "!?", code="empty-title", status=2)


def test_a_build_writes_manifest_and_bundle(notes: Typist) -> None:
    path = notes.migration("items")
    notes.well("build")
    bundle = json.loads((OUTPUT / "bundle.json").read_text())
    (migration,) = bundle["migrations"]
    assert (bundle["app"], bundle["env"]) == ("notes", "local")
    assert bundle["schemaVersion"] == migration["name"] == path.parent.name
    assert migration["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert migration["statements"][0] == ITEMS.strip().rstrip(";")
    assert json.loads(Path("migrations/manifest.json").read_text())["migrations"] == [migration]


def test_links_lead_to_the_app_and_its_default_environment(notes: Typist) -> None:
    notes.migration("items")
    notes.well("build")
    assert os.readlink(".electric/@app") == "notes"
    assert os.readlink(".electric/@config") == "notes/default"
    assert Path(".electric/@config/index.js").is_file()
    notes.well("build")


def test_sql_to_be_read_is_written_where_it_is_wanted(notes: Typist) -> None:
    folder = notes.migration("items").parent
    notes.well("build")
    assert {path.name for path in folder.iterdir()} == {"migration.sql"}
    notes.well("build", "--postgres", "--satellite")
    assert 'CREATE TABLE "items"' in (folder / "postgres.sql").read_text()
    assert "CREATE TRIGGER" in (folder / "satellite.sql").read_text()
    notes.well("build")


def test_broken_sql_is_shown_with_file_line_column_and_caret(notes: Typist) -> None:
    path = notes.migration("items", ITEMS + "\nCREATE TABEL y (z);\n")
    before = notes.files()
    message = notes.fails("build", code="sql-error")
    shown = path.relative_to(notes.folder)
    assert f" --> {shown}:3:8\n  |\n3 | CREATE TABEL y (z);\n  |        ^^^^^\n" in message
    assert 'near "TABEL"' in message
    assert notes.files() == before


def test_an_environment_that_is_not_there_is_refused(notes: Typist) -> None:
    message = notes.fails("build", "--env", "prod", code="environment-not-configured", status=2)
    assert "it has default" in message
    assert "`electric config add_env prod`" in message


def test_a_folder_that_is_no_migration_is_named(notes: Typist) -> None:
    Path("migrations/latest").mkdir()
    assert "migrations/latest" in notes.fails("build", code="bad-migration-name")


def test_a_missing_migrations_folder_is_explained(notes: Typist) -> None:
    Path("migrations").rmdir()
    notes.fails("build", code="migrations-not-found")


def test_a_migration_copied_in_by_git_is_found_and_split_digits_are_read(notes: Typist) -> None:
    folder = Path("migrations/20221116_162335_423_old")
    folder.mkdir()
    (folder / "migration.sql").write_text(ITEMS)
    notes.well("build")
    bundle = json.loads((OUTPUT / "bundle.json").read_text())
    assert bundle["schemaVersion"] == "20221116_162335_423_old"


@pytest.mark.parametrize("full_after", [0, 2, 5])
def test_a_full_disk_leaves_the_last_build(
    notes: Typist, monkeypatch: pytest.MonkeyPatch, full_after: int
) -> None:
    notes.migration("items")
    notes.well("build")
    notes.migration("more", "CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL);\n")
    before = notes.files()
    calls = iter(range(1000))
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if next(calls) >= full_after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    message = notes.fails("build", "--postgres", code="cannot-write")
    assert "No space left on device" in message
    assert ".new" not in message
    assert notes.files() == before


def test_a_read_only_folder_is_explained(notes: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.migration("items")

    def refused(*_: object, **__: object) -> tuple[int, str]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkstemp", refused)
    assert "Read-only file system" in notes.fails("build", code="cannot-write")


def test_satellite_sql_runs_on_a_device(notes: Typist) -> None:
    folder = notes.migration("items").parent
    notes.well("build", "--satellite")
    device = sqlite3.connect(":memory:")
    device.executescript(";".join(CAPTURE_TABLES))
    device.executescript((folder / "satellite.sql").read_text())
    device.execute("INSERT INTO items VALUES ('x')")
    assert device.execute("SELECT c0 FROM _electric_oplog").fetchall() == [("x",)]
    device.close()


def test_node_imports_what_a_build_made(notes: Typist) -> None:
    node = Path("/usr/bin/node")
    if not node.exists():
        pytest.skip("there is no Node here")
    notes.migration("items")
    notes.well("build")
    script = "import b from './.electric/@config/index.js'; console.log(b.app)"
    command = [str(node), "--input-type=module", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "notes\n"


def test_a_build_tells_once_what_becomes_of_what_was_there(notes: Typist) -> None:
    notes.migration("items", "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, title TEXT, b TEXT);")
    assert notes.well("build").startswith("Built 1 migration")
    text = (
        "ALTER TABLE a RENAME COLUMN title TO name; ALTER TABLE a ADD COLUMN c INTEGER;\n"
        "-- @drop a.b down='none'\nALTER TABLE a DROP COLUMN b; ALTER TABLE a RENAME TO items;"
    )
    path = notes.migration("better names", text)
    name, *lines, built = notes.well("build").splitlines()
    assert name == path.parent.name
    assert lines == [
        "  a -> items            rename",
        "  items.title -> name   rename",
        "  items.c               add",
        "  items.b               drop     older versions show 'none'",
    ]
    assert notes.well("build").splitlines() == [built]
