"""Opening a file, and bringing it to a bundle's schema: what works, and what is said otherwise."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from electricsql.device.file import connect, explained, prepare, transaction
from electricsql.device.meta import read_meta, schema_version
from electricsql.errors import DeviceError
from electricsql.migrations import make_bundle
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, DeviceFile, bundle, plain

MORE = "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'"


def code_of(error: pytest.ExceptionInfo[DeviceError]) -> str:
    assert error.value.problem
    assert error.value.remedy
    return error.value.code


def test_a_new_file_has_the_tables_and_an_id_of_its_own(device: MakeDevice) -> None:
    one, other = device(NOTES), device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    assert one.rows("notes") == [("n1", None, 0)]
    ours, theirs = read_meta(one.app), read_meta(other.app)
    assert len(bytes.fromhex(ours.device)) == 16
    assert ours.device != theirs.device
    assert (ours.app, ours.env, ours.origin, ours.cursor, ours.number) == (
        "shop",
        "local",
        0,
        None,
        0,
    )


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = DeviceFile(path, NOTES)
    first.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    first.seal()
    before = read_meta(first.app)
    first.close()
    second = DeviceFile(path, NOTES)
    assert read_meta(second.app) == before
    assert second.rows("notes") == [("n1", None, 0)]
    second.close()


def test_a_newer_bundle_applies_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    newer = DeviceFile(path, NOTES, MORE)
    newer.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    assert newer.rows("notes") == [("n1", None, 0, "none")]
    assert schema_version(newer.app) == bundle(NOTES, MORE).schema_version
    newer.close()


def test_an_older_bundle_leaves_the_schema_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES, MORE).close()
    older = DeviceFile(path, NOTES)
    assert schema_version(older.app) == bundle(NOTES, MORE).schema_version
    older.close()


def test_what_was_written_before_a_migration_keeps_its_version(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = DeviceFile(path, NOTES)
    first.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    first.close()
    second = DeviceFile(path, NOTES, MORE)
    second.app.execute("INSERT INTO notes (id) VALUES ('n2')")
    second.seal()
    old, new = second.unsent()
    assert (old.schema_version, new.schema_version) == (
        bundle(NOTES).schema_version,
        bundle(NOTES, MORE).schema_version,
    )
    assert [dict(sealed.rows[0].values) for sealed in (old, new)] == [
        {"id": "n1", "body": None, "done": 0},
        {"id": "n2", "body": None, "done": 0, "tag": "none"},
    ]
    second.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    app = plain(path)
    app.execute("CREATE TABLE by_tag (id)")
    app.close()
    with pytest.raises(DeviceError) as refused:
        DeviceFile(
            path,
            NOTES,
            "CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL)",
            "CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL); CREATE INDEX by_tag ON tags (id)",
        )
    assert code_of(refused) == "migration-failed"
    app = plain(path)
    assert app.execute("SELECT count(*) FROM _electric_migrations").fetchone() == (1,)
    assert app.execute("SELECT name FROM sqlite_schema WHERE name = 'more'").fetchone() is None
    app.close()


def test_a_unique_rule_that_the_rows_break_is_a_readable_error(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = DeviceFile(path, NOTES)
    first.app.execute("INSERT INTO notes (id, body) VALUES ('n1', 'x'), ('n2', 'x')")
    first.close()
    with pytest.raises(DeviceError) as refused:
        DeviceFile(path, NOTES, "CREATE UNIQUE INDEX one ON notes (body)")
    assert code_of(refused) == "migration-failed"


def test_a_migration_with_other_contents_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    with pytest.raises(DeviceError) as refused:
        DeviceFile(path, NOTES.replace("body", "text"))
    assert code_of(refused) == "changed-migration"


def test_a_file_of_another_app_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    database = connect(path)
    with pytest.raises(DeviceError) as refused:
        prepare(path, database, bundle(NOTES, app="library"))
    assert code_of(refused) == "other-app"
    database.close()


def test_a_file_of_a_newer_electricsql_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = DeviceFile(path, NOTES)
    first.app.execute("UPDATE _electric_meta SET value = 99 WHERE key = 'format'")
    first.close()
    with pytest.raises(DeviceError) as refused:
        DeviceFile(path, NOTES)
    assert code_of(refused) == "newer-format"


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("Dear diary, today it rained again." * 100)
    with pytest.raises(DeviceError) as refused:
        connect(path)
    assert code_of(refused) == "not-a-database"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)
    with pytest.raises(DeviceError) as refused:
        DeviceFile(path, NOTES)
    assert code_of(refused) == "damaged-database"


@pytest.mark.parametrize("place", ["missing/a.db", "."])
def test_a_path_that_can_not_be_opened_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(DeviceError) as refused:
        connect(tmp_path / place)
    assert code_of(refused) == "cannot-open"


def test_a_file_that_another_program_keeps_locked_is_said_to_be_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electricsql.device.file.BUSY_TIMEOUT_MS", 1)
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    other = plain(path)
    other.execute("BEGIN EXCLUSIVE")
    database = connect(path)
    with pytest.raises(DeviceError) as refused:
        prepare(path, database, bundle(NOTES))
    assert code_of(refused) == "database-busy"
    database.close()
    other.close()


def test_a_full_disk_is_told_with_sqlites_words(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = connect(path)
    prepare(path, database, bundle(NOTES))
    database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(DeviceError) as refused, explained(path), transaction(database):
        database.execute("INSERT INTO notes VALUES ('n1', ?, 0)", ("x" * 100_000,))
    assert code_of(refused) == "cannot-open"
    assert f"{path} can't be opened for writing: database or disk is full." in refused.value.problem
    assert "has room" in refused.value.remedy
    database.close()


def test_a_transaction_is_committed_or_rolled_back(device: MakeDevice) -> None:
    one = device(NOTES)
    with transaction(one.app), transaction(one.app):
        one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    with pytest.raises(sqlite3.IntegrityError), transaction(one.app):
        one.app.execute("INSERT INTO notes (id) VALUES ('n2')")
        one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    assert one.rows("notes") == [("n1", None, 0)]


def test_a_file_that_was_local_goes_to_an_environment_and_to_no_other(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    local, default, prod = (make_bundle("app", env, ()) for env in ("local", "default", "prod"))
    with closing(connect(path)) as database:
        for bundle in (local, default, local):
            prepare(path, database, bundle)
        assert read_meta(database).env == "default"
        with pytest.raises(DeviceError) as refused:
            prepare(path, database, prod)
    assert code_of(refused) == "other-app"
