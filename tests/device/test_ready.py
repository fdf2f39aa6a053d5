"""A large delta that is built beside the tables, in short transactions, and then takes their
place."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from msgspec.structs import replace

from electricsql.device import aside, building, ready, steps
from electricsql.device.aside import left_over
from electricsql.device.file import prepare
from electricsql.device.meta import read_meta
from electricsql.device.replica import Replica
from electricsql.errors import DeviceError
from electricsql.limits import IN_PLACE_ROWS_MAX, MERGED_WEIGHT
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile, applied, bundle, plain
from tests.device.hubs import MemoryHub, delete, insert, update

MORE = "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'"
COUNT = 12
Rows = list[tuple[object, ...]]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is large, and every row a step."""
    monkeypatch.setattr(building, "IN_PLACE_ROWS_MAX", 0)
    monkeypatch.setattr(building, "LATE_ROWS_MAX", 0)
    monkeypatch.setattr(building, "_WRITTEN_ROWS", 1)
    monkeypatch.setattr(steps, "STEP_MS", 0)


class Scene:
    """A file and a hub; the file has the hub's rows, or is new."""

    def __init__(self, file: DeviceFile, *, is_new: bool) -> None:
        self.file = file
        self.hub = MemoryHub(file.schema)
        table = file.schema.tables["notes"]
        for number in range(COUNT):
            self.hub.write(insert(table, id=f"n{number:02}"))
        if not is_new:
            self.receive()
            self.hub.write(*(update(table, (f"n{n:02}",), body="new") for n in range(0, COUNT, 2)))
            self.hub.write(delete(table, ("n01",)), delete(table, ("n02",)))
            self.hub.write(insert(table, id="n99"))

    def receive(
        self, meanwhile: Callable[[], object] = lambda: None, *, whole: bool = False
    ) -> None:
        """Take the delta, with things that happen between all steps."""
        with closing(Replica(self.file.path)) as replica:
            cursor = None if whole else read_meta(self.file.app).cursor
            earlier, last = self.hub.delta(1, cursor, 3)
            for part in earlier:
                replica.stage(part)
                for _ in replica.get_ready(NOW_MS):
                    meanwhile()
            for _ in replica.get_ready(NOW_MS, last):
                meanwhile()
            replica.apply(last, NOW_MS)
            for _ in replica.tidy():
                meanwhile()

    def expected(self) -> Rows:
        return sorted(tuple(row.values()) for row in self.hub.alive("notes").values())


@pytest.fixture(params=["new", "old"])
def scene(device: MakeDevice, request: pytest.FixtureRequest) -> Scene:
    return Scene(device(NOTES), is_new=request.param == "new")


@pytest.fixture
def switched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What changed places."""
    names: list[str] = []

    def watched(database: sqlite3.Connection, pairs: list[tuple[str, str]]) -> None:
        names.extend(table for table, _ in pairs)
        aside.swap(database, pairs)

    monkeypatch.setattr(building, "swap", watched)
    return names


@pytest.mark.parametrize("whole", [False, True])
def test_readers_see_the_old_rows_or_the_new_ones(
    scene: Scene, switched: list[str], *, whole: bool
) -> None:
    before, seen = scene.file.rows("notes"), []
    long = plain(scene.file.path)
    long.execute("BEGIN")
    assert sorted(long.execute("SELECT * FROM notes").fetchall()) == before
    scene.receive(lambda: seen.append(scene.file.rows("notes")), whole=whole)
    assert switched == ["notes"]
    assert scene.file.rows("notes") == scene.expected()
    assert before in seen
    assert all(rows in (before, scene.expected()) for rows in seen)
    assert sorted(long.execute("SELECT * FROM notes").fetchall()) == before
    long.execute("COMMIT")
    assert sorted(long.execute("SELECT * FROM notes").fetchall()) == scene.expected()
    long.close()


@pytest.mark.parametrize("whole", [False, True])
def test_what_programs_write_meanwhile_is_there_afterwards(
    scene: Scene, switched: list[str], *, whole: bool
) -> None:
    program, count = plain(scene.file.path), 0

    def write() -> None:
        nonlocal count
        count += 1
        program.execute("INSERT INTO notes (id) VALUES (?)", (f"mine{count:03}",))
        program.execute("UPDATE notes SET body = ? WHERE id IN ('n03', 'n04')", (f"mine{count}",))
        program.execute("DELETE FROM notes WHERE id = ?", (f"mine{count - 3:03}",))
        program.execute("DELETE FROM notes WHERE id = 'n05'")

    scene.receive(write, whole=whole)
    program.close()
    assert switched == ["notes"]
    shown = {row[0]: row[1] for row in scene.file.rows("notes")}
    assert [id for id in shown if str(id).startswith("mine")] == [
        f"mine{n:03}" for n in range(max(1, count - 2), count + 1)
    ]
    scene.file.seal()
    sent = scene.file.unsent()
    assert [sealed.number for sealed in sent] == list(range(1, len(sent) + 1))
    for sealed in sent:
        assert scene.hub.receive(1, sealed.transaction()) is None
    scene.receive()
    assert scene.file.rows("notes") == scene.expected()
    assert scene.file.unsent() == []


def test_a_process_that_ends_at_any_step_leaves_what_was(
    scene: Scene, switched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndError(BaseException):
        pass

    before, meta, left = scene.file.rows("notes"), read_meta(scene.file.app), 0

    def end() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise EndError

    steps_taken = 0
    while not switched:
        left = steps_taken
        steps_taken += 1
        with suppress(EndError):
            scene.receive(end)
        if not switched:
            assert scene.file.rows("notes") == before
            assert read_meta(scene.file.app).cursor == meta.cursor
            assert scene.file.read("PRAGMA integrity_check") == [("ok",)]
    assert steps_taken > 3
    assert scene.file.rows("notes") == scene.expected()
    with closing(Replica(scene.file.path)) as replica:
        for _ in replica.tidy():
            pass
    assert left_over(scene.file.app) == []
    for table in ("_electric_staged", "_electric_staged_lives"):
        assert scene.file.read(f"SELECT * FROM {table}") == []


@pytest.mark.parametrize(
    "statement", ["CREATE INDEX own ON notes (body)", "ALTER TABLE notes ADD COLUMN own TEXT"]
)
def test_a_table_that_is_altered_meanwhile_is_written_as_it_is(
    scene: Scene, switched: list[str], statement: str
) -> None:
    done: list[str] = []

    def alter() -> None:
        if left_over(scene.file.app) and not done:
            done.append(statement)
            scene.file.app.execute(statement)

    scene.receive(alter)
    assert done
    assert not switched
    assert [row[:3] for row in scene.file.rows("notes")] == scene.expected()


@pytest.mark.parametrize("broken", ["can_swap", "Building"])
def test_where_nothing_can_be_built_the_delta_is_applied_all_the_same(
    scene: Scene, switched: list[str], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object, **__: object) -> bool:
        if broken == "Building":
            raise sqlite3.OperationalError
        return False

    monkeypatch.setattr(ready, broken, fail)
    scene.receive()
    assert not switched
    assert scene.file.rows("notes") == scene.expected()


def test_a_table_that_changes_little_is_left_alone(
    scene: Scene, switched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "IN_PLACE_ROWS_MAX", 1_000)
    if scene.file.rows("notes"):
        scene.receive()
        assert not switched
        assert scene.file.rows("notes") == scene.expected()


@pytest.mark.parametrize("is_new", [True, False])
def test_migrations_come_before_what_is_built(
    device: MakeDevice, switched: list[str], *, is_new: bool
) -> None:
    scene = Scene(device(NOTES), is_new=is_new)
    newer = device(NOTES, MORE)
    hub = MemoryHub(newer.schema)
    table = newer.schema.tables["notes"]
    for number in range(COUNT):
        hub.write(insert(table, id=f"n{number:02}", tag="theirs"))
    hub.migrations = applied(NOTES, MORE)
    scene.file.app.execute("INSERT INTO notes (id) VALUES ('mine')")
    scene.hub = hub
    with closing(Replica(scene.file.path)) as replica:
        earlier, last = hub.delta(1, None, 3)
        for part in earlier:
            replica.stage(part)
            for _ in replica.get_ready(NOW_MS):
                pass
        for _ in replica.get_ready(NOW_MS, last):
            pass
        outcome = replica.apply(last, NOW_MS)
    assert outcome.migrations == [hub.migrations[1].name]
    assert switched == ["notes"] * (1 if is_new else 2)
    mine = ("mine", None, 0, "none")
    assert scene.file.rows("notes") == sorted([*scene.expected(), mine])
    assert [sealed.schema_version for sealed in scene.file.unsent()] == [hub.migrations[0].name]


def test_a_file_that_is_migrated_meanwhile_gets_the_delta_too(
    scene: Scene, switched: list[str]
) -> None:
    done: list[bool] = []

    def migrate() -> None:
        if left_over(scene.file.app) and not done:
            done.append(True)
            prepare(scene.file.path, scene.file.app, bundle(NOTES, MORE))

    scene.receive(migrate)
    assert not switched
    assert [row[:3] for row in scene.file.rows("notes")] == scene.expected()


@pytest.mark.parametrize("count", [IN_PLACE_ROWS_MAX, IN_PLACE_ROWS_MAX + 1])
def test_one_part_can_be_a_large_delta_too(
    device: MakeDevice, switched: list[str], count: int
) -> None:
    file = device(NOTES)
    hub = MemoryHub(file.schema)
    hub.write(*(insert(file.schema.tables["notes"], id=f"n{n}") for n in range(count)))
    with closing(Replica(file.path)) as replica:
        earlier, last = hub.delta(1, None, 2 * count)
        assert not earlier
        for _ in replica.get_ready(NOW_MS, last):
            assert file.rows("notes") == []
        assert replica.apply(last, NOW_MS).rows == count
    assert len(file.rows("notes")) == count
    assert bool(switched) == (count > IN_PLACE_ROWS_MAX)


@pytest.mark.parametrize("count", [5, 6])
def test_rows_with_unsent_changes_count_for_more(
    device: MakeDevice, switched: list[str], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    for module in (building, ready):
        monkeypatch.setattr(module, "IN_PLACE_ROWS_MAX", 100)
    scene = Scene(device(NOTES), is_new=False)
    scene.receive()
    for number in range(count):
        scene.file.app.execute("INSERT INTO notes (id) VALUES (?)", (f"m{number}",))
    table = scene.file.schema.tables["notes"]
    scene.hub.write(*(insert(table, id=f"m{number}", body="theirs") for number in range(count)))
    switched.clear()
    with closing(Replica(scene.file.path)) as replica:
        _, last = scene.hub.delta(1, read_meta(scene.file.app).cursor, 100)
        for _ in replica.get_ready(NOW_MS, last):
            pass
        replica.apply(last, NOW_MS)
    assert bool(switched) == (count * MERGED_WEIGHT > 100)
    assert len(scene.file.rows("notes")) == len(scene.expected())


def test_what_is_written_in_place_is_bounded_whatever_the_tables(
    device: MakeDevice, switched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "IN_PLACE_ROWS_MAX", 4)
    monkeypatch.setattr(building, "IN_PLACE_HUGE_ROWS_MAX", 8)
    monkeypatch.setattr(building, "COPIED_PER_ROW_MAX", 0)  # every table is huge
    ddl = ";".join(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY NOT NULL)" for n in range(4))
    file = device(ddl)
    hub = MemoryHub(file.schema)
    for start, more, expected in ((0, 0, list("0123")), (10, 0, []), (20, 1, ["3"])):
        for name, table in file.schema.tables.items():
            end = start + 2 + more * (name == "t3")
            hub.write(*(insert(table, id=n) for n in range(start, end)))
        switched.clear()
        with closing(Replica(file.path)) as replica:
            earlier, last = hub.delta(1, read_meta(file.app).cursor, 2)
            for part in earlier:
                replica.stage(part)
            for _ in replica.get_ready(NOW_MS, last):
                pass
            replica.apply(last, NOW_MS)
        assert sorted(name[1:] for name in switched) == expected
        for name in file.schema.tables:
            assert file.rows(name) == sorted(tuple(r.values()) for r in hub.alive(name).values())


def works() -> Iterator[None]:
    for _ in range(5):
        yield


def test_work_is_cut_into_transactions(scene: Scene) -> None:
    inside = [scene.file.engine.in_transaction for _ in steps.steps(scene.file.engine, works())]
    assert inside == [False] * 5


def test_nobody_tidies_away_what_has_come_of_a_delta(device: MakeDevice) -> None:
    file = device(NOTES)
    hub = MemoryHub(file.schema)
    table = file.schema.tables["notes"]
    for number in range(COUNT):
        hub.write(insert(table, id=f"n{number:02}"))
    with closing(Replica(file.path)) as replica:
        earlier, last = hub.delta(1, None, 3)
        for part in earlier:
            replica.stage(replace(part, staged=None, whole=False))
            for _ in replica.tidy():
                pass
        last = replace(last, staged=None, whole=False)
        for _ in replica.get_ready(NOW_MS, last):
            pass
        replica.apply(last, NOW_MS)
    assert len(file.rows("notes")) == COUNT


def test_a_delta_that_is_not_whole_here_is_not_applied(device: MakeDevice) -> None:
    file = device(NOTES)
    hub = MemoryHub(file.schema)
    table = file.schema.tables["notes"]
    for number in range(COUNT):
        hub.write(insert(table, id=f"n{number:02}"))
    with closing(Replica(file.path)) as replica:
        earlier, last = hub.delta(1, None, 3)
        for part in earlier[:-1]:
            replica.stage(part)
        with pytest.raises(DeviceError, match="Part 2 of a delta is missing") as raised:
            replica.apply(last, NOW_MS)
    assert raised.value.code == "apply-failed"
    assert read_meta(file.app).cursor is None
