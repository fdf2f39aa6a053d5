"""Indexes that are partial, on expressions, or have a collation: those that decide something decide
alike in the files and in Postgres; those that don't are used where they are."""

import pytest

from electricsql import Database
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App
from tests.integration.whole.test_convergence import agreed, run, settle, write
from tests.integration.whole.test_policies import apart, waiting

SCHEMA = """\
-- @unique users.email on-conflict=quarantine
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE COLLATE NOCASE);
CREATE TABLE rooms (id TEXT PRIMARY KEY NOT NULL, name TEXT, gone TIMESTAMP);
-- @unique rooms.name on-conflict=quarantine
CREATE UNIQUE INDEX one_room ON rooms (trim(name)) WHERE gone IS NULL;
CREATE INDEX by_time ON rooms (gone, 'room ' || name) WHERE gone IS NOT NULL;
CREATE INDEX by_lower ON rooms (lower(name));
"""


@pytest.fixture
def indexed(app: App) -> App:
    app.migrate("indexes", SCHEMA)
    return app


def test_what_is_one_to_devices_is_one_to_postgres(indexed: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, "INSERT INTO users VALUES ('c', 'ÄNN@example.org')")
    settle(one, other)
    write(other, "INSERT INTO users VALUES ('d', 'änn@example.org')")  # other letters to both
    settle(one, other)
    one, other = apart(
        indexed,
        [one, other],
        ["INSERT INTO users VALUES ('a', 'ann@example.org')"],
        ["INSERT INTO users VALUES ('b', 'Ann@Example.org')"],
    )
    assert agreed(indexed, "users", one, other) == [
        ("a", "ann@example.org"),
        ("c", "ÄNN@example.org"),
        ("d", "änn@example.org"),
    ]
    assert len(waiting(indexed)) == 1


def test_a_rule_for_some_rows_is_for_the_same_rows(indexed: App, device: Open) -> None:
    one, other = device("one"), device("other")
    old = "'2024-02-29 12:00:00'"
    write(one, f"INSERT INTO rooms VALUES ('a', 'x', {old}), ('b', ' x ', NULL)")
    write(other, "INSERT INTO rooms VALUES ('c', 'y', NULL)")
    settle(one, other)
    one, other = apart(
        indexed,
        [one, other],
        [f"INSERT INTO rooms VALUES ('d', 'z ', NULL), ('e', 'y', {old})"],
        ["INSERT INTO rooms VALUES ('f', ' z', NULL)"],
    )
    names = [name for _, name in agreed(indexed, "(SELECT id, name FROM rooms) r", one, other)]
    assert names == ["x", " x ", "y", "z ", "y"]
    assert len(waiting(indexed)) == 1
    run(indexed, "UPDATE rooms SET gone = now() WHERE id = 'd'")
    settle(one, other)
    write(other, "INSERT INTO rooms VALUES ('f', ' z', NULL)")
    settle(other, one)
    assert len(agreed(indexed, "(SELECT id, name FROM rooms) r", one, other)) == 6


def plan(database: Database, where: str) -> str:
    query = f"EXPLAIN QUERY PLAN SELECT * FROM rooms WHERE {where}"
    return str(database.execute(query).fetchall())


def test_both_sides_find_rows_by_them(indexed: App, device: Open) -> None:
    one = device("one")
    settle(one)
    some = "gone IS NOT NULL AND gone > '2024-01-01 00:00:00'"
    assert "by_time" in plan(one, some)
    assert "by_lower" in plan(one, "lower(name) = 'x'")
    found = {str(name): str(sql) for name, sql in run(indexed, _INDEXES)}
    assert set(found) == {"rooms_pkey", "one_room", "by_time"}
    explained = run(indexed, f"EXPLAIN SELECT * FROM rooms WHERE {some}")
    assert "by_time" in str(explained)
    indexed.migrate("less", "DROP INDEX by_time; DROP INDEX by_lower; DROP INDEX one_room;")
    settle(one)
    assert [name for name, _ in run(indexed, _INDEXES)] == ["rooms_pkey"]
    one.execute("SELECT * FROM rooms").fetchall()  # an EXPLAIN alone does not see a new schema
    assert "by_" not in plan(one, f"{some} AND true")


_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'rooms' ORDER BY 1 DESC"
