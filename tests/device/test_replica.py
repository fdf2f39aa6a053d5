"""The file as the engine works on it."""

import threading
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from electricsql.device.replica import Replica
from electricsql.device.status import Connection
from electricsql.errors import DeviceError
from electricsql.protocol import DeltaPart, decode_transaction
from electricsql.replication import Transaction
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile, plain
from tests.device.hubs import EPOCH, MemoryHub, cursor_at, insert


@pytest.fixture
def file(device: MakeDevice) -> DeviceFile:
    return device(NOTES)


@pytest.fixture
def replica(file: DeviceFile) -> Iterator[Replica]:
    replica = Replica(file.path)
    yield replica
    replica.close()


def write(file: DeviceFile, *keys: str) -> None:
    """Transactions of the app, one for each key, each sealed."""
    for key in keys:
        file.app.execute("INSERT INTO notes (id) VALUES (?)", (key,))
        file.seal()


def loaded(replica: Replica, file: DeviceFile, number: int) -> Transaction:
    return decode_transaction(replica.load(number), file.schema.tables)


def delta(file: DeviceFile, *keys: str, acknowledged: int = 0) -> list[DeltaPart]:
    """The parts of what a hub with these notes has for a device."""
    hub = MemoryHub(file.schema)
    table = file.schema.tables["notes"]
    for key in keys:
        hub.write(insert(table, id=key, body=None, done=0))
    earlier, last = hub.delta(1, None, part_rows=1)
    return [*earlier, replace(last, acknowledged=acknowledged)]


def apply(replica: Replica, parts: list[DeltaPart]) -> None:
    for part in parts[:-1]:
        replica.stage(part)
    replica.apply(parts[-1], NOW_MS)


def test_a_file_tells_what_is_not_acknowledged(file: DeviceFile, replica: Replica) -> None:
    write(file, "a", "b")
    opened = replica.opened()
    assert (opened.cursor, opened.sealed) == (None, 2)
    assert opened.schema_version == file.schema.version
    assert opened.unsent == {sealed.number: sealed.seal for sealed in file.unsent()}
    apply(replica, delta(file, "x", acknowledged=1))
    opened = replica.opened()
    assert opened.cursor == str(cursor_at(1))
    assert list(opened.unsent) == [2]


def test_what_other_programs_commit_is_noticed_and_sealed(
    file: DeviceFile, replica: Replica
) -> None:
    replica.has_changed()
    assert not replica.has_changed()
    program = plain(file.path)
    program.execute("INSERT INTO notes (id) VALUES ('a')")
    program.close()
    assert replica.has_changed()
    assert replica.seal(NOW_MS) == 1
    assert replica.seal(NOW_MS) == 1
    assert [change.key for change in loaded(replica, file, 1).changes] == [("a",)]


@pytest.mark.parametrize("numbers", [(1, 2, 3, 4), (2, 1, 4, 4), (1, 3, 4, 2)])
def test_transactions_are_loaded_by_number_in_any_order(
    file: DeviceFile, replica: Replica, numbers: tuple[int, ...]
) -> None:
    write(file, "1", "2", "3", "4")
    for number in numbers:
        transaction = loaded(replica, file, number)
        assert transaction.number == number
        assert [change.key for change in transaction.changes] == [(str(number),)]


def test_what_is_sealed_while_transactions_are_loaded_comes_after_them(
    file: DeviceFile, replica: Replica
) -> None:
    write(file, "1", "2")
    assert loaded(replica, file, 1).number == 1
    apply(replica, delta(file, "x", acknowledged=1))
    assert loaded(replica, file, 2).number == 2
    write(file, "3")
    assert loaded(replica, file, 3).changes[0].key == ("3",)


def test_a_delta_takes_effect_with_its_last_part(file: DeviceFile, replica: Replica) -> None:
    parts = delta(file, "a", "b", "c")
    assert len(parts) > 1
    for part in parts[:-1]:
        replica.stage(part)
        assert file.rows("notes") == []
    outcome = replica.apply(parts[-1], NOW_MS)
    assert outcome.cursor == cursor_at(3)
    assert [row[0] for row in file.rows("notes")] == ["a", "b", "c"]


def test_parts_of_a_delta_that_was_broken_off_are_forgotten(
    file: DeviceFile, replica: Replica
) -> None:
    replica.stage(delta(file, "old", "gone")[0])
    apply(replica, delta(file, "b", "c"))
    assert [row[0] for row in file.rows("notes")] == ["b", "c"]
    replica.stage(delta(file, "old", "gone")[0])
    apply(replica, delta(file, "d"))
    assert [row[0] for row in file.rows("notes")] == ["d"]


def test_a_delta_that_can_not_be_applied_changes_nothing(
    file: DeviceFile, replica: Replica
) -> None:
    file.app.execute(
        "CREATE TRIGGER own BEFORE INSERT ON notes WHEN new.id = 'b'"
        " BEGIN SELECT RAISE(ABORT, 'not here'); END"
    )
    write(file, "mine")
    with pytest.raises(DeviceError) as raised:
        apply(replica, delta(file, "a", "b"))
    assert raised.value.code == "apply-failed"
    assert "not here" in raised.value.problem
    assert [row[0] for row in file.rows("notes")] == ["mine"]
    assert replica.opened().cursor is None
    file.app.execute("DROP TRIGGER own")
    apply(replica, delta(file, "a", "b"))
    assert [row[0] for row in file.rows("notes")] == ["a", "b", "mine"]


def test_the_origin_is_remembered(file: DeviceFile, replica: Replica) -> None:
    replica.place(7)
    replica.place(7)
    assert file.read("SELECT value FROM _electric_meta WHERE key = 'origin'") == [(7,)]


def test_a_renewed_file_says_so_and_loads_by_its_new_numbers(
    file: DeviceFile, replica: Replica
) -> None:
    write(file, "1", "2", "3")
    before = replica.opened()
    apply(replica, delta(file, "x", acknowledged=1))
    assert loaded(replica, file, 2).number == 2
    assert replica.renew() == 2
    after = replica.opened()
    assert (after.sealed, list(after.unsent)) == (2, [1, 2])
    assert after.device != before.device
    assert [loaded(replica, file, number).changes[0].key for number in (1, 2)] == [("2",), ("3",)]


def test_a_file_that_started_over_has_nothing_and_takes_another_schema(
    file: DeviceFile, replica: Replica
) -> None:
    write(file, "1")
    replica.start_over(EPOCH)
    opened = replica.opened()
    assert (opened.cursor, opened.schema_version, opened.sealed) == (None, None, 0)
    assert replica.status(Connection()).pending == 0
    again = DeviceFile(file.path, NOTES.replace("body TEXT", "body TEXT, more TEXT"))
    write(again, "2")
    change = loaded(replica, again, 1).changes[0]
    assert set(change.values) == {"id", "body", "more", "done"}
    again.close()


def test_a_file_that_another_program_locks_is_said_to_be_busy(
    file: DeviceFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electricsql.device.file.BUSY_TIMEOUT_MS", 1)
    replica = Replica(file.path)
    file.app.execute("INSERT INTO notes (id) VALUES ('a')")
    file.app.execute("BEGIN IMMEDIATE")
    with pytest.raises(DeviceError) as raised:
        replica.seal(NOW_MS)
    assert raised.value.code == "database-busy"
    file.app.execute("COMMIT")
    assert replica.seal(NOW_MS) == 1
    replica.close()


def test_a_replica_may_be_used_by_the_engines_thread(file: DeviceFile, replica: Replica) -> None:
    numbers: list[int] = []
    file.app.execute("INSERT INTO notes (id) VALUES ('a')")
    thread = threading.Thread(target=lambda: numbers.append(replica.seal(NOW_MS)))
    thread.start()
    thread.join()
    assert numbers == [1]
