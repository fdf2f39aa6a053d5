"""Two versions of an app, and programs that write Postgres: all see all, each in its own shape."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from electricsql import Database, DeviceError, Rejected, electrify
from electricsql.migrations import Bundle, read_bundle
from tests.integration.whole.processes import App
from tests.integration.whole.test_convergence import rows, run, settle, write

FIRST = """\
CREATE TABLE notes (
    id TEXT PRIMARY KEY NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    done BOOLEAN NOT NULL DEFAULT FALSE,
    mood TEXT
);
CREATE TABLE tags (
    id TEXT PRIMARY KEY NOT NULL,
    note TEXT NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    name TEXT
);
CREATE TABLE drafts (id TEXT PRIMARY KEY NOT NULL, text TEXT);
"""
COLUMNS = """\
ALTER TABLE notes RENAME COLUMN body TO words;
-- @drop notes.mood
ALTER TABLE notes DROP COLUMN mood;
ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;
"""
TABLES = """\
ALTER TABLE tags RENAME TO labels;
-- @drop drafts
DROP TABLE drafts;
"""
Open = Callable[..., Database]


@pytest.fixture
def old(app: App) -> Bundle:
    """The first version of the app, which is what there is."""
    app.migrate("first", FIRST)
    return read_bundle(app.bundle)


@pytest.fixture
def device(app: App, tmp_path: Path) -> Iterator[Open]:
    """Opens a device's file by name, with a version of the app; closed after the test."""
    with ExitStack() as stack:

        def opened(name: str, bundle: Bundle, *, sync: bool = True) -> Database:
            path = tmp_path / f"{name}.db"
            database = electrify(path, bundle, token=app.token, sync=sync)
            return stack.enter_context(closing(database))

        yield opened


def upgraded(app: App, title: str, sql: str) -> Bundle:
    """The next version of the app."""
    app.migrate(title, sql)
    return read_bundle(app.bundle)


def shown(app: App, database: Database, table: str, columns: str) -> list[tuple[object, ...]]:
    """Some columns of a table, which are the same on a device and in Postgres."""
    sql = f"SELECT {columns} FROM {table} ORDER BY id"
    found = run(app, sql)
    assert database.execute(sql).fetchall() == found
    return found


def fates(database: Database) -> list[tuple[object, ...]]:
    return database.execute("SELECT unsent, waiting, holds FROM _electric_fates").fetchall()


def test_old_and_new_apps_and_postgres_see_each_others_writes(
    app: App, old: Bundle, device: Open
) -> None:
    one, two = device("one", old), device("two", old)
    write(one, *(f"INSERT INTO notes VALUES ('{n}', 'text {n}', 0, 'glad')" for n in range(6)))
    settle(one, two)
    new = upgraded(app, "columns", COLUMNS)
    phone = device("phone", new)
    settle(one, two, phone)
    assert rows(phone, "notes") == [(str(n), f"text {n}", 0, 3) for n in range(6)]
    write(one, "UPDATE notes SET mood = 'sad' WHERE id = '0'", "DELETE FROM notes WHERE id = '4'")
    write(one, "INSERT INTO notes (id, body, mood) VALUES ('a', 'by one', 'new')")
    write(two, "UPDATE notes SET body = 'by two' WHERE id = '1'")
    write(phone, "UPDATE notes SET words = 'by phone', stars = 5 WHERE id = '2'")
    write(phone, "INSERT INTO notes (id, words, stars) VALUES ('p', 'by phone', 1)")
    run(app, "UPDATE notes SET words = 'by Postgres' WHERE id = '3'")
    run(app, "DELETE FROM notes WHERE id = '5'")
    settle(one, two, phone)
    assert shown(app, phone, "notes", "id, words, done, stars") == [
        ("0", "text 0", False, 3),
        ("1", "by two", False, 3),
        ("2", "by phone", False, 5),
        ("3", "by Postgres", False, 3),
        ("a", "by one", False, 3),
        ("p", "by phone", False, 1),
    ]
    assert rows(one, "notes") == rows(two, "notes")
    assert rows(one, "notes") == [
        ("0", "text 0", 0, "sad"),
        ("1", "by two", 0, "glad"),
        ("2", "by phone", 0, "glad"),
        ("3", "by Postgres", 0, "glad"),
        ("a", "by one", 0, "new"),
        ("p", "by phone", 0, None),
    ]
    for each in (one, two, phone):
        assert fates(each) == [(0, 0, 1)]


def test_concurrent_writes_of_two_versions_to_one_column_come_to_the_same(
    app: App, old: Bundle, device: Open
) -> None:
    one = device("one", old)
    write(one, "INSERT INTO notes VALUES ('n', 'text', 0, 'glad')")
    settle(one)
    new = upgraded(app, "columns", COLUMNS)
    phone = device("phone", new)
    settle(phone)
    one.close()
    phone.close()
    for name, bundle, sql in (
        ("phone", new, "UPDATE notes SET words = 'by phone', stars = 1"),
        ("one", old, "UPDATE notes SET body = 'by one', mood = 'sad'"),
    ):
        offline = device(name, bundle, sync=False)
        write(offline, sql)
        offline.close()
    one, phone = device("one", old), device("phone", new)
    settle(one, phone)
    assert rows(one, "notes") == [("n", "by one", 0, "sad")]
    assert shown(app, phone, "notes", "id, words, stars") == [("n", "by one", 1)]


def test_a_device_that_was_away_is_upgraded_with_500_unsent_writes(
    app: App, old: Bundle, device: Open
) -> None:
    away, other = device("away", old), device("other", old)
    write(away, *(f"INSERT INTO notes VALUES ('n{n}', 'text', 0, 'glad')" for n in range(50)))
    settle(away, other)
    away.close()
    away = device("away", old, sync=False)
    for n in range(500):
        if n % 5 == 0:
            key = f"n{n % 48}"
            write(away, f"UPDATE notes SET body = 'away {n}', mood = 'away' WHERE id = '{key}'")
        elif n % 50 == 1:
            draft = f"INSERT INTO drafts VALUES ('d{n}', 'x')"
            write(away, "DELETE FROM notes WHERE id = 'n49'", draft)
        else:
            write(away, f"INSERT INTO notes (id, body) VALUES ('a{n}', 'away')")
    away.close()
    new = upgraded(app, "columns", COLUMNS)
    newest = upgraded(app, "tables", TABLES)
    run(app, "UPDATE notes SET words = 'by Postgres', stars = 1 WHERE id = 'n48'")
    write(other, "UPDATE notes SET done = 1 WHERE id = 'n1'")
    away = device("away", new, sync=False)
    heard: list[Rejected] = []
    preview = rows(away, "notes")
    write(away, "UPDATE notes SET stars = 5 WHERE id = 'a2'")
    away.close()
    away = device("away", newest, sync=False)
    write(away, "INSERT INTO labels VALUES ('l', 'a2', 'by the newest')")
    assert away.status.pending == 502
    away.close()
    away = device("away", newest)
    away.on_rejected(heard.append)
    phone = device("phone", newest)
    settle(away, other, phone)
    assert heard == []
    assert fates(away) == [(0, 0, 1)]
    assert [row[0] for row in preview] == [row[0] for row in rows(away, "notes")]
    assert rows(away, "notes") == rows(phone, "notes")
    found = {id: tuple(row) for id, *row in shown(app, away, "notes", "id, words, done, stars")}
    assert found["n48"] == ("by Postgres", False, 1)
    assert found["n1"][1]
    assert found["a2"] == ("away", False, 5)
    assert "n49" not in found
    assert len(found) == 49 + 390
    seen = {id: mood for id, _, _, mood in rows(other, "notes")}
    assert seen["n48"] == "glad"
    assert sum(mood == "away" for mood in seen.values()) == 48
    assert len(rows(other, "drafts")) == 10
    assert shown(app, away, "labels", "id, note, name") == [("l", "a2", "by the newest")]
    assert rows(other, "tags") == [("l", "a2", "by the newest")]


def test_a_dropped_table_goes_on_among_those_who_have_it(
    app: App, old: Bundle, device: Open
) -> None:
    one, two = device("one", old), device("two", old)
    write(one, "INSERT INTO notes VALUES ('n', 'text', 0, NULL)")
    write(one, "INSERT INTO tags VALUES ('t', 'n', 'first')")
    write(
        one, "INSERT INTO drafts VALUES ('d', 'before')", "INSERT INTO drafts VALUES ('x', 'gone')"
    )
    settle(one, two)
    new = upgraded(app, "tables", TABLES)
    phone = device("phone", new)
    settle(phone)
    write(
        two, "UPDATE drafts SET text = 'after' WHERE id = 'd'", "DELETE FROM drafts WHERE id = 'x'"
    )
    write(two, "INSERT INTO drafts VALUES ('e', 'new')", "UPDATE tags SET name = 'second'")
    settle(one, two, phone)
    assert rows(one, "drafts") == rows(two, "drafts") == [("d", "after"), ("e", "new")]
    assert shown(app, phone, "labels", "id, note, name") == [("t", "n", "second")]
    write(phone, "DELETE FROM notes")
    settle(one, two, phone)
    assert rows(one, "tags") == rows(two, "tags") == shown(app, phone, "labels", "id") == []
    three = device("three", old)
    settle(three)
    assert rows(three, "drafts") == rows(one, "drafts")


def test_an_older_app_does_not_open_a_newer_file(app: App, old: Bundle, device: Open) -> None:
    new = upgraded(app, "columns", COLUMNS)
    device("phone", new).close()
    with pytest.raises(DeviceError) as refused:
        device("phone", old)
    assert refused.value.code == "newer-schema"
    device("phone", new).sync()
