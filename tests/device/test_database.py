"""What an app has, while it is not online."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from electricsql import Database, DeviceError, ElectricError, UsageError, electrify
from electricsql.migrations import make_bundle
from tests.device.files import NOTES, bundle, plain

BUNDLE = bundle(NOTES)
NOWHERE = "ws://127.0.0.1:1/ws/shop/default"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Database]:
    """One that stays local."""
    with electrify(tmp_path / "a.db", BUNDLE, sync=False) as database:
        yield database


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Database]:
    """One that tries to reach a service where there is none."""
    with electrify(tmp_path / "a.db", BUNDLE, NOWHERE) as database:
        yield database


def keys(database: Database) -> list[str]:
    return [key for (key,) in database.execute("SELECT id FROM notes ORDER BY id")]


def insert(database: Database, key: str) -> None:
    database.execute("INSERT INTO notes (id) VALUES (?)", (key,))


def sealed(database: Database) -> int:
    return len(database.execute("SELECT number FROM _electric_transactions").fetchall())


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ElectricError) as raised:
        call()
    assert raised.value.problem
    return raised.value.code


def test_a_transaction_is_one_whatever_it_writes(local: Database) -> None:
    with local.transaction() as same:
        assert same is local
        insert(local, "a")
        local.executemany("INSERT INTO notes (id) VALUES (?)", [("b",), ("c",)])
        local.connection.execute("UPDATE notes SET body = 'x'")
    assert (sealed(local), local.status.pending) == (1, 1)
    with local.transaction():
        local.execute("DELETE FROM notes WHERE id = :key", {"key": "a"})
    assert keys(local) == ["b", "c"]
    assert (sealed(local), local.status.pending) == (2, 2)


def test_a_transaction_that_reads_only_is_none(local: Database) -> None:
    with local.transaction():
        assert keys(local) == []
    assert local.status.pending == 0


def test_an_exception_takes_a_transaction_back(local: Database) -> None:
    with pytest.raises(ZeroDivisionError), local.transaction():
        insert(local, "a")
        raise ZeroDivisionError
    assert keys(local) == []
    assert local.status.pending == 0
    with local.transaction():
        insert(local, "b")
    assert keys(local) == ["b"]


def test_an_app_may_roll_back_or_commit_a_transaction_itself(local: Database) -> None:
    with local.transaction():
        insert(local, "a")
        local.execute("SAVEPOINT inner")
        insert(local, "b")
        local.execute("ROLLBACK TO inner")
    assert keys(local) == ["a"]


def test_a_transaction_in_a_transaction_is_refused(local: Database) -> None:
    with local.transaction():
        insert(local, "a")
        with pytest.raises(UsageError, match="don't nest") as nested, local.transaction():
            raise AssertionError("not reached")
    assert nested.value.code == "transaction-open"
    assert keys(local) == ["a"]


def test_what_is_written_outside_is_a_transaction_each_time_it_is_looked_at(
    local: Database,
) -> None:
    insert(local, "a")
    assert (sealed(local), local.status.pending) == (0, 1)
    with local.transaction():
        insert(local, "b")
    assert keys(local) == ["a", "b"]


def test_values_that_a_column_can_not_hold_are_refused_where_they_are_written(
    local: Database,
) -> None:
    with pytest.raises(sqlite3.Error, match=r"notes\.done .*'perhaps'"), local.transaction():
        insert(local, "a")
        local.execute("UPDATE notes SET done = 'perhaps'")
    assert keys(local) == []


def test_a_database_that_stays_local_can_not_be_synced(local: Database) -> None:
    assert code_of(local.sync) == "not-syncing"
    status = local.status
    assert (status.connected, status.cursor, status.last_error) == (False, None, None)
    assert status.schema_version == BUNDLE.schema_version


def test_a_database_without_a_service_says_so_and_keeps_what_is_written(
    alone: Database,
) -> None:
    insert(alone, "a")
    with pytest.raises(DeviceError, match="1 local transaction") as late:
        alone.sync(0.2)
    assert late.value.code == "sync-timeout"
    assert "service-unreachable" in {getattr(alone.status.last_error, "code", None)}
    assert keys(alone) == ["a"]


def test_syncing_in_an_open_transaction_is_refused(alone: Database) -> None:
    with alone.transaction():
        assert code_of(lambda: alone.sync(5)) == "transaction-open"


def test_a_closed_database_says_so_to_all_that_is_asked_of_it(tmp_path: Path) -> None:
    database = electrify(tmp_path / "a.db", BUNDLE, NOWHERE)
    database.close()
    database.close()
    for call in (lambda: database.status, database.transaction().__enter__, database.sync):
        assert code_of(call) == "closed"


def test_the_file_can_be_opened_again_and_is_the_same_device(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with electrify(path, BUNDLE, sync=False) as database:
        insert(database, "a")
    with electrify(str(path), BUNDLE, sync=False) as database:
        assert keys(database) == ["a"]
        assert database.status.pending == 1


def test_a_file_of_any_program_becomes_a_device_and_keeps_its_own_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(plain(path)) as program:
        program.execute("CREATE TABLE own (x)")
    with electrify(path, BUNDLE, sync=False) as database:
        database.execute("INSERT INTO own VALUES (1)")
        assert database.status.pending == 0


@pytest.mark.parametrize(
    ("name", "code"), [("missing/a.db", "cannot-open"), ("folder", "cannot-open")]
)
def test_a_path_that_can_not_be_opened_is_said(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "folder").mkdir()
    assert code_of(lambda: electrify(tmp_path / name, BUNDLE, sync=False)) == code


def test_a_file_that_is_no_database_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("just some text, but long enough to be looked at" * 20)
    before = path.read_bytes()
    assert code_of(lambda: electrify(path, BUNDLE, sync=False)) == "not-a-database"
    assert path.read_bytes() == before


def test_a_file_of_another_app_is_said(tmp_path: Path, local: Database) -> None:
    other = make_bundle("another", "local", BUNDLE.migrations)
    assert code_of(lambda: electrify(local.path, other, sync=False)) == "other-app"


def test_nothing_is_made_where_there_is_no_url(tmp_path: Path) -> None:
    assert code_of(lambda: electrify(tmp_path / "b.db", BUNDLE)) == "no-url"
    assert not (tmp_path / "b.db").exists()
