"""What a device does for its app, with a real service."""

import shutil
import sqlite3
import struct
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from electricsql import Database, DeviceError, Rejected, ServiceError, Status, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App, Service
from tests.integration.whole.test_convergence import agreed, rows, run, settle, write

NOTES = (
    '-- @allow device-local-key reason="the tests give them"\n'
    "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, body TEXT, stars INTEGER DEFAULT 0);\n"
)
PATIENCE_S = 30.0


@pytest.fixture
def notes(app: App) -> App:
    app.migrate("notes", NOTES)
    return app


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is to come by itself."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def test_what_any_program_writes_is_replicated(notes: App, device: Open) -> None:
    one, other = device("one"), device("other")
    settle(one, other)
    with closing(sqlite3.connect(one.path)) as program, program:
        program.executemany(
            "INSERT INTO notes (id, body) VALUES (?, 'x')", [(n,) for n in range(9)]
        )
    until(lambda: len(rows(other, "notes")) == 9)
    run(notes, "DELETE FROM notes WHERE id > 4")
    until(lambda: len(rows(one, "notes")) == 5)
    assert len(agreed(notes, "notes", one, other)) == 5


def test_who_sealed_before_the_file_became_another_device_waits_for_its_new_numbers(
    notes: App, device: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = device("one")
    settle(one)
    monkeypatch.setattr(Database, "_sealed", lambda _: 99)
    one.sync(PATIENCE_S)


def test_a_refused_transaction_is_told_and_taken_back(notes: App, device: Open) -> None:
    one, other = device("one"), device("other")
    heard: list[Rejected] = []
    one.on_rejected(heard.append)
    write(one, "INSERT INTO notes VALUES (1, 'fine', 0)")
    settle(one, other)
    run(notes, "ALTER TABLE notes ADD CONSTRAINT few_stars CHECK (stars < 6)")
    write(one, "UPDATE notes SET stars = 10 WHERE id = 1", "INSERT INTO notes VALUES (2, 'b', 0)")
    write(one, "INSERT INTO notes VALUES (3, 'after', 1)")
    settle(one, other)
    assert agreed(notes, "notes", one, other) == [(1, "fine", 0), (3, "after", 1)]
    assert [(each.number, each.code) for each in heard] == [(2, "postgres-refused")]
    assert "few_stars" in heard[0].message
    assert "quarantine      1" in notes.electric("status")
    kept = one.execute("SELECT number, code FROM _electric_quarantine").fetchall()
    assert kept == [(2, "postgres-refused")]


def test_the_status_tells_of_pending_writes_and_of_a_first_sync(
    notes: App, device: Open, tmp_path: Path
) -> None:
    with electrify(tmp_path / "one.db", notes.bundle, sync=False) as offline:
        write(offline, *(f"INSERT INTO notes VALUES ({n}, 'x', 0)" for n in range(3)))
        write(offline, "UPDATE notes SET body = 'y'")
        before = offline.status
    assert (before.connected, before.pending, before.cursor) == (False, 2, None)
    one = device("one")
    one.sync()
    assert (one.status.connected, one.status.pending) == (True, 0)
    run(notes, "INSERT INTO notes SELECT n, repeat('b', 100) FROM generate_series(10, 30000) n")
    heard: list[Status] = []
    other = device("other")
    other.on_status(heard.append)
    other.sync()
    progress = [each.progress for each in heard if each.progress is not None]
    assert progress, "a first sync of 30,000 rows comes in parts"
    assert all(0 < each.rows <= each.rows_total for each in progress)
    assert progress == sorted(progress, key=lambda each: each.rows)
    assert other.status.progress is None


def test_two_programs_may_open_one_file_and_one_of_them_syncs_it(notes: App, device: Open) -> None:
    one = device("one")
    one.sync()  # so it has the turn
    again, other = device("one"), device("other")
    with pytest.raises(DeviceError, match="Another program syncs") as raised:
        again.sync(0.5)
    assert raised.value.code == "sync-timeout"
    write(again, "INSERT INTO notes VALUES (1, 'through the other', 0)")
    until(lambda: len(rows(other, "notes")) == 1)
    one.close()
    write(again, "INSERT INTO notes VALUES (2, 'alone', 0)")
    again.sync()
    until(lambda: len(rows(other, "notes")) == 2)


def test_a_copied_file_becomes_a_device_of_its_own(notes: App, device: Open) -> None:
    one = device("one")
    write(one, "INSERT INTO notes VALUES (1, 'a', 0)")
    one.sync()
    with closing(sqlite3.connect(one.path.with_name("copy.db"))) as target:
        one.connection.backup(target)
    write(one, "INSERT INTO notes VALUES (2, 'after the copy', 0)")
    one.sync()
    with electrify(one.path.with_name("copy.db"), notes.bundle, sync=False) as offline:
        write(offline, "INSERT INTO notes VALUES (3, 'in the copy', 0)")
    copy = device("copy")
    settle(copy, one)
    assert [row[0] for row in agreed(notes, "notes", one, copy)] == [1, 2, 3]
    write(one, "UPDATE notes SET stars = 1")
    write(copy, "UPDATE notes SET body = 'b'")
    settle(copy, one)
    assert agreed(notes, "notes", one, copy) == [(n, "b", 1) for n in (1, 2, 3)]


def note_births(app: App) -> None:
    """Have Postgres note how often each row comes into being."""
    run(app, "CREATE TABLE born (id bigint)")
    run(
        app,
        "CREATE FUNCTION note_birth() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN INSERT INTO born VALUES (NEW.id); RETURN NULL; END'",
    )
    run(
        app,
        "CREATE TRIGGER note_birth AFTER INSERT ON notes"
        " FOR EACH ROW EXECUTE FUNCTION note_birth()",
    )


def copied(database: Database, name: str) -> Path:
    """A copy of a device's file."""
    path = database.path.with_name(f"{name}.db")
    with closing(sqlite3.connect(path)) as target:
        database.connection.backup(target)
    return path


def test_copies_that_seal_under_one_number_and_clock_lose_nothing(
    notes: App, device: Open, tmp_path: Path
) -> None:
    note_births(notes)
    one = device("one")
    write(one, "INSERT INTO notes VALUES (1, 'a', 0)")
    one.sync()
    copies = [tmp_path / "one.db"]
    one.close()
    with electrify(copies[0], notes.bundle, sync=False) as offline:
        ahead = (time.time_ns() // 1_000_000 + 30_000) << 16
        offline.execute("UPDATE _electric_meta SET value = ? WHERE key = 'hlc'", (ahead,))
        write(offline, "INSERT INTO notes VALUES (2, 'before the copies', 0)")
        copies += [copied(offline, name) for name in ("copy", "other")]
    for number, path in enumerate(copies, start=3):
        with electrify(path, notes.bundle, sync=False) as offline:
            write(offline, f"INSERT INTO notes VALUES ({number}, 'in {path.stem}', 0)")
            sealed = offline.execute("SELECT number, hlc FROM _electric_transactions").fetchall()
            assert sealed == [(2, ahead + 1), (3, ahead + 2)]
    opened = [device("one")]
    opened[0].sync()
    run(notes, "DELETE FROM notes WHERE id = 2")
    opened += [device(name) for name in ("copy", "other")]
    settle(*opened, opened[0])
    shown = agreed(notes, "notes", *opened)
    assert [row[0] for row in shown] == [1, 3, 4, 5], "what was deleted did not come back"
    assert run(notes, "SELECT id, count(*) FROM born GROUP BY id ORDER BY id") == [
        (id, 1) for id in range(1, 6)
    ]
    assert all(row[0] for row in run(notes, "SELECT holds FROM electric.fates"))


def test_a_backup_that_is_restored_sends_nothing_twice(notes: App, device: Open) -> None:
    note_births(notes)
    one = device("one")
    one.sync()
    one.close()
    with electrify(one.path, notes.bundle, sync=False) as offline:
        write(offline, "INSERT INTO notes VALUES (1, 'in the backup', 0)")
        backup = copied(offline, "backup")
        write(offline, "INSERT INTO notes VALUES (2, 'after it', 0)")
    device("one").sync()
    run(notes, "DELETE FROM notes WHERE id = 1")
    restored = device(backup.stem)
    write(restored, "INSERT INTO notes VALUES (3, 'restored', 0)")
    settle(restored)
    assert [row[0] for row in agreed(notes, "notes", restored)] == [2, 3]
    assert run(notes, "SELECT id FROM born ORDER BY id") == [(1,), (2,), (3,)]


def test_after_a_reset_a_device_keeps_a_copy_and_starts_over(notes: App, device: Open) -> None:
    one = device("one")
    write(one, "INSERT INTO notes VALUES (1, 'before', 0)")
    one.sync()
    notes.electric("reset", "--yes")
    notes.electric("sync")
    until(lambda: not run_quietly(one, "SELECT 1 FROM notes"))
    write(one, "INSERT INTO notes VALUES (2, 'after', 0)")
    settle(one)
    assert agreed(notes, "notes", one) == [(2, "after", 0)]
    (copy,) = one.path.parent.glob("one.before-reset-*.db")
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT body FROM notes").fetchall() == [("before",)]


def run_quietly(database: Database, sql: str) -> list[tuple[object, ...]]:
    """What a query gives; something, while the table is not there."""
    try:
        return database.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return [()]


def bits(real: float | None) -> bytes | None:
    return None if real is None else struct.pack("d", real)


def test_values_arrive_exactly_as_they_were_written(app: App, device: Open) -> None:
    app.migrate(
        "things",
        '-- @allow device-local-key reason="the tests give them"\n'
        "CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL,"
        " i INTEGER, r REAL, t TEXT, b BLOB, j JSON);",
    )
    planes = "".join(
        chr(code) for code in range(0x20, 0x110000, 0x2F1) if not 0xD800 <= code < 0xE000
    )
    values: list[tuple[int, float | None, str | None, bytes | None, str | None]] = [
        (2**63 - 1, -0.0, planes, b"", "null"),
        (-(2**63), float("inf"), "", None, None),
        (0, float("-inf"), None, bytes(range(256)) * 40_000, '{"a": [1, 2.50, "\\u00e9"]}'),
        (1, 5e-324, "'; DROP TABLE things; --\n\r\t\\", b"\x00", " [ ] "),
    ]
    one, other = device("one"), device("other")
    with one.transaction():
        for n, row in enumerate(values):
            one.execute("INSERT INTO things VALUES (?, ?, ?, ?, ?, ?)", (n, *row))
    settle(one, other)
    found = other.execute("SELECT i, r, t, b, j FROM things ORDER BY id").fetchall()
    assert found == values
    # SQLite itself keeps -0.0 in a REAL column as 0.0, so that is what arrives.
    written = one.execute("SELECT r FROM things ORDER BY id").fetchall()
    assert [bits(row[1]) for row in found] == [bits(real) for (real,) in written]
    run(app, "INSERT INTO things SELECT id + 10, i, r, t, b, j FROM things")
    settle(one, other)
    for database in (one, other):
        again = database.execute("SELECT i, r, t, b, j FROM things WHERE id >= 10 ORDER BY id")
        assert again.fetchall() == values


def test_what_keeps_a_device_from_syncing_is_said(
    notes: App, tmp_path: Path, service: Service
) -> None:
    with electrify(tmp_path / "a.db", notes.bundle, token="nonsense") as database:
        with pytest.raises(ServiceError) as refused:
            database.sync()
        assert refused.value.code == "unauthorized"
    nowhere = "ws://127.0.0.1:1/ws/notes/default"
    with electrify(tmp_path / "b.db", notes.bundle, nowhere, notes.token) as database:
        with pytest.raises(DeviceError, match="can't be reached") as late:
            database.sync(0.5)
        assert late.value.code == "sync-timeout"
        assert database.status.last_error is not None
        assert database.status.last_error.code == "service-unreachable"
    with electrify(tmp_path / "c.db", notes.bundle, sync=False) as database:
        with pytest.raises(DeviceError) as local:
            database.sync()
        assert local.value.code == "not-syncing"
    other_env = service.url.replace("http", "ws") + f"/ws/{notes.name}/nowhere"
    with electrify(tmp_path / "d.db", notes.bundle, other_env, notes.token) as database:
        with pytest.raises(ServiceError, match="another app or environment") as elsewhere:
            database.sync()
        assert elsewhere.value.code == "unauthorized"


def test_callbacks_that_fail_harm_nobody(notes: App, device: Open) -> None:
    one = device("one")
    called = threading.Event()

    def fail(_: Status) -> None:
        called.set()
        raise RuntimeError("in the app")

    one.on_status(fail)
    write(one, "INSERT INTO notes VALUES (1, 'a', 0)")
    one.sync()
    assert called.wait(PATIENCE_S)
    assert one.status.pending == 0


def test_replicate_keeps_the_file_of_any_app_in_sync(notes: App, device: Open) -> None:
    other = device("other")
    write(other, "INSERT INTO notes VALUES (1, 'from a device', 0)")
    other.sync()
    path = notes.folder / "outside.db"
    said = notes.electric("replicate", str(path), "--once", "--token", notes.token)
    assert said == f"{path} is in sync with {notes.name}/default."
    with closing(sqlite3.connect(path)) as program, program:
        assert program.execute("SELECT body FROM notes").fetchall() == [("from a device",)]
        program.execute("INSERT INTO notes VALUES (2, 'from any app', 0)")
    shutil.rmtree(notes.folder / ".electric")
    url = notes.service.url.replace("http", "ws") + f"/ws/{notes.name}/default"
    notes.electric("replicate", str(path), "--url", url, "--once", "--token", notes.token)
    other.sync()
    assert agreed(notes, "notes", other) == [(1, "from a device", 0), (2, "from any app", 0)]
