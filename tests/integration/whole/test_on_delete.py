"""ON DELETE CASCADE and SET NULL, when others write at the same time: what a delete does to other
rows is a write like any other, and the files and Postgres agree."""

import sqlite3
from contextlib import closing

import pytest

from electricsql import Database, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App
from tests.integration.whole.test_convergence import agreed, run, settle, write
from tests.integration.whole.test_policies import apart

TABLES = """\
CREATE TABLE lists (id TEXT PRIMARY KEY NOT NULL, name TEXT);
CREATE TABLE items (
    id TEXT PRIMARY KEY NOT NULL, list TEXT NOT NULL REFERENCES lists ON DELETE CASCADE, body TEXT
);
CREATE TABLE marks (
    id TEXT PRIMARY KEY NOT NULL, list TEXT REFERENCES lists ON DELETE SET NULL, body TEXT
);
"""
ALL = [
    "INSERT INTO lists VALUES ('l', 'a list')",
    "INSERT INTO items VALUES ('i', 'l', 'one'), ('j', 'l', 'two')",
    "INSERT INTO marks VALUES ('m', 'l', 'one')",
]
DELETE = "DELETE FROM lists"


@pytest.fixture
def lists(app: App, device: Open) -> tuple[App, Database, Database]:
    app.migrate("lists", TABLES)
    one, other = device("one"), device("other")
    write(one, *ALL)
    settle(one, other)
    return app, one, other


def found(app: App, *devices: Database) -> list[list[tuple[object, ...]]]:
    settle(*devices)
    for each in devices:
        assert each.execute("PRAGMA foreign_key_check").fetchall() == []
    return [agreed(app, table, *devices) for table in ("lists", "items", "marks")]


def test_alone_a_delete_does_everywhere_what_it_does_on_its_device(
    lists: tuple[App, Database, Database],
) -> None:
    app, one, other = lists
    write(one, DELETE)
    assert found(app, one, other) == [[], [], [("m", None, "one")]]
    run(app, "INSERT INTO lists VALUES ('n')")
    settle(other)
    write(other, "INSERT INTO items VALUES ('k', 'n', 'three')", "UPDATE marks SET list = 'n'")
    settle(one, other)
    run(app, DELETE)
    assert found(app, one, other) == [[], [], [("m", None, "one")]]


@pytest.mark.parametrize("where", ["device", "Postgres"])
def test_a_new_child_brings_its_parent_back_and_not_what_was_deleted_with_it(
    lists: tuple[App, Database, Database], where: str
) -> None:
    app, one, other = lists
    child = ["INSERT INTO items VALUES ('k', 'l', 'new')"]
    if where == "device":
        one, other = apart(app, [one, other], [DELETE], child)
    else:
        other.close()
        run(app, DELETE)
        with electrify(other.path, app.bundle, sync=False) as offline:
            write(offline, *child)
        other = electrify(other.path, app.bundle, token=app.token)
    assert found(app, one, other) == [
        [("l", "a list")],
        [("k", "l", "new")],
        [("m", None, "one")],
    ]
    one.close()
    other.close()


def test_a_child_that_was_changed_meanwhile_stays_and_its_parent_with_it(
    lists: tuple[App, Database, Database],
) -> None:
    app, one, other = lists
    changes = ["UPDATE items SET body = 'changed' WHERE id = 'i'", "UPDATE marks SET body = 'two'"]
    one, other = apart(app, [one, other], [DELETE], changes)
    assert found(app, one, other) == [
        [("l", "a list")],
        [("i", "l", "changed")],
        [("m", None, "two")],
    ]
    one.close()
    other.close()


def test_a_program_that_keeps_no_foreign_keys_deletes_no_row_that_has_children(
    lists: tuple[App, Database, Database],
) -> None:
    app, one, other = lists
    with closing(sqlite3.connect(one.path)) as program:
        program.execute(DELETE)
        program.commit()
    lists_, items, marks = found(app, one, other)
    assert lists_ == [("l", "a list")]
    assert (len(items), marks) == (2, [("m", "l", "one")])
