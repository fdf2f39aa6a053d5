"""Adopting a file's tables: what is there stays there, and goes up as the first transactions, in
pieces and in order; two files with the same rows come to one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from electricsql.device import adopting
from electricsql.device.file import connect, prepare
from electricsql.errors import DeviceError
from electricsql.replication import NO_HLC, Op, RowId, parents_of
from tests.device.files import NOTES, DeviceFile, bundle, plain
from tests.device.hubs import alive
from tests.device.test_receiving import FAMILY, KIN
from tests.device.worlds import DEVICES, World, shown

PEOPLE = (
    "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, boss TEXT REFERENCES people,"
    " born DATE, name TEXT UNIQUE)"
)
PETS = "CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT REFERENCES people)"


def made(path: Path, *statements: str) -> Path:
    with closing(plain(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


def logged(file: DeviceFile) -> list[tuple[str, tuple[object, ...]]]:
    return [(folded.id.table, folded.id.key) for sealed in file.unsent() for folded in sealed.rows]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., DeviceFile]]:
    """Opens a file that an app has made with some statements, with migrations."""
    files: list[DeviceFile] = []

    def open(app: tuple[str, ...], *migrations: str) -> DeviceFile:
        files.append(DeviceFile(made(tmp_path / f"{len(files)}.db", *app), *migrations))
        return files[-1]

    yield open
    for file in files:
        file.close()


Open = Callable[..., DeviceFile]


def test_rows_are_offered_without_a_clock(opened: Open) -> None:
    file = opened((NOTES, "INSERT INTO notes VALUES ('a', 'x', 1), ('b', NULL, 0)"), NOTES)
    assert file.rows("notes") == [("a", "x", 1), ("b", None, 0)]
    (sealed,) = file.unsent()
    assert (sealed.number, sealed.hlc, sealed.cursor) == (1, NO_HLC, None)
    assert [(folded.op, dict(folded.values)) for folded in sealed.rows] == [
        (Op.OFFER, {"id": "a", "body": "x", "done": 1}),
        (Op.OFFER, {"id": "b", "body": None, "done": 0}),
    ]
    file.app.execute("UPDATE notes SET body = 'y' WHERE id = 'a'")
    assert file.seal() == 2


def test_a_second_opening_adopts_nothing(opened: Open) -> None:
    file = opened((NOTES, "INSERT INTO notes VALUES ('a', 'x', 1)"), NOTES)
    prepare(file.path, file.app, bundle(NOTES))
    assert len(file.unsent()) == 1


def test_a_table_with_the_same_text_stays_where_it_is(opened: Open) -> None:
    laid_out = NOTES.replace(", ", ",\n   ").replace("CREATE TABLE", "create table if not exists")
    rows = "INSERT INTO notes (rowid, id) VALUES (7, 'a')"
    file = opened((laid_out, rows, "CREATE INDEX i ON notes (body)"), NOTES)
    (root,) = file.read("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'")[0]
    assert root == 2
    assert file.read("SELECT rowid FROM notes") == [(7,)]


def test_a_table_with_another_text_is_made_anew_with_its_rows(opened: Open) -> None:
    file = opened(
        (
            "CREATE TABLE Notes (done, id STRING PRIMARY KEY, more AS (done + 1))",
            "INSERT INTO notes (rowid, done, id) VALUES (7, 1, 'a'), (9, 0, 'b')",
            "CREATE VIEW undone AS SELECT id FROM notes WHERE NOT done",
            "CREATE TABLE local (id TEXT REFERENCES notes)",
            "CREATE INDEX by_body ON notes (done)",
            "CREATE INDEX theirs ON notes (id)",
        ),
        NOTES,
        "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;"
        "CREATE INDEX by_body ON notes (body)",
    )
    assert file.rows("notes") == [("a", None, 1, 3), ("b", None, 0, 3)]
    assert file.read("SELECT rowid FROM notes ORDER BY 1") == [(7,), (9,)]
    assert file.read("SELECT * FROM undone") == [("b",)]
    assert logged(file) == [("notes", ("a",)), ("notes", ("b",))]
    assert file.read("SELECT name FROM sqlite_schema WHERE name LIKE '_electric_aside%'") == []
    assert file.read("PRAGMA foreign_key_list(local)")[0][2] == "notes"
    (sql,) = file.read("SELECT sql FROM sqlite_schema WHERE name = 'by_body'")[0]
    assert sql == "CREATE INDEX by_body ON notes (body)"


def test_a_later_migration_may_adopt_too(opened: Open) -> None:
    tags = "CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL)"
    file = opened((), NOTES)
    file.app.execute("INSERT INTO notes (id) VALUES ('a')")
    file.app.execute(tags)
    file.app.execute("INSERT INTO tags VALUES ('t')")
    prepare(file.path, file.app, bundle(NOTES, tags))
    assert logged(file) == [("notes", ("a",)), ("tags", ("t",))]
    assert [sealed.hlc > 0 for sealed in file.unsent()] == [True, False]


def test_dates_are_brought_into_their_spelling(opened: Open) -> None:
    app = (PEOPLE, "INSERT INTO people (id, born) VALUES ('a', '2024-02-29'), ('b', NULL)")
    times = "CREATE TABLE times (id TEXT PRIMARY KEY NOT NULL, at DATETIME)"
    row = "INSERT INTO times VALUES ('a', '2024-02-29T10:00')"
    file = opened((*app, times, row), f"{PEOPLE};{times}")
    assert file.rows("times") == [("a", "2024-02-29 10:00:00")]
    assert file.unsent()[-1].rows[0].values["at"] == "2024-02-29 10:00:00"


@pytest.mark.parametrize(
    ("app", "migration", "says"),
    [
        (
            "INSERT INTO t VALUES ('a', 'x')",
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INT)",
            "'x'",
        ),
        ("INSERT INTO t VALUES (NULL, 1)", "CREATE TABLE t (id TEXT PRIMARY KEY, n INT)", "NULL"),
        ("INSERT INTO t VALUES ('a', 1)", "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL)", "t.n"),
        (
            "INSERT INTO t VALUES ('a', 1)",
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INT CHECK (n > 1))",
            "CHECK",
        ),
        (
            "INSERT INTO t VALUES ('a', 1)",
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INT REFERENCES u);"
            "CREATE TABLE u (id INTEGER PRIMARY KEY NOT NULL)",
            "rows of u",
        ),
    ],
)
def test_what_can_not_be_adopted_leaves_the_file_as_it_was(
    tmp_path: Path, app: str, migration: str, says: str
) -> None:
    path = made(tmp_path / "t.db", "CREATE TABLE t (id TEXT PRIMARY KEY, n INT)", app)
    with closing(plain(path)) as database:
        before = list(database.iterdump())
    with closing(connect(path)) as database:
        with pytest.raises(DeviceError, match=r"unfit-rows|columns-missing") as refused:
            prepare(path, database, bundle(migration))
        assert says in refused.value.problem
        assert list(database.iterdump()) == before
        assert database.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_row_that_is_too_large_is_not_adopted(tmp_path: Path) -> None:
    table = "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, body BLOB)"
    path = made(tmp_path / "t.db", table, "INSERT INTO t VALUES ('a', zeroblob(33554433))")
    with closing(connect(path)) as database:
        with pytest.raises(DeviceError, match="rows of t have up to 33554433 bytes") as refused:
            prepare(path, database, bundle(table))
        assert refused.value.code == "unfit-rows"
        database.execute("UPDATE t SET body = zeroblob(33554432)")
        prepare(path, database, bundle(table))


def family(random: Random, size: int) -> list[str]:
    """People with bosses anywhere among them, in circles too, and their pets."""
    people = [f"p{n}" for n in range(size)]
    random.shuffle(people)
    return [
        *(
            f"INSERT INTO people (id, boss) VALUES ('{each}', '{random.choice(people)}')"
            for each in people
        ),
        *(f"INSERT INTO pets VALUES ('t{n}', '{random.choice(people)}')" for n in range(size)),
    ]


@pytest.mark.parametrize("seed", range(10))
def test_what_a_row_refers_to_is_in_an_earlier_piece_or_in_its_own(opened: Open, seed: int) -> None:
    app = (PETS, PEOPLE, *family(Random(seed), 20))
    with (
        patch.object(adopting, "ADOPTED_ROWS_MAX", 3),
        patch.object(adopting, "ADOPTED_UNIQUE_ROWS_MAX", 2),
    ):
        file = opened(app, f"{PETS};{PEOPLE}")
    there: set[RowId] = set()
    for sealed in file.unsent():
        there |= {folded.id for folded in sealed.rows}
        for folded in sealed.rows:
            table = file.schema.tables[folded.table.name]
            assert set(parents_of(table, folded.values)) <= there
    assert len(there) == 40
    assert len({sealed.seal for sealed in file.unsent()} - {0}) == len(file.unsent()) > 7


def test_pieces_are_bounded_in_bytes(opened: Open) -> None:
    rows = [f"INSERT INTO notes VALUES ('{n}', hex(zeroblob({50 * n})), 0)" for n in range(20)]
    with patch.object(adopting, "ADOPTED_BYTES_MAX", 1000):
        file = opened((NOTES, *rows), NOTES)
    sizes = [sum(len(str(f.values["body"])) for f in sealed.rows) for sealed in file.unsent()]
    assert all(
        size < 1000 or len(s.rows) == 1 for size, s in zip(sizes, file.unsent(), strict=True)
    )
    assert len(logged(file)) == 20


TOUCH = (
    "CREATE TRIGGER touch AFTER UPDATE OF body ON notes WHEN NEW.body > '' BEGIN"
    " UPDATE notes SET body = NEW.body || '!', done = done WHERE id = NEW.id; END"
)
REFUSE = (
    "CREATE TRIGGER refuse BEFORE INSERT ON notes BEGIN"
    " SELECT RAISE(ABORT, 'no x') WHERE NEW.body = 'x'; END"
)
COUNT = "CREATE TRIGGER count AFTER INSERT ON notes BEGIN INSERT INTO heard VALUES (NEW.id); END"


@pytest.mark.parametrize("other", ["", " "])
def test_the_apps_triggers_go_on_and_are_silent_for_others(opened: Open, other: str) -> None:
    app = (
        NOTES.replace(" BOOLEAN", other + " BOOLEAN" if not other else " BOOL"),
        "CREATE TABLE heard (id)",
    )
    file = opened((*app, TOUCH, REFUSE, COUNT), NOTES)
    file.app.execute("INSERT INTO notes VALUES ('a', 'b', 0)")
    file.app.execute("UPDATE notes SET body = 'c'")
    assert file.rows("notes") == [("a", "c!", 0)]
    with pytest.raises(sqlite3.IntegrityError, match="no x"):
        file.app.execute("INSERT INTO notes VALUES ('x', 'x', 0)")
    file.app.execute("UPDATE notes SET body = 'd'")
    assert file.rows("notes") == [("a", "d!", 0)]
    file.engine.execute("INSERT INTO _electric_guard VALUES (1)")
    file.engine.execute("INSERT INTO notes VALUES ('x', 'x', 0)")
    file.engine.execute("UPDATE notes SET body = 'e'")
    file.engine.execute("DELETE FROM _electric_guard")
    assert {body for _, body, _ in file.rows("notes")} == {"e"}
    assert file.rows("heard") == [("a",), ("x",)]


class Twins(World):
    """Two files with the same rows, and some that are each one's own."""

    def __init__(self, folder: Path, random: Random) -> None:
        for n in range(1, DEVICES + 1):
            rows = [f"INSERT INTO people (id) VALUES ('{key}')" for key in "pq"]
            rows += [f"INSERT INTO pets (id, owner) VALUES ('{key}', '{key}')" for key in "pq"]
            rows = [sql for sql in rows if "people" in sql or random.random() < 0.8]
            made(folder / f"{n}.db", *FAMILY.split(";"), *rows)
        super().__init__(folder, FAMILY)


@pytest.mark.parametrize("seed", range(20))
def test_files_with_the_same_rows_come_to_one(tmp_path: Path, seed: int) -> None:
    random, world = Random(seed), Twins(tmp_path, Random(seed))
    if random.random() < 0.5:
        world.up(0, random.randint(1, 2))  # one may be there before the other comes
    for _ in range(4):
        for place in range(DEVICES):
            for _ in range(random.randint(0, 3)):
                with suppress(sqlite3.IntegrityError):
                    sql = random.choice(KIN).format(*random.choices("pqr", k=2))
                    world.devices[place].app.execute(sql)
            world.seal(place)
        world.up(random.randrange(DEVICES), random.randint(1, 3))
        here = random.randrange(DEVICES)
        world.down(here)
        assert world.devices[here].read("PRAGMA foreign_key_check") == []
    world.sync()
    assert world.hub._refused == []
    for one in world.devices:
        for name in ("people", "pets"):
            assert shown(one, name) == world.hub.alive(name)
    world.close()


def test_what_was_written_wins_over_what_was_adopted_later(tmp_path: Path) -> None:
    seed = (NOTES, "INSERT INTO notes VALUES ('a', 'seed', 0), ('b', 'seed', 0), ('c', 'seed', 0)")
    for n in (1, 2):
        made(tmp_path / f"{n}.db", *seed)
    with closing(plain(tmp_path / "2.db")) as database:
        database.execute("INSERT INTO notes VALUES ('d', 'own', 0)")
        database.commit()
    world = World(tmp_path, NOTES)
    one, two = world.devices
    one.app.execute("UPDATE notes SET body = 'edited' WHERE id = 'a'")
    one.app.execute("DELETE FROM notes WHERE id = 'b'")
    world.up(0)
    world.down(0)
    two.app.execute("UPDATE notes SET done = 1 WHERE id = 'c'")
    world.sync()
    expected = [("a", "edited", 0), ("c", "seed", 1), ("d", "own", 0)]
    assert one.rows("notes") == two.rows("notes") == expected
    assert sorted(alive(world.hub.rows, "notes")) == [("a",), ("c",), ("d",)]
    world.close()
