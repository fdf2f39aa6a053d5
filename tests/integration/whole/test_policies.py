"""Constraints that merging can break: what becomes of two offline devices that have both kept them,
under each policy; and that the files and Postgres agree afterwards."""

import json

import pytest

from electricsql import Database, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App
from tests.integration.whole.test_convergence import agreed, run, settle, write

SCHEMA = """\
-- @unique users.email on-conflict=quarantine
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE, name TEXT);
-- @unique nicks.nick on-conflict=keep-first
CREATE TABLE nicks (id TEXT PRIMARY KEY NOT NULL, nick TEXT UNIQUE, about TEXT);
CREATE TABLE seats (id TEXT PRIMARY KEY NOT NULL, room TEXT NOT NULL, place INTEGER);
-- @unique seats(room, place) on-conflict=keep-first
CREATE UNIQUE INDEX one_each ON seats (room, place);
-- @check spans.in_order on-conflict=quarantine
CREATE TABLE spans (
    id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER,
    CONSTRAINT in_order CHECK (first <= last)
);
CREATE TABLE teams (
    id TEXT PRIMARY KEY NOT NULL,
    lead TEXT NOT NULL REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams (id));
"""


@pytest.fixture
def policies(app: App) -> App:
    app.migrate("policies", SCHEMA)
    return app


def apart(app: App, devices: list[Database], *writes: list[str]) -> list[Database]:
    """The devices, after each was offline and wrote one transaction; the first came back first."""
    paths = [device.path for device in devices]
    for device in devices:
        device.close()
    for path, statements in zip(paths, writes, strict=True):
        with electrify(path, app.bundle, sync=False) as offline:
            write(offline, *statements)
    back = []
    for path in paths:
        back.append(electrify(path, app.bundle, token=app.token))
        settle(back[-1])
    settle(*back)
    return back


def waiting(app: App) -> list[str]:
    return [each["id"] for each in json.loads(app.electric("quarantine", "list", "--json"))]


def test_the_transaction_that_comes_later_waits_whole(policies: App, device: Open) -> None:
    one, other = device("one"), device("other")
    settle(one, other)
    one, other = apart(
        policies,
        [one, other],
        ["INSERT INTO users VALUES ('a', 'x@example.org', 'Ann')"],
        [
            "INSERT INTO users VALUES ('b', 'x@example.org', 'Bob')",
            "INSERT INTO users VALUES ('c', 'c@example.org', 'Cis')",
        ],
    )
    assert agreed(policies, "users", one, other) == [("a", "x@example.org", "Ann")]
    (id,) = waiting(policies)
    write(one, "UPDATE users SET email = 'ann@example.org'")
    settle(one, other)
    policies.electric("quarantine", "retry", id)
    settle(one, other)
    names = [name for _, _, name in agreed(policies, "users", one, other)]
    assert names == ["Ann", "Bob", "Cis"]
    one.close()
    other.close()


def test_the_first_keeps_the_value_and_the_rest_of_the_later_counts(
    policies: App, device: Open
) -> None:
    one, other = device("one"), device("other")
    write(one, "INSERT INTO nicks VALUES ('c', 'cis', 'both know her')")
    write(one, "INSERT INTO seats VALUES ('s', 'A', 1), ('t', 'A', 2)")
    settle(one, other)
    one, other = apart(
        policies,
        [one, other],
        [
            "INSERT INTO nicks VALUES ('a', 'x', 'Ann')",
            "UPDATE seats SET place = 9 WHERE id = 's'",
        ],
        [
            "INSERT INTO nicks VALUES ('b', 'x', 'Bob')",
            "UPDATE nicks SET about = 'changed by the other' WHERE id = 'c'",
            "UPDATE seats SET place = 9 WHERE id = 't'",
        ],
    )
    assert agreed(policies, "nicks", one, other) == [
        ("a", "x", "Ann"),
        ("b", None, "Bob"),
        ("c", "cis", "changed by the other"),
    ]
    assert agreed(policies, "seats", one, other) == [("s", "A", 9), ("t", "A", None)]
    assert waiting(policies) == []
    write(other, "UPDATE nicks SET nick = 'bob' WHERE id = 'b'")
    run(policies, "UPDATE seats SET place = 2 WHERE id = 't'")
    settle(one, other)
    assert agreed(policies, "nicks", one, other)[1] == ("b", "bob", "Bob")
    assert agreed(policies, "seats", one, other)[1] == ("t", "A", 2)
    one.close()
    other.close()


def test_what_two_have_changed_of_one_rule_is_not_merged(policies: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, "INSERT INTO spans VALUES ('a', 3, 5)")
    settle(one, other)
    one, other = apart(
        policies, [one, other], ["UPDATE spans SET first = 5"], ["UPDATE spans SET last = 4"]
    )
    assert agreed(policies, "spans", one, other) == [("a", 5, 5)]
    assert len(waiting(policies)) == 1
    one.close()
    other.close()


def test_a_value_may_go_to_a_new_row_when_its_row_is_deleted(policies: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, "INSERT INTO users VALUES ('a', 'x@example.org', 'Ann')")
    settle(one, other)
    write(
        one,
        "DELETE FROM users WHERE id = 'a'",
        "INSERT INTO users VALUES ('b', 'x@example.org', 'Ann')",
    )
    settle(one, other)
    assert agreed(policies, "users", one, other) == [("b", "x@example.org", "Ann")]
    assert waiting(policies) == []


def test_rows_that_need_each_other_come_and_go_in_one_transaction(
    policies: App, device: Open
) -> None:
    one, other = device("one"), device("other")
    for id in ("a", "b"):
        write(
            one,
            f"INSERT INTO teams VALUES ('{id}', 'lead of {id}')",
            f"INSERT INTO people VALUES ('lead of {id}', '{id}')",
        )
    settle(one, other)
    one, other = apart(
        policies,
        [one, other],
        [
            "DELETE FROM people WHERE team = 'a'",
            "DELETE FROM teams WHERE id = 'a'",
            "DELETE FROM people WHERE team = 'b'",
            "DELETE FROM teams WHERE id = 'b'",
        ],
        ["INSERT INTO people VALUES ('new', 'b')"],
    )
    assert agreed(policies, "teams", one, other) == [("b", "lead of b")]
    assert agreed(policies, "people", one, other) == [("lead of b", "b"), ("new", "b")]
    assert waiting(policies) == []
    one.close()
    other.close()


def test_values_pass_between_rows_that_stay(policies: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(
        one, "INSERT INTO users VALUES ('a', 'a@x', 'Ann'), ('b', 'b@x', 'Bob'), ('c', 'c@x', '')"
    )
    write(one, "INSERT INTO nicks VALUES ('1', 'one', ''), ('2', 'two', ''), ('3', 'three', '')")
    settle(one, other)
    write(
        one,
        "UPDATE users SET email = 'new@x' WHERE id = 'a'",
        "UPDATE users SET email = 'a@x' WHERE id = 'b'",
        "UPDATE OR REPLACE users SET email = 'c@x', name = 'Bob C.' WHERE id = 'b'",
        "UPDATE nicks SET nick = NULL WHERE id = '1'",
        "UPDATE nicks SET nick = 'one' WHERE id = '2'",
        "UPDATE nicks SET nick = 'two' WHERE id = '1'",
        "DELETE FROM nicks WHERE id = '3'",
        "UPDATE nicks SET nick = 'three', about = 'was two' WHERE id = '2'",
    )
    settle(one, other)
    assert waiting(policies) == []
    assert agreed(policies, "users", one, other) == [("a", "new@x", "Ann"), ("b", "c@x", "Bob C.")]
    nicks = [("1", "two", ""), ("2", "three", "was two")]
    assert agreed(policies, "nicks", one, other) == nicks
    one.execute("UPDATE nicks SET nick = 'first' WHERE id = '1'")
    write(
        one,
        "UPDATE nicks SET nick = NULL",
        "UPDATE nicks SET nick = 'three' WHERE id = '1'",
        "UPDATE nicks SET nick = 'first' WHERE id = '2'",
    )
    settle(one, other)
    nicks = [("1", "three", ""), ("2", "first", "was two")]
    assert agreed(policies, "nicks", one, other) == nicks
    assert waiting(policies) == []
    one.close()
    other.close()
