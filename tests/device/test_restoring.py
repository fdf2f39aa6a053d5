"""A hub restored from an older backup: what it lost, and some device still has, comes back."""

from copy import deepcopy
from pathlib import Path

from electricsql.device.meta import read_meta
from electricsql.device.restoring import give_back
from electricsql.replication import Fork
from tests.device.hubs import MemoryHub, delete, insert, update
from tests.device.test_receiving import TABLES
from tests.device.worlds import World, shown

HLC_MAX = 1 << 62


def meet(world: World, place: int, fork: Fork) -> None:
    one = world.devices[place]
    give_back(one.path, one.engine, one.schemas, fork, world._now_ms)
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
