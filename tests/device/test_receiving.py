"""Deltas that meet unsent changes: the file shows what the hub will hold when it gets them.

Histories are made from a seed. The twin merges the unsent transactions into the hub's rows as the
hub itself does.
"""

from random import Random
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from electricsql.replication import Change, RowId
from electricsql.schema import Table, Value
from tests.device.files import DeviceFile
from tests.device.hubs import alive, delete, insert, update
from tests.device.worlds import World, shown, world_of

seeds = st.integers(0, 1 << 32)

TABLES = (
    "CREATE TABLE plain (id TEXT PRIMARY KEY NOT NULL, a TEXT, n INTEGER DEFAULT 0);"
    "CREATE TABLE pairs (n INTEGER DEFAULT 0, b INTEGER NOT NULL DEFAULT 1, id TEXT NOT NULL,"
    " a TEXT, PRIMARY KEY (id, b)) STRICT, WITHOUT ROWID"
)
WRITES = (
    "REPLACE INTO {0} (id, a, n) VALUES ('{1}', '{2}', {3})",
    "REPLACE INTO {0} (id) VALUES ('{1}')",
    "INSERT INTO {0} (id, a) VALUES ('{1}', '{2}') ON CONFLICT DO UPDATE SET a = excluded.a",
    "UPDATE {0} SET a = '{2}' WHERE id = '{1}'",
    "UPDATE {0} SET n = {3} WHERE id = '{1}'",
    "UPDATE {0} SET a = NULL, n = n + 1",
    "UPDATE OR REPLACE {0} SET id = '{1}' WHERE a = '{2}'",
    "DELETE FROM {0} WHERE id = '{1}'",
    "DELETE FROM {0} WHERE id = '{1}'",
)


def direct(table: Table, world: World, random: Random) -> Change:
    """What a Postgres client might do."""
    id, text, number = random.choice("pq"), random.choice("xy"), random.randint(0, 2)
    values: dict[str, Value] = {"id": id, "b": 1, "a": text, "n": number}
    key = table.key_of(values)
    if key not in world.hub.alive(table.name):
        return insert(table, **{name: values[name] for name in table.column_names})
    return random.choice([delete(table, key), update(table, key, a=text)])


def listened(*tables: str) -> str:
    """Triggers that hear of all that comes, too: such tables are written in place."""
    return "".join(
        f";\n-- @local-only\nCREATE TABLE {name}_seen (id UNIQUE);"
        f"CREATE UNIQUE INDEX {name}_one ON {name}_seen (id);\n-- @local-only\n"
        f"CREATE TRIGGER {name}_came AFTER INSERT ON {name} BEGIN"
        f" INSERT INTO {name}_seen VALUES ({key}); END;\n-- @local-only\n"
        f"CREATE TRIGGER {name}_moved AFTER UPDATE ON {name} BEGIN"
        f" UPDATE {name}_seen SET id = {key} WHERE id = {key.replace('NEW', 'OLD')}; END;"
        f"\n-- @local-only\nCREATE TRIGGER {name}_went AFTER DELETE ON {name} BEGIN"
        f" DELETE FROM {name}_seen WHERE id = {key.replace('NEW', 'OLD')}; END"
        for name, key in ((each, KEYS.get(each, "NEW.id")) for each in tables)
    )


def seen(one: DeviceFile, table: str) -> list[object]:
    """What triggers have been told to be there, and not to be gone again."""
    return [id for (id,) in one.read(f"SELECT id FROM {table}_seen ORDER BY id")]


KEYS = {"pairs": "NEW.id || NEW.b"}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["plain", "pairs"]), st.booleans(), seeds)
def test_a_file_shows_what_the_hub_will_hold(name: str, listens: bool, seed: int) -> None:
    random = Random(seed)

    def write() -> str:
        sql, text = random.choice(WRITES), random.choice("xy")
        return sql.format(name, random.choice("pq"), text, random.randint(0, 2))

    with world_of(TABLES + listened(name) if listens else TABLES) as world:
        for _ in range(5):
            if random.random() < 0.5:
                world.hub.write(direct(world.hub.schema.tables[name], world, random))
            for place in world.play_round(random, write):
                assert shown(world.devices[place], name) == alive(world.expected(place), name)
        world.sync()
        for one in world.devices:
            assert shown(one, name) == world.hub.alive(name)
            assert one.unsent() == []
            if listens:
                keys = ["".join(map(str, key)) for key in shown(one, name)]
                assert seen(one, name) == sorted(keys)


FAMILY = (
    "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, up TEXT REFERENCES people, a TEXT);"
    "CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, a TEXT,"
    " owner TEXT NOT NULL REFERENCES people ON DELETE CASCADE)"
)
KIN = (
    "REPLACE INTO people (id, up) VALUES ('{0}', NULL)",
    "INSERT OR IGNORE INTO people (id, up) VALUES ('{0}', '{1}')",
    "UPDATE people SET up = '{1}' WHERE id = '{0}'",
    "UPDATE people SET a = coalesce(a, '') || 'x' WHERE id = '{0}'",
    "UPDATE people SET up = NULL WHERE up = '{0}'",
    "DELETE FROM people WHERE id = '{0}'",
    "REPLACE INTO pets (id, owner) VALUES ('{1}', '{0}')",
    "UPDATE pets SET owner = '{1}', a = 'y' WHERE id = '{0}'",
    "DELETE FROM pets WHERE id = '{0}'",
)


@settings(max_examples=100, deadline=None)
@example(10_371, ())  # a kept row came, was deleted here again, and its child had come before
@example(481, ("pets",))  # a row that was deleted here came to life again, its parent was dead
@given(seeds, st.sampled_from([(), ("people",), ("pets",), ("people", "pets")]))
def test_foreign_keys_hold_all_the_time(seed: int, listens: tuple[str, ...]) -> None:
    random = Random(seed)
    with world_of(FAMILY + listened(*listens)) as world:
        first = world.devices[0].app
        first.execute("INSERT INTO people (id, up) VALUES ('p', NULL), ('q', 'p'), ('r', 'r')")
        first.execute("INSERT INTO pets (id, owner) VALUES ('p', 'p'), ('q', 'q')")
        world.sync()
        for _ in range(5):
            for place in world.play_round(
                random, lambda: random.choice(KIN).format(*random.choices("pqr", k=2))
            ):
                assert world.devices[place].read("PRAGMA foreign_key_check") == []
        world.sync()
        for one in world.devices:
            assert one.read("PRAGMA foreign_key_check") == []
            for table in ("people", "pets"):
                assert shown(one, table) == world.hub.alive(table)
                assert table not in listens or seen(one, table) == sorted(
                    str(id) for (id,) in shown(one, table)
                )


@pytest.mark.parametrize(
    "nothing",
    [
        "UPDATE people SET a = a WHERE id = 'q'",
        "REPLACE INTO people (id, up) VALUES ('q', NULL)",
    ],
)
def test_a_kept_row_that_stays_as_it_was_goes_when_its_children_do(nothing: str) -> None:
    with world_of(FAMILY) as world:
        one, other = world.devices
        one.app.execute("INSERT INTO people (id, up) VALUES ('p', NULL), ('q', NULL)")
        world.sync()
        other.app.execute("DELETE FROM people WHERE id = 'q'")
        world.up(1)
        one.app.execute("UPDATE people SET up = 'q' WHERE id = 'p'")
        world.seal(0)
        world.down(0)
        assert ("q",) in shown(one, "people"), "it is kept"
        one.app.execute(nothing)
        world.seal(0)
        other.app.execute("UPDATE people SET up = 'p' WHERE id = 'p'")
        world.up(1)
        world.sync()
        assert shown(one, "people") == shown(other, "people") == world.hub.alive("people")
        assert ("q",) not in world.hub.alive("people")


def test_a_row_stays_kept_when_it_comes_while_a_later_delete_of_it_is_unsent() -> None:
    with world_of(FAMILY) as world:
        one, other = world.devices
        one.app.execute("INSERT INTO people (id) VALUES ('p')")
        world.sync()
        for write in (
            "DELETE FROM people WHERE id = 'p'",
            "INSERT INTO people (id) VALUES ('p')",
            "DELETE FROM people WHERE id = 'p'",
        ):
            one.app.execute(write)
            world.seal(0)
        other.app.execute("INSERT INTO pets (id, owner) VALUES ('q', 'p')")
        world.up(1)
        world.down(0)
        assert ("p",) in shown(one, "people"), "it is kept"
        world.up(0, 1)
        world.down(0)
        assert one.read("PRAGMA foreign_key_check") == []
        world.sync()
        assert shown(one, "people") == shown(other, "people") == world.hub.alive("people")


OWNERS = (
    "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, a TEXT NOT NULL);"
    "CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL REFERENCES people,"
    " a TEXT)"
)


@pytest.mark.parametrize("way", range(6))
@pytest.mark.parametrize("whole", [False, True])
def test_what_builds_on_a_refused_transaction_is_shown_whole(way: int, whole: bool) -> None:
    """Whatever way the delta gets into the file."""
    with world_of(OWNERS) as world:
        one = world.devices[0]
        for number in range(way):
            world.hub.write(insert(world.hub.schema.tables["people"], id=str(number), a="x"))
        world.sync()
        for write in (
            "INSERT INTO people (id, a) VALUES ('p', 'Pat'), ('q', 'Quinn')",
            "INSERT INTO pets (id, owner) VALUES ('x', 'q')",
        ):
            one.app.execute(write)
        world.seal(0)
        one.app.execute("UPDATE people SET email = 'new' WHERE id = 'p'")
        one.app.execute("UPDATE pets SET a = 'new' WHERE id = 'x'")
        one.app.execute("INSERT INTO pets (id, owner) VALUES ('y', 'p')")
        world.seal(0)
        before = [shown(one, table) for table in ("people", "pets")]
        with patch.object(world.hub, "_collides", lambda _: True):
            world.up(0, 1)
        for _ in range(2):
            world.down(0, whole=whole)
            assert [shown(one, table) for table in ("people", "pets")] == before
        world.sync()
        assert world.hub.alive("pets") == shown(one, "pets") == {}
        assert world.hub.alive("people") == shown(one, "people")
        one.app.execute("INSERT INTO people (id, a) VALUES ('q', 'Quinn')")
        world.seal(0)
        (sealed,) = one.unsent()
        assert [change.incarnation for change in sealed.transaction().changes] == [1]


PEOPLE = "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, a TEXT)"
MAILS = (
    "INSERT INTO people (id, email) VALUES ('{0}', '{1}') ON CONFLICT (id) DO NOTHING",
    "UPDATE people SET email = '{1}' WHERE id = '{0}'",
    "UPDATE people SET email = NULL WHERE id = '{0}'",
    "UPDATE people SET a = coalesce(a, '') || '{0}' WHERE id = '{0}'",
    "DELETE FROM people WHERE id = '{0}'",
    "REPLACE INTO people (id, email) VALUES ('{0}', '{1}')",
)


@settings(max_examples=100, deadline=None)
@example(416)  # a row was refused, deleted, and refused again: its author was not told
@example(878)  # the same; and it was in the way of a row of the hub
@example(3_849)  # the same; and it stayed displaced
@given(seeds)
def test_values_that_must_be_unique_stop_nobody_and_everybody_agrees(seed: int) -> None:
    random = Random(seed)
    with world_of(PEOPLE) as world:
        for _ in range(5):
            for _ in world.play_round(
                random,
                lambda: random.choice(MAILS).format(random.choice("pqr"), random.choice("xyz")),
            ):
                pass
        world.sync()
        for one in world.devices:
            assert shown(one, "people") == world.hub.alive("people")
            assert one.read("SELECT * FROM _electric_displaced") == []


@pytest.mark.parametrize("listens", [(), ("people",), ("pets",)])
@pytest.mark.parametrize("xid", range(9))
def test_of_a_whole_delta_a_parent_that_did_not_come_stays_for_an_unsent_child(
    listens: tuple[str, ...], xid: int
) -> None:
    with world_of(FAMILY + listened(*listens)) as world:
        one, other = world.devices
        one.app.execute("INSERT INTO people (id) VALUES ('p'), ('q')")
        one.app.execute("INSERT INTO pets (id, owner) VALUES ('p', 'q'), ('q', 'q')")
        world.sync()
        world.hub.xid += xid  # how deltas are applied depends on it
        other.app.execute("DELETE FROM people WHERE id = 'p'")
        world.up(1)
        del world.hub.rows[RowId("people", ("p",))]  # it is forgotten
        one.app.execute("UPDATE pets SET owner = 'p' WHERE id = 'p'")
        world.down(0, whole=True)
        assert one.read("PRAGMA foreign_key_check") == []
        assert ("p",) in shown(one, "people")


@pytest.mark.parametrize("listens", [(), ("people",), ("pets",)])
@pytest.mark.parametrize("xid", range(9))
@pytest.mark.parametrize(
    "write",
    ["UPDATE pets SET a = 'x' WHERE id = 'p'", "DELETE FROM pets WHERE id = 'p'"],
)
def test_a_dead_parent_stays_for_a_child_that_is_its_own_only_when_merged(
    listens: tuple[str, ...], xid: int, write: str
) -> None:
    with world_of(FAMILY + listened(*listens)) as world:
        one, other = world.devices
        one.app.execute("INSERT INTO people (id) VALUES ('p'), ('q'), ('r')")
        one.app.execute("INSERT INTO pets (id, owner) VALUES ('p', 'q'), ('q', 'q'), ('r', 'q')")
        world.sync()
        other.app.execute("UPDATE pets SET owner = 'p'")
        world.seal(1)
        other.app.execute("DELETE FROM people WHERE id = 'p'")
        world.up(1)
        for each in ("UPDATE pets SET a = 'y' WHERE id = 'p'", write):
            one.app.execute(each)
            world.seal(0)
        world.hub.xid += xid  # how deltas are applied depends on it
        world.down(0)
        assert one.read("PRAGMA foreign_key_check") == []
        expected = world.expected(0)
        for table in ("people", "pets"):
            assert shown(one, table) == alive(expected, table)
