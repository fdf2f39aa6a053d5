"""A hub restored from an older backup: what it lost, and some device still has, comes back."""

from copy import deepcopy
from pathlib import Path
from unittest.mock import patch

from electricsql.device.meta import read_meta
from electricsql.device.restoring import give_back
from electricsql.replication import Fork
from tests.device.hubs import MemoryHub, delete, insert, update
from tests.device.test_receiving import TABLES
from tests.device.worlds import World, shown

HLC_MAX = 1 << 62


def meet(world: World, place: int, fork: Fork) -> None:
    one = world.devices[place]
    give_back(one.path, one.engine, one.schemas, fork, world._now_ms, horizon=0)
    world._sent[place] = 0
    world.hub.skip(place + 1, 0)
    world.up(place)
    world.down(place, whole=True)


def fork_of(hub: MemoryHub) -> Fork:
    return Fork(hub.xid + 1, HLC_MAX)


def values(world: World) -> dict[object, object]:
    return {key[0]: row["a"] for key, row in world.hub.alive("plain").items()}


def test_what_a_hub_has_lost_comes_back_from_two_devices(tmp_path: Path) -> None:
    world = World(tmp_path, TABLES)
    world.hub.marks = True
    one, other = (device.app for device in world.devices)
    one.execute("INSERT INTO plain (id, a) VALUES ('kept', 'old'), ('dies', 'x'), ('both', '0')")
    world.sync()
    backup: MemoryHub = deepcopy(world.hub)
    one.execute("INSERT INTO plain (id, a) VALUES ('lost', 'lost')")
    one.execute("UPDATE plain SET a = 'new' WHERE id = 'kept'")
    one.execute("UPDATE plain SET a = '1' WHERE id = 'both'")
    one.execute("DELETE FROM plain WHERE id = 'dies'")
    world.up(0)
    world.down(0)
    world.down(1)
    other.execute("UPDATE plain SET a = '2' WHERE id = 'both'")
    world.up(1)
    world.down(1)
    one.execute("UPDATE plain SET n = 7 WHERE id = 'kept'")  # not sent
    world.seal(0)

    world.hub = backup
    fork = fork_of(backup)
    table = backup.schema.tables["plain"]
    world._now_ms += 1_000_000
    world.hub.write(insert(table, id="after", a="restore"))
    for place in (1, 0):
        meet(world, place, fork)
        assert list(tmp_path.glob(f"{place + 1}.before-put-back-*.db"))
    world.sync()
    assert values(world) == {"kept": "new", "lost": "lost", "both": "2", "after": "restore"}
    assert world.hub.alive("plain")["kept",]["n"] == 7
    for device in world.devices:
        assert shown(device, "plain") == world.hub.alive("plain")
        assert device.unsent() == [] and not read_meta(device.engine).reconciling
    world.close()


def test_what_was_written_after_the_restore_counts_more(tmp_path: Path) -> None:
    world = World(tmp_path, TABLES)
    world.hub.marks = True
    app = world.devices[0].app
    app.execute("INSERT INTO plain (id, a) VALUES ('u', 'old'), ('d', 'old'), ('gone', 'same')")
    world.sync()
    backup: MemoryHub = deepcopy(world.hub)
    app.execute("UPDATE plain SET a = 'lost' WHERE id = 'u'")
    app.execute("DELETE FROM plain WHERE id = 'd'")
    world.up(0)
    world.down(0)
    world.hub = backup
    fork = fork_of(backup)
    table = backup.schema.tables["plain"]
    top = max(clock.hlc for clock in backup.clocks.values()) + (1_000_000 << 16)
    id = (backup.xid + 1) << 10
    world.hub.write(update(table, ("u",), a="after"), update(table, ("d",), a="after"))
    backup.clocks[id] = backup.clocks[id]._replace(hlc=top)
    world.hub.write(delete(table, ("gone",)))
    meet(world, 0, fork)
    world.sync()
    assert values(world) == {"u": "after", "d": "after"}
    for device in world.devices:
        assert shown(device, "plain") == world.hub.alive("plain")
    world.close()


NODES = "CREATE TABLE nodes (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES nodes (id));"
NAMED = (
    "CREATE TABLE named (id TEXT PRIMARY KEY NOT NULL, name TEXT);"
    "CREATE UNIQUE INDEX names ON named (name);"
)


def test_rows_come_with_those_that_they_refer_to_or_later(tmp_path: Path) -> None:
    world = World(tmp_path, NODES)
    world.hub.marks = True
    app = world.devices[0].app
    app.execute("INSERT INTO nodes (id) VALUES ('there'), ('dead')")
    app.execute("INSERT INTO nodes (id, parent) VALUES ('dead child', 'dead')")
    world.sync()
    backup: MemoryHub = deepcopy(world.hub)
    app.execute("INSERT INTO nodes (id) VALUES ('a'), ('b'), ('c'), ('d')")
    app.execute("UPDATE nodes SET parent = char(unicode(id) + 1) WHERE id IN ('a', 'b', 'c')")
    app.execute("UPDATE nodes SET parent = 'a' WHERE id = 'there'")
    app.execute("DELETE FROM nodes WHERE id = 'dead child'")
    app.execute("DELETE FROM nodes WHERE id = 'dead'")
    world.sync()
    app.execute("INSERT INTO nodes (id) VALUES ('unsent')")
    app.execute("UPDATE nodes SET parent = 'unsent' WHERE id = 'd'")
    world.hub, fork = backup, fork_of(backup)
    with patch("electricsql.device.restoring.OFFERED_ROWS_MAX", 1):
        meet(world, 0, fork)
    assert world.hub._refused == []
    parents = {key[0]: row["parent"] for key, row in world.hub.alive("nodes").items()}
    expected = {"a": "b", "b": "c", "c": "d", "d": "unsent", "unsent": None, "there": "a"}
    assert parents == expected
    world.close()


def test_what_is_refused_takes_only_its_piece_to_the_quarantine(tmp_path: Path) -> None:
    world = World(tmp_path, NAMED)
    world.hub.marks = True
    app = world.devices[0].app
    world.sync()
    backup: MemoryHub = deepcopy(world.hub)
    app.executemany("INSERT INTO named (id, name) VALUES (?, ?)", [(str(n), n) for n in range(9)])
    world.sync()
    world.hub, fork = backup, fork_of(backup)
    world._now_ms += 1_000_000
    table = backup.schema.tables["named"]
    world.hub.write(insert(table, id="after", name="4"))
    with patch("electricsql.device.restoring.OFFERED_ROWS_MAX", 3):
        meet(world, 0, fork)
    world.sync()
    assert len(world.hub._refused) == 1
    names = {key[0]: row["name"] for key, row in world.hub.alive("named").items()}
    assert set(names) == {*"012678", "after"}
    assert shown(world.devices[0], "named") == world.hub.alive("named")
    world.close()
