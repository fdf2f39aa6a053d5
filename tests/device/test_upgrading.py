"""An app brings a migration that does more than add: what the file shows, sends and takes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from electricsql import DeviceError, Rejected, electrify
from electricsql.device.displaced import any_displaced
from electricsql.device.engine import Engine
from electricsql.device.file import connect, prepare
from electricsql.device.meta import schema_version
from electricsql.device.news import News
from electricsql.device.reconcile import reconcile
from electricsql.device.replica import Replica
from electricsql.device.turn import Turn
from electricsql.errors import ElectricError
from electricsql.migrations import Bundle, BundleMigration, make_bundle
from electricsql.protocol import Acknowledged, DeltaPart, RefusedFrame, decode_transaction
from electricsql.replication import Op, Row
from electricsql.schema import Value
from tests.device.files import NOTES, NOW_MS, DeviceFile, bundle
from tests.device.hubs import block_of, delta_of
from tests.device.test_engine import NOWHERE, until

RENAMED = (
    "ALTER TABLE notes RENAME COLUMN body TO words",
    "ALTER TABLE notes DROP COLUMN done",
    "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3",
)
AGAIN = ("ALTER TABLE notes RENAME COLUMN words TO title",)
OLD, NEW, NEWEST = (f"202401010000000{n:02}_m{n}" for n in (1, 2, 3))


def upgrade(*upgrades: Sequence[str], first: str = NOTES) -> Bundle:
    """A bundle with migrations after the first one that do more than add."""
    known = bundle(first)
    later = [
        BundleMigration(f"202401010000000{n:02}_m{n}", f"m{n}", "0" * 64, tuple(sql), False)
        for n, sql in enumerate(upgrades, start=2)
    ]
    return make_bundle(known.app, known.env, (*known.migrations, *later))


def opened(path: Path, with_bundle: Bundle) -> None:
    with closing(connect(path)) as database:
        prepare(path, database, with_bundle)


def note(life: int = 1, **values: Value) -> Row:
    return Row(values, {}, life)


def whole(file: DeviceFile, *rows: Row, acknowledged: int = 0) -> DeltaPart:
    block = block_of(file.schema.tables["notes"], rows)
    earlier, last = delta_of([[block]], whole=True, answer=(acknowledged, ()))
    assert not earlier
    return last


@pytest.fixture
def file(tmp_path: Path) -> Iterator[DeviceFile]:
    """A file that has a row of the hub's, and two transactions that it has not sent."""
    file = DeviceFile(tmp_path / "a.db", NOTES)
    with closing(Replica(file.path)) as replica:
        replica.apply(whole(file, note(id="hub", body="from the hub", done=1)), NOW_MS)
    file.app.execute("INSERT INTO notes VALUES ('own', 'mine', 1)")
    file.seal()
    file.app.execute("UPDATE notes SET body = 'changed', done = 0 WHERE id = 'hub'")
    yield file
    file.close()


def changes(replica: Replica, file: DeviceFile, number: int, version: str) -> list[object]:
    """A transaction as it is uploaded."""
    tables = file.schemas.at(file.engine, version).tables
    sent = decode_transaction(replica.load(number), tables)
    assert sent.schema_version == version
    return [(change.op, change.key, change.values) for change in sent.changes]


def test_the_app_sees_the_new_shape_at_once_and_what_was_written_goes_up_as_it_was(
    file: DeviceFile,
) -> None:
    opened(file.path, upgrade(RENAMED))
    assert file.rows("notes") == [("hub", "changed", 3), ("own", "mine", 3)]
    file.app.execute("UPDATE notes SET words = 'newer', stars = 5 WHERE id = 'own'")
    file.seal()
    with closing(Replica(file.path)) as replica:
        told = replica.opened()
        assert (told.older, told.sealed, told.wants_all) == (2, 3, True)
        assert (told.upgrade, told.schema_version) == (NEW, NEW)
        own = {"id": "own", "body": "mine", "done": 1}
        assert changes(replica, file, 1, OLD) == [(Op.INSERT, ("own",), own)]
        changed = {"body": "changed", "done": 0}
        assert changes(replica, file, 2, OLD) == [(Op.UPDATE, ("hub",), changed)]
        newer = {"words": "newer", "stars": 5}
        assert changes(replica, file, 3, NEW) == [(Op.UPDATE, ("own",), newer)]


def test_when_what_is_older_is_in_all_rows_come_and_what_is_newer_lies_on_top(
    file: DeviceFile,
) -> None:
    opened(file.path, upgrade(RENAMED))
    file.app.execute("UPDATE notes SET words = 'newer' WHERE id = 'own'")
    file.seal()
    with closing(Replica(file.path)) as replica:
        replica.opened()
        assert replica.acknowledge(Acknowledged(1)) == []
        assert replica.opened().older == 2
        refused = replica.acknowledge(Acknowledged(2, (RefusedFrame(2, "constraint", "No."),)))
        assert [each.number for each in refused] == [2]
        told = replica.opened()
        assert (told.older, told.acknowledged, told.wants_all) == (0, 2, True)
        rows = [
            note(id="hub", words="from the hub", stars=1),
            note(id="own", words="mine", stars=3),
        ]
        replica.apply(whole(file, *rows, acknowledged=2), NOW_MS)
        assert not replica.opened().wants_all
    assert file.rows("notes") == [("hub", "from the hub", 1), ("own", "newer", 3)]
    kept = file.read("SELECT number, fate FROM _electric_quarantine")
    assert kept == [(2, "waiting")]


def test_who_has_nothing_to_send_waits_for_nothing(tmp_path: Path) -> None:
    with (
        closing(DeviceFile(tmp_path / "a.db", NOTES)) as file,
        closing(Replica(file.path)) as replica,
    ):
        replica.apply(whole(file, note(id="hub", body="x", done=1)), NOW_MS)
        opened(file.path, upgrade(RENAMED))
        told = replica.opened()
        assert (told.older, told.wants_all) == (0, True)


def test_a_new_file_has_not_been_upgraded(tmp_path: Path) -> None:
    opened(tmp_path / "a.db", upgrade(RENAMED, AGAIN))
    with closing(Replica(tmp_path / "a.db")) as replica:
        told = replica.opened()
        assert (told.older, told.wants_all, told.upgrade) == (0, False, NEWEST)


def test_a_second_upgrade_comes_before_the_first_has_gone_through(file: DeviceFile) -> None:
    opened(file.path, upgrade(RENAMED))
    file.app.execute("UPDATE notes SET words = 'newer' WHERE id = 'own'")
    opened(file.path, upgrade(RENAMED, AGAIN))
    file.app.execute("UPDATE notes SET title = 'newest' WHERE id = 'own'")
    file.seal()
    with closing(Replica(file.path)) as replica:
        assert replica.opened().older == 3
        assert changes(replica, file, 3, NEW) == [(Op.UPDATE, ("own",), {"words": "newer"})]
        assert changes(replica, file, 4, NEWEST) == [(Op.UPDATE, ("own",), {"title": "newest"})]
        replica.acknowledge(Acknowledged(3))
        assert replica.opened().older == 0


def contents(file: DeviceFile) -> list[object]:
    """All that is in a file, but for what has not been sealed yet."""
    tables = file.read("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
    rows = [file.rows(str(name)) for (name,) in tables]
    return [file.read("SELECT * FROM sqlite_schema ORDER BY name"), rows]


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(DeviceError) as refused:
        act()
    return refused.value.code


def test_an_older_app_leaves_a_newer_file_alone(file: DeviceFile) -> None:
    opened(file.path, upgrade(RENAMED))
    before = contents(file)
    assert refusal(lambda: opened(file.path, bundle(NOTES))) == "newer-schema"
    assert contents(file) == before
    opened(file.path, upgrade(RENAMED))


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(file: DeviceFile) -> None:
    before = contents(file)
    broken = (*RENAMED, "CREATE UNIQUE INDEX one ON notes (stars)")
    assert refusal(lambda: opened(file.path, upgrade(broken))) == "migration-failed"
    assert contents(file) == before


def test_what_came_for_the_file_as_it_was_before_an_upgrade_is_not_applied(
    file: DeviceFile,
) -> None:
    """Another process opens it while the engine converses."""
    with closing(Replica(file.path, bundle(NOTES).names)) as replica:
        replica.opened()
        delta = whole(file, note(id="hub", body="late", done=1))
        opened(file.path, upgrade(RENAMED))
        assert replica.was_upgraded
        assert refusal(lambda: replica.apply(delta, NOW_MS)) == "upgraded"
        assert refusal(replica.opened) == "newer-schema"
    assert ("hub", "changed", 3) in file.rows("notes")


def test_what_is_staged_of_rows_as_they_were_is_not_gone_on_with(file: DeviceFile) -> None:
    with closing(Replica(file.path)) as replica:
        replica.opened()
        rows = [note(id="hub", body="late", done=1)]
        block = block_of(file.schema.tables["notes"], rows)
        (first,), last = delta_of([[block], [block]], whole=True)
        replica.stage(first)
        opened(file.path, upgrade(RENAMED))
        assert refusal(lambda: list(replica.get_ready(NOW_MS, last))) == "upgraded"
        assert replica.opened().staged is None


def test_what_is_known_of_dropped_tables_goes(tmp_path: Path) -> None:
    first = f"{NOTES}; CREATE TABLE tags (tag TEXT PRIMARY KEY NOT NULL, name TEXT UNIQUE)"
    with closing(DeviceFile(tmp_path / "a.db", first)) as file:
        for statement in ("INSERT INTO tags VALUES ('t', 'x')", "DELETE FROM tags"):
            file.app.execute(statement)
            file.seal()
        assert file.read("SELECT count(*) FROM _electric_lives") == [(1,)]
        opened(file.path, upgrade(("DROP TABLE tags",), first=first))
        assert file.read("SELECT count(*) FROM _electric_lives") == [(0,)]
        assert not any_displaced(file.engine)
        ours = (
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_electric\\_%\\_2' ESCAPE '\\'"
        )
        assert file.read(ours) == [(0,)]
        with closing(Replica(file.path)) as replica:
            assert replica.opened().older == 2
            gone = changes(replica, file, 2, OLD)
            assert gone == [(Op.DELETE, ("t",), {})]


def test_views_triggers_and_foreign_keys_follow_a_rename(tmp_path: Path) -> None:
    first = (
        f"{NOTES};"
        "CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, note TEXT REFERENCES notes (id));"
        "CREATE VIEW shown AS SELECT body FROM notes;"
        "CREATE TRIGGER tagged AFTER INSERT ON tags BEGIN"
        " UPDATE notes SET done = 1 WHERE id = new.note; END"
    )
    renamed = ("ALTER TABLE notes RENAME COLUMN body TO words", "ALTER TABLE notes RENAME TO n")
    with closing(DeviceFile(tmp_path / "a.db", first)) as file:
        file.app.execute("INSERT INTO notes VALUES ('a', 'x', 0)")
        opened(file.path, upgrade(renamed, first=first))
        file.app.execute("INSERT INTO tags VALUES ('t', 'a')")
        assert file.read("SELECT words FROM shown") == [("x",)]
        assert file.rows("n") == [("a", "x", 1)]
        assert file.read("SELECT \"table\" FROM pragma_foreign_key_list('tags')") == [("n",)]
        file.seal()
        assert [row.id for row in file.unsent()[-1].rows] == [("tags", ("t",)), ("n", ("a",))]


def test_a_file_is_adopted_as_it_is_and_upgraded_then(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(connect(path)) as database:
        database.execute(NOTES)
        database.execute("INSERT INTO notes VALUES ('a', 'x', 1)")
        prepare(path, database, upgrade(RENAMED))
        assert database.execute("SELECT * FROM notes").fetchall() == [("a", "x", 3)]
        assert schema_version(database) == NEW
    with closing(Replica(path)) as replica:
        assert replica.opened().older == 1


def test_a_forgetful_hub_is_offered_what_older_transactions_need(file: DeviceFile) -> None:
    opened(file.path, upgrade(RENAMED))
    reconcile(file.engine, file.schemas, 0, 50, NOW_MS)
    with closing(Replica(file.path)) as replica:
        told = replica.opened()
        assert (told.older, told.sealed, told.offered) == (3, 3, 50)
        offered = {"id": "hub", "words": "changed", "stars": 3}
        assert changes(replica, file, 1, NEW) == [(Op.OFFER, ("hub",), offered)]
        changed = {"body": "changed", "done": 0}
        assert changes(replica, file, 3, OLD) == [(Op.UPDATE, ("hub",), changed)]


def test_what_was_refused_is_told_the_app(file: DeviceFile) -> None:
    heard: list[Rejected] = []
    news = News()
    news.on_rejected.add(heard.append)
    opened(file.path, upgrade(RENAMED))
    with closing(Replica(file.path)) as replica:
        told = (RefusedFrame(2, "constraint", "No."),)
        for _ in range(2):
            news.refused(replica.acknowledge(Acknowledged(2, told)))
    assert heard == [Rejected(2, "constraint", "No.")]


def test_the_engine_of_an_older_app_makes_room_for_the_newer_ones(file: DeviceFile) -> None:
    news = News()
    engine = Engine(file.path, NOWHERE, lambda: "", news, bundle(NOTES).names)
    engine.start()
    until(lambda: news.connection.last_error is not None)
    opened(file.path, upgrade(RENAMED))
    waiting = engine.ask(0)
    error = waiting.exception(30)
    assert isinstance(error, ElectricError)
    assert error.code == "newer-schema"
    turn = Turn(file.path)
    until(turn.take)
    turn.give_back()
    assert news.connection.last_error is error
    assert engine.ask(0).exception(30) is error
    engine.stop()


def test_an_older_app_that_has_it_open_writes_on(file: DeviceFile) -> None:
    with electrify(file.path, bundle(NOTES), sync=False) as older:
        opened(file.path, upgrade(("ALTER TABLE notes DROP COLUMN body",)))
        with older.transaction():
            older.execute("UPDATE notes SET done = 0 WHERE id = 'own'")
    with closing(Replica(file.path)) as replica:
        assert changes(replica, file, 3, NEW) == [(Op.UPDATE, ("own",), {"done": 0})]
