"""Files that are not what the hub thinks: they become another device's, or start over."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from electricsql.device.fates import acknowledge
from electricsql.device.identity import renew, start_over
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.status import Connection, read_status
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, DeviceFile, bundle

FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL);
CREATE TABLE children (id INTEGER PRIMARY KEY NOT NULL, parent INTEGER REFERENCES parents (id));
"""
EPOCH = "0123456789abcdef"


def with_unsent(file: DeviceFile, *, sealed: int, acknowledged: int) -> DeviceFile:
    """A file that has sealed so many transactions, of which the hub has acknowledged some."""
    for number in range(1, sealed + 1):
        file.app.execute("INSERT INTO notes (id) VALUES (?)", (f"n{number}",))
        file.seal()
    acknowledge(file.engine, acknowledged)
    write_meta(file.engine, origin=5, cursor=f"{EPOCH}/7:7:")
    return file


def keys(file: DeviceFile) -> list[tuple[int, object]]:
    """The unsent transactions: their numbers, and the key of their only row."""
    return [(sealed.number, sealed.rows[0].key) for sealed in file.unsent()]


def test_a_renewed_file_is_another_device_with_the_same_unsent_transactions(
    device: MakeDevice,
) -> None:
    file = with_unsent(device(NOTES), sealed=6, acknowledged=3)
    before, clocks = read_meta(file.app), [sealed.hlc for sealed in file.unsent()]
    renew(file.engine)
    after = read_meta(file.app)
    assert keys(file) == [(1, ("n4",)), (2, ("n5",)), (3, ("n6",))]
    assert [sealed.hlc for sealed in file.unsent()] == clocks
    assert after.device != before.device and len(bytes.fromhex(after.device)) == 16
    assert (after.origin, after.number) == (0, 3)
    assert (after.cursor, after.hlc) == (before.cursor, before.hlc)
    assert len(file.rows("notes")) == 6


def test_a_renewed_file_goes_on_with_the_next_number(device: MakeDevice) -> None:
    file = with_unsent(device(NOTES), sealed=4, acknowledged=2)
    renew(file.engine)
    file.app.execute("INSERT INTO notes (id) VALUES ('later')")
    assert file.seal() == 3
    assert keys(file)[-1] == (3, ("later",))


def test_a_file_with_nothing_unsent_begins_at_one(device: MakeDevice) -> None:
    file = with_unsent(device(NOTES), sealed=4, acknowledged=4)
    renew(file.engine)
    assert read_meta(file.app).number == 0
    file.app.execute("INSERT INTO notes (id) VALUES ('later')")
    assert file.seal() == 1


def test_what_is_not_sealed_yet_stays_to_be_sealed(device: MakeDevice) -> None:
    file = with_unsent(device(NOTES), sealed=2, acknowledged=1)
    file.app.execute("INSERT INTO notes (id) VALUES ('not sealed')")
    renew(file.engine)
    assert read_status(file.engine, Connection()).pending == 2
    file.seal()
    assert keys(file) == [(1, ("n2",)), (2, ("not sealed",))]


def test_starting_over_empties_the_file_and_keeps_a_copy(device: MakeDevice) -> None:
    file = with_unsent(device(NOTES), sealed=2, acknowledged=1)
    before = read_meta(file.app)
    copy = start_over(file.path, file.engine, file.schemas, EPOCH)
    after = read_meta(file.app)
    assert after.device != before.device
    assert (after.app, after.env) == (before.app, before.env)
    assert (after.origin, after.cursor, after.number) == (0, None, 0)
    assert schema_version(file.app) is None
    tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"
    assert file.read(tables) == [(0,)]
    assert file.read("SELECT count(*) FROM _electric_oplog") == [(0,)]
    assert copy.parent == file.path.parent and "before-reset" in copy.name
    kept = DeviceFile(copy, NOTES)
    assert [row[0] for row in kept.rows("notes")] == ["n1", "n2"]
    assert keys(kept) == [(2, ("n2",))]
    assert read_meta(kept.app) == before
    kept.close()


def test_starting_over_removes_children_and_their_parents(device: MakeDevice) -> None:
    file = device(FAMILY)
    file.app.execute("INSERT INTO parents VALUES (1)")
    file.app.execute("INSERT INTO children VALUES (1, 1)")
    start_over(file.path, file.engine, file.schemas, EPOCH)
    ours = file.read(
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_electric%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    assert ours == []


def test_a_file_that_started_over_can_have_the_schema_again(device: MakeDevice) -> None:
    file = with_unsent(device(NOTES), sealed=2, acknowledged=1)
    start_over(file.path, file.engine, file.schemas, EPOCH)
    again = DeviceFile(file.path, NOTES)
    again.app.execute("INSERT INTO notes (id) VALUES ('anew')")
    again.seal()
    assert schema_version(again.app) == bundle(NOTES).schema_version
    assert keys(again) == [(1, ("anew",))]
    again.close()


def test_tables_of_the_apps_own_stay_when_the_file_starts_over(device: MakeDevice) -> None:
    file = device(NOTES)
    file.app.execute("CREATE TABLE settings (name TEXT)")
    file.app.execute("INSERT INTO settings VALUES ('dark')")
    start_over(file.path, file.engine, file.schemas, EPOCH)
    assert file.rows("settings") == [("dark",)]


def test_a_copy_that_was_interrupted_is_made_anew(
    device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = with_unsent(device(NOTES), sealed=2, acknowledged=1)

    def fail(source: Path, target: Path) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="power cut"):
            start_over(file.path, file.engine, file.schemas, EPOCH)
    assert len(file.rows("notes")) == 2
    copy = start_over(file.path, file.engine, file.schemas, EPOCH)
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT count(*) FROM notes").fetchone() == (2,)
    assert list(file.path.parent.glob("*.tmp*")) == []


def test_a_second_reset_does_not_replace_the_copy_of_the_first(device: MakeDevice) -> None:
    file = device(NOTES)
    first = start_over(file.path, file.engine, file.schemas, "aaaaaaaaaaaa")
    second = start_over(file.path, file.engine, file.schemas, "bbbbbbbbbbbb")
    assert first != second and first.exists() and second.exists()
