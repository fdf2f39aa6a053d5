"""What migrations make on devices only: it comes with the bundle and with deltas, stays out of the
schema that is replicated, and is in nobody's way."""

import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path

import pytest

from electricsql.checks import check
from electricsql.device import building, steps
from electricsql.device.file import prepare
from electricsql.device.identity import start_over
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.replica import Replica
from electricsql.migrations import build
from electricsql.replication import Op
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile, applied, bundle, plain, sources
from tests.device.hubs import MemoryHub, delete, insert, update
from tests.house.tree import ROOT

OPEN = "CREATE VIEW open_notes AS SELECT * FROM notes WHERE NOT done"
MORE = "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every delta is large, and built beside the tables."""
    monkeypatch.setattr(building, "IN_PLACE_ROWS_MAX", 0)
    monkeypatch.setattr(building, "_WRITTEN_ROWS", 1)
    monkeypatch.setattr(steps, "STEP_MS", 0)


def receive(file: DeviceFile, hub: MemoryHub, *, staged: bool = False) -> None:
    """Take what the hub has, in one transaction or built before."""
    with closing(Replica(file.path)) as replica:
        earlier, last = hub.delta(1, read_meta(file.app).cursor, 3)
        for part in earlier:
            replica.stage(part)
            if staged:
                deque(replica.get_ready(NOW_MS), maxlen=0)
        if staged:
            deque(replica.get_ready(NOW_MS, last), maxlen=0)
        replica.apply(last, NOW_MS)
        deque(replica.tidy(), maxlen=0)


def hub_of(*migrations: str) -> MemoryHub:
    """A hub that has some notes."""
    hub = MemoryHub(build(sources(*migrations)).schema)
    for number in range(7):
        hub.write(insert(hub.schema.tables["notes"], id=f"n{number}", body=f"word{number}"))
    return hub


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.usefixtures("large")
def test_a_view_shows_what_is_received(device: MakeDevice, *, staged: bool) -> None:
    file, hub = device(NOTES, OPEN), hub_of(NOTES, OPEN)
    assert list(file.schema.tables) == ["notes"]
    receive(file, hub, staged=staged)
    assert len(file.rows("open_notes")) == 7
    notes = hub.schema.tables["notes"]
    hub.write(update(notes, ("n1",), done=1), delete(notes, ("n2",)))
    receive(file, hub, staged=staged)
    assert [row[0] for row in file.rows("open_notes")] == ["n0", "n3", "n4", "n5", "n6"]


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.usefixtures("large")
def test_views_come_and_go_with_deltas_and_keep_no_table_from_changing(
    device: MakeDevice, *, staged: bool
) -> None:
    later = (MORE, "DROP VIEW open_notes; CREATE VIEW tags AS SELECT DISTINCT tag FROM notes")
    file, hub = device(NOTES, OPEN), hub_of(NOTES, OPEN, *later)
    hub.migrations = applied(NOTES, OPEN, *later)
    receive(file, hub, staged=staged)
    assert file.rows("tags") == [("none",)]
    views = (
        "SELECT name FROM sqlite_schema WHERE type = 'view' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    )
    assert file.read(views) == [("tags",)]
    assert file.schema.tables["notes"].column_names == ("id", "body", "done", "tag")


def test_a_table_with_views_can_be_altered_when_the_file_is_opened(device: MakeDevice) -> None:
    file = device(NOTES, OPEN)
    file.app.execute("INSERT INTO notes (id) VALUES ('a')")
    prepare(file.path, file.app, bundle(NOTES, OPEN, MORE))
    assert file.rows("open_notes") == [("a", None, 0, "none")]


def test_a_file_that_starts_over_has_no_views_of_migrations(device: MakeDevice) -> None:
    file = device(NOTES, OPEN)
    file.app.execute("CREATE VIEW own AS SELECT 1")
    start_over(file.path, file.engine, file.schemas, "0123456789abcdef")
    names = "SELECT name FROM sqlite_schema WHERE name NOT LIKE '%\\_electric\\_%' ESCAPE '\\'"
    assert ("own",) in file.read(names)
    assert ("open_notes",) not in file.read(names)
    prepare(file.path, file.app, bundle(NOTES, OPEN))
    assert file.rows("open_notes") == []


@pytest.mark.parametrize("text", [OPEN, "CREATE VIEW open_notes AS SELECT 1"])
def test_a_view_that_the_file_had_is_the_migrations_view_then(tmp_path: Path, text: str) -> None:
    path = tmp_path / "app.db"
    with closing(plain(path)) as app:
        app.execute(NOTES)
        app.execute("INSERT INTO notes VALUES ('a', NULL, 0)")
        app.execute(text)
    with closing(DeviceFile(path, NOTES, OPEN)) as file:
        assert file.rows("open_notes") == [("a", None, 0)]


LOG = "CREATE TABLE log (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL)"
COUNTS = """
-- @local-only
CREATE TRIGGER counts AFTER UPDATE OF body ON notes WHEN NEW.body <> 'same' OR 0 BEGIN
    INSERT INTO log VALUES (NEW.id, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1;
    UPDATE notes SET body = upper(body) WHERE id = NEW.id;
END;
-- @local-only
CREATE TRIGGER keeps BEFORE DELETE ON notes WHEN OLD.done BEGIN SELECT RAISE(ABORT, 'done'); END;
-- @local-only
CREATE TRIGGER ignores BEFORE INSERT ON notes WHEN NEW.id = 'no' BEGIN SELECT RAISE(IGNORE); END;
"""
SEARCH = """
-- @local-only
CREATE VIRTUAL TABLE found USING fts5 (id UNINDEXED, body);
INSERT INTO found SELECT id, body FROM notes;
-- @local-only
CREATE TRIGGER found_insert AFTER INSERT ON notes BEGIN
    INSERT INTO found VALUES (NEW.id, NEW.body);
END;
-- @local-only
CREATE TRIGGER found_update AFTER UPDATE ON notes BEGIN
    UPDATE found SET id = NEW.id, body = NEW.body WHERE id = OLD.id;
END;
-- @local-only
CREATE TRIGGER found_delete AFTER DELETE ON notes BEGIN DELETE FROM found WHERE id = OLD.id; END;
"""
DRAFTS = """
-- @local-only
CREATE TABLE drafts (body, edits DEFAULT 0);
CREATE INDEX by_body ON drafts (body);
CREATE TRIGGER edits AFTER UPDATE OF body ON drafts BEGIN UPDATE drafts SET edits = edits + 1; END;
CREATE TRIGGER sends AFTER DELETE ON drafts BEGIN
    INSERT INTO notes (id, body) VALUES (OLD.body, OLD.body);
END;
"""


def search(file: DeviceFile, word: str) -> list[object]:
    found = file.read("SELECT id FROM found WHERE found MATCH ? ORDER BY id", (word,))
    everything = file.read("SELECT id, body FROM found ORDER BY id")
    assert everything == file.read("SELECT id, body FROM notes ORDER BY id")
    return [row[0] for row in found]


TELLS = """
-- @local-only
CREATE TABLE told (what TEXT, id TEXT);
-- @local-only
CREATE TRIGGER came AFTER INSERT ON notes BEGIN INSERT INTO told VALUES ('came', NEW.id); END;
-- @local-only
CREATE TRIGGER went AFTER DELETE ON notes BEGIN INSERT INTO told VALUES ('went', OLD.id); END;
"""


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.usefixtures("large")
def test_of_a_whole_delta_a_row_that_stays_does_not_seem_to_go(
    device: MakeDevice, *, staged: bool
) -> None:
    file, hub = device(NOTES, TELLS), hub_of(NOTES, TELLS)
    file.app.execute("INSERT INTO notes (id, body) VALUES ('n0', 'mine, too'), ('own', 'mine')")
    receive(file, hub, staged=staged)
    ids = [id for id, _, _ in file.rows("notes")]
    assert file.rows("told") == [("came", id) for id in ids]
    file.app.execute("UPDATE notes SET body = 'unsent' WHERE id = 'n3'")
    file.app.execute("DELETE FROM told")
    notes = hub.schema.tables["notes"]
    hub.write(update(notes, ("n1",), done=1), delete(notes, ("n2",)), insert(notes, id="new"))
    write_meta(file.app, cursor=None)
    receive(file, hub, staged=staged)
    assert file.rows("told") == [("came", "new"), ("went", "n2")]
    assert file.read("SELECT body FROM notes WHERE id = 'n3'") == [("unsent",)]


def changes(file: DeviceFile) -> list[tuple[str, object]]:
    file.seal()
    return [(row.id.table, row.id.key[0]) for sealed in file.unsent() for row in sealed.rows]


def test_what_a_trigger_writes_is_part_of_the_transaction(device: MakeDevice) -> None:
    file = device(NOTES, LOG, COUNTS)
    file.app.execute("INSERT INTO notes (id, body) VALUES ('a', 'x')")
    file.seal()
    file.app.execute("UPDATE notes SET body = 'y'")
    assert file.rows("notes") == [("a", "Y", 0)]
    assert file.rows("log") == [("a", 1)]
    file.seal()
    first, second = file.unsent()
    assert {row.id.table for row in first.rows} == {"notes"}
    assert {(row.id.table, *row.id.key) for row in second.rows} == {("notes", "a"), ("log", "a")}


SHOUTS = """
-- @local-only
CREATE TRIGGER shouts AFTER INSERT ON notes BEGIN
    UPDATE 'notes' SET body = upper(body) WHERE id = NEW.id;
END;
-- @local-only
CREATE TRIGGER refuses AFTER UPDATE ON notes WHEN NEW.body = 'gone' BEGIN
    DELETE FROM notes WHERE id = NEW.id; SELECT RAISE(IGNORE);
END;
"""


@pytest.mark.parametrize(
    "migrations", [(NOTES, SHOUTS), (f"{NOTES}; {SHOUTS}", MORE), (NOTES, MORE, SHOUTS)]
)
def test_what_a_trigger_makes_of_a_row_is_what_others_get(
    device: MakeDevice, migrations: tuple[str, ...]
) -> None:
    file = device(*migrations)
    file.app.execute("INSERT INTO notes (id, body) VALUES ('a', 'x'), ('b', 'y')")
    file.seal()
    file.app.execute("UPDATE notes SET body = 'gone' WHERE id = 'b'")
    file.seal()
    assert [row[:2] for row in file.rows("notes")] == [("a", "X")]
    sent = [[(row.op, row.values.get("body")) for row in each.rows] for each in file.unsent()]
    assert sent == [[(Op.INSERT, "X"), (Op.INSERT, "Y")], [(Op.DELETE, "gone")]]


FAILS = """
-- @local-only
CREATE TRIGGER counts AFTER UPDATE OF body ON notes BEGIN
    INSERT{} INTO log VALUES (NEW.body, 1);
END;
"""


@pytest.mark.parametrize(("inside", "outside"), [("", " OR FAIL"), (" OR FAIL", "")])
def test_a_trigger_that_has_failed_halfway_fires_again(
    device: MakeDevice, inside: str, outside: str
) -> None:
    file = device(NOTES, LOG, FAILS.format(inside))
    file.app.execute("INSERT INTO notes (id, body) VALUES ('a', 'x')")
    file.app.execute("INSERT INTO log VALUES ('taken', 1)")
    with pytest.raises(sqlite3.IntegrityError):
        file.app.execute(f"UPDATE{outside} notes SET body = 'taken'")
    file.seal()
    file.app.execute("UPDATE notes SET body = 'free'")
    assert [row[0] for row in file.rows("log")] == ["free", "taken"]


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.usefixtures("large")
def test_a_trigger_is_silent_for_what_others_did(device: MakeDevice, *, staged: bool) -> None:
    file, hub = device(NOTES, LOG, COUNTS), hub_of(NOTES, LOG, COUNTS)
    receive(file, hub, staged=staged)
    notes = hub.schema.tables["notes"]
    hub.write(*(update(notes, (f"n{n}",), body="new", done=1) for n in range(7)))
    hub.write(delete(notes, ("n0",)), insert(notes, id="no"))
    receive(file, hub, staged=staged)
    assert file.rows("notes") == sorted(tuple(row.values()) for row in hub.alive("notes").values())
    assert file.rows("log") == []
    assert changes(file) == []
    with pytest.raises(sqlite3.IntegrityError, match="done"):
        file.app.execute("DELETE FROM notes")
    file.app.execute("DELETE FROM notes WHERE id = 'no'")
    for _ in range(2):
        file.app.execute("INSERT INTO notes (id) VALUES ('no')")
    file.app.execute("UPDATE notes SET body = 'mine' WHERE id = 'n3'")
    file.app.execute("UPDATE notes SET body = 'same' WHERE id = 'n4'")
    assert file.rows("log") == [("n3", 1)]
    assert set(changes(file)) == {("notes", "no"), ("notes", "n3"), ("notes", "n4"), ("log", "n3")}


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.usefixtures("large")
def test_an_index_for_searching_hears_of_every_change(device: MakeDevice, *, staged: bool) -> None:
    file, hub = device(NOTES, SEARCH), hub_of(NOTES, SEARCH)
    receive(file, hub, staged=staged)
    assert search(file, "word3") == ["n3"]
    file.app.execute("UPDATE notes SET body = 'mine' WHERE id IN ('n3', 'n4')")
    file.app.execute("INSERT INTO notes (id, body) VALUES ('own', 'mine too')")
    assert search(file, "mine") == ["n3", "n4", "own"]
    assert set(changes(file)) == {("notes", "n3"), ("notes", "n4"), ("notes", "own")}
    notes = hub.schema.tables["notes"]
    hub.write(update(notes, ("n1",), body="theirs"), delete(notes, ("n2",)))
    hub.write(insert(notes, id="new", body="theirs"))
    receive(file, hub, staged=staged)
    assert search(file, "theirs") == ["n1", "new"]
    assert search(file, "word2") == []


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.usefixtures("large")
def test_a_migration_fills_an_index_with_the_rows_that_are_there(
    device: MakeDevice, *, staged: bool
) -> None:
    file, hub = device(NOTES), hub_of(NOTES, SEARCH)
    file.app.execute("INSERT INTO notes (id, body) VALUES ('own', 'was there')")
    hub.migrations = applied(NOTES, SEARCH)
    receive(file, hub, staged=staged)
    assert search(file, "word1") == ["n1"]
    assert search(file, "there") == ["own"]
    assert list(file.schema.tables) == ["notes"]


def test_a_table_of_the_devices_own_is_not_replicated(device: MakeDevice) -> None:
    file = device(NOTES, DRAFTS, "ALTER TABLE drafts ADD COLUMN more; DROP INDEX by_body")
    assert list(file.schema.tables) == ["notes"]
    file.app.execute("INSERT INTO drafts (body) VALUES ('x'), ('y')")
    file.app.execute("UPDATE drafts SET body = body || '!' WHERE body = 'x'")
    assert file.rows("drafts") == [("x!", 1, None), ("y", 1, None)]
    assert changes(file) == []
    file.app.execute("DELETE FROM drafts WHERE body = 'y'")
    assert changes(file) == [("notes", "y")]


def test_starting_over_removes_what_migrations_made(device: MakeDevice) -> None:
    every = (NOTES, LOG, COUNTS, SEARCH, DRAFTS, OPEN)
    file = device(*every)
    file.app.execute("INSERT INTO drafts (body) VALUES ('x')")
    start_over(file.path, file.engine, file.schemas, "0123456789abcdef")
    prepare(file.path, file.app, bundle(*every))
    assert file.rows("drafts") == file.rows("found") == []
    file.app.execute("INSERT INTO notes (id, body) VALUES ('a', 'anew')")
    assert search(file, "anew") == ["a"]


def test_the_app_that_the_page_shows_works(device: MakeDevice) -> None:
    page = (ROOT / "docs" / "local-only.md").read_text()
    ddl = page.split("```sql\n")[1].split("```")[0]
    query = page.split("searches with\n\n    ")[1].split("\n")[0]
    assert check(sources(ddl)) == ()
    file = device(ddl)
    file.app.execute("INSERT INTO notes (id, body) VALUES ('a', 'milk and bread')")
    file.app.execute("UPDATE notes SET body = 'milk' WHERE id = 'a'")
    assert file.read(query, ("milk",)) == [("a", "milk", 1, 0)]
    assert file.read(query, ("bread",)) == []
    assert file.rows("open_notes") == [("a", "milk")]
    assert changes(file) == [("notes", "a")]


@pytest.mark.parametrize("own", [NOTES, NOTES.replace(" done", ' "done"')])
@pytest.mark.parametrize("virtual", ["fts5 (id UNINDEXED, body)", "fts5 (id, body)", ""])
def test_what_a_file_has_already_is_taken_over(tmp_path: Path, own: str, virtual: str) -> None:
    path = tmp_path / "app.db"
    with closing(plain(path)) as app:
        app.execute(own)
        if virtual:
            app.execute(f"CREATE VIRTUAL TABLE found USING {virtual}")
        app.execute("CREATE TRIGGER found_insert AFTER INSERT ON notes BEGIN SELECT 1; END")
        app.execute("CREATE TRIGGER own AFTER INSERT ON notes BEGIN SELECT 1; END")
        app.execute("CREATE TABLE drafts (body, edits DEFAULT 0)")
        app.execute("INSERT INTO drafts VALUES ('mine', 3)")
        app.execute("INSERT INTO notes VALUES ('a', 'was there', 0)")
        if virtual:
            app.execute("INSERT INTO found VALUES ('a', 'was there')")
    filled = f"{DRAFTS} INSERT INTO drafts SELECT id, 0 FROM notes"
    with closing(DeviceFile(path, NOTES, SEARCH, filled)) as file:
        assert file.rows("drafts") == [("mine", 3)]
        assert search(file, "there") == ["a"]
        file.app.execute("INSERT INTO notes VALUES ('b', 'more', 0)")
        assert search(file, "more") == ["b"]
        assert ("own",) in file.read("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
