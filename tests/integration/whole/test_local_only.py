"""What only devices have (views, triggers, search, drafts) beside a real Postgres, which has none
of it: it comes with migrations, works on every device, and nothing of it is in the way."""

import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from electricsql import Database, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App, Service
from tests.integration.whole.test_convergence import agreed, run, settle, write

NOTES = """\
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, done BOOLEAN NOT NULL DEFAULT FALSE);
CREATE TABLE edits (id TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL);
"""
LOCAL = """\
CREATE VIEW open_notes AS SELECT id, body FROM notes WHERE NOT done;

-- @local-only
CREATE TRIGGER shout AFTER INSERT ON notes BEGIN
    UPDATE notes SET body = upper(body) WHERE id = NEW.id;
END;

-- @local-only
CREATE TRIGGER count_edits AFTER UPDATE OF body ON notes BEGIN
    INSERT INTO edits VALUES (NEW.id, 1) ON CONFLICT (id) DO UPDATE SET count = count + 1;
END;

-- @local-only
CREATE VIRTUAL TABLE found USING fts5 (body);
INSERT INTO found (rowid, body) SELECT rowid, body FROM notes;
-- @local-only
CREATE TRIGGER found_insert AFTER INSERT ON notes BEGIN
    INSERT INTO found (rowid, body) VALUES (NEW.rowid, NEW.body);
END;
-- @local-only
CREATE TRIGGER found_update AFTER UPDATE ON notes BEGIN
    UPDATE found SET rowid = NEW.rowid, body = NEW.body WHERE rowid = OLD.rowid;
END;
-- @local-only
CREATE TRIGGER found_delete AFTER DELETE ON notes BEGIN
    DELETE FROM found WHERE rowid = OLD.rowid;
END;
"""
DRAFTS = """\
-- @local-only
CREATE TABLE drafts (body TEXT);
-- @local-only
CREATE TRIGGER send AFTER DELETE ON drafts BEGIN
    INSERT INTO notes (id, body) VALUES (OLD.body, OLD.body);
END;
"""
THERE = """
SELECT name FROM (
    SELECT relname AS name FROM pg_class UNION ALL SELECT tgname FROM pg_trigger
) AS every WHERE name IN ('open_notes', 'found', 'drafts', 'shout', 'count_edits', 'send')
"""
SEARCH = (
    "SELECT id FROM notes JOIN found ON found.rowid = notes.rowid WHERE found MATCH ? ORDER BY id"
)


@pytest.fixture
def local(app: App) -> App:
    app.migrate("notes", NOTES)
    app.migrate("local", LOCAL + DRAFTS)
    return app


def search(database: Database, word: str) -> list[object]:
    complete = "SELECT rowid, body FROM {} ORDER BY rowid"
    everything = database.execute(complete.format("found")).fetchall()
    assert everything == database.execute(complete.format("notes")).fetchall()
    return [id for (id,) in database.execute(SEARCH, (word,))]


def test_each_works_on_devices_and_the_hub_has_nothing_of_it(local: App, device: Open) -> None:
    one, other = device("one"), device("other")
    assert run(local, THERE) == []
    write(one, "INSERT INTO notes (id, body) VALUES ('a', 'from one')")
    run(local, "INSERT INTO notes (id, body) VALUES ('p', 'from Postgres')")
    write(other, "INSERT INTO drafts VALUES ('kept'), ('sent')")
    write(other, "DELETE FROM drafts WHERE body = 'sent'")
    settle(one, other)
    assert agreed(local, "notes", one, other) == [
        ("a", "FROM ONE", False),
        ("p", "from Postgres", False),
        ("sent", "SENT", False),
    ]
    # Each device counted its own edit (of the trigger before), and nobody those of others.
    assert agreed(local, "edits", one, other) == [("a", 1), ("sent", 1)]
    assert [search(each, "from") for each in (one, other)] == [["a", "p"]] * 2
    write(other, "UPDATE notes SET body = 'changed', done = TRUE WHERE id = 'a'")
    run(local, "UPDATE notes SET body = 'changed there' WHERE id = 'p'")
    run(local, "DELETE FROM notes WHERE id = 'sent'")
    settle(one, other)
    assert agreed(local, "edits", one, other) == [("a", 2), ("sent", 1)]
    for each in (one, other):
        assert search(each, "changed") == ["a", "p"]
        assert search(each, "sent") == []
        assert each.execute("SELECT * FROM open_notes").fetchall() == [("p", "changed there")]
    assert other.execute("SELECT * FROM drafts").fetchall() == [("kept",)]
    assert one.execute("SELECT * FROM drafts").fetchall() == []
    one.close()
    assert "all equal" in local.electric("devices", "verify", str(one.path))


def test_a_device_with_rows_and_unsent_work_gets_it_in_its_place_among_the_data(
    app: App, device: Open
) -> None:
    app.migrate("notes", NOTES)
    one = device("one")
    write(one, "INSERT INTO notes (id, body) VALUES ('a', 'before')")
    settle(one)
    app.migrate("local", LOCAL + DRAFTS)
    run(app, "INSERT INTO notes (id, body) VALUES ('p', 'after')")
    write(one, "UPDATE notes SET body = 'unsent' WHERE id = 'a'")
    settle(one)
    write(one, "UPDATE notes SET body = 'edited' WHERE id = 'p'")
    settle(one)
    assert search(one, "edited") == ["p"]
    assert search(one, "unsent OR before") == ["a"]
    other = device("other")
    settle(other)
    assert search(other, "edited") == ["p"]
    assert agreed(app, "edits", one, other)[-1] == ("p", 1)
    app.migrate(
        "less", "DROP VIEW open_notes; DROP TRIGGER send; DROP TABLE drafts; DROP TRIGGER shout;"
    )
    settle(one, other)
    write(one, "INSERT INTO notes (id, body) VALUES ('b', 'as it is')")
    settle(one, other)
    assert agreed(app, "notes", one, other)[1] == ("b", "as it is", False)
    names = "SELECT name FROM sqlite_schema WHERE name IN ('open_notes', 'send', 'drafts', 'shout')"
    assert one.execute(names).fetchall() == other.execute(names).fetchall() == []


def test_the_commands_take_it_like_any_migration(local: App) -> None:
    path = local.folder / local.electric("migrations", "new", "more")
    path.write_text("-- @local-only\nCREATE TABLE seen (id TEXT);\n")
    assert json.loads(local.electric("check", "--format", "json")) == []
    assert "seen" not in local.electric("sync", "--dry-run")
    local.electric("build", "--postgres", "--satellite")
    assert "CREATE TABLE seen" in (path.parent / "satellite.sql").read_text()
    assert "seen" not in (path.parent / "postgres.sql").read_text()
    local.electric("sync")
    text = path.read_text()
    path.write_text("-- @local-only\nCREATE TABLE seen (id TEXT, at TEXT);\n")
    local.electric("migrations", "revert", path.parent.name)
    assert path.read_text() == text
    status = local.electric("status")
    assert path.parent.name in status
    assert "drift           none" in status or "drift" not in status


_numbers = itertools.count(1)


def test_a_file_that_is_adopted_keeps_its_own_and_new_ones_get_it(
    service: Service, tmp_path: Path
) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as before:
        before.executescript(NOTES + LOCAL)
        before.execute("INSERT INTO notes (id, body) VALUES ('a', 'from the file')")
        before.commit()
    app = App(tmp_path / "app", service, f"local-{next(_numbers)}")
    app.folder.mkdir()
    told = app.electric("init", app.name, "--service", service.url, "--from-sqlite", str(path))
    assert "3 tables, 1 view and 5 triggers" in told
    app.token = app.electric("token", "new", "--sub", "tester")
    app.electric("sync")
    with (
        closing(electrify(path, app.bundle, token=app.token)) as one,
        closing(electrify(tmp_path / "new.db", app.bundle, token=app.token)) as other,
    ):
        settle(one, other)
        assert agreed(app, "notes", one, other) == [("a", "FROM THE FILE", False)]
        assert agreed(app, "edits", one, other) == [("a", 1)]
        write(other, "INSERT INTO notes (id, body) VALUES ('b', 'from another')")
        settle(one, other)
        assert agreed(app, "edits", one, other) == [("a", 1), ("b", 1)]
        for each in (one, other):
            assert search(each, "from") == ["a", "b"]
            assert len(each.execute("SELECT * FROM open_notes").fetchall()) == 2
