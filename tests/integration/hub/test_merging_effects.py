"""What merging does to other rows, and what users' triggers do to what is merged."""

import pytest

from electricsql.replication import Op, RowId, is_direct
from tests.integration.hub.hubs import Device, Rows, World, delete, insert, opened, update

pytestmark = pytest.mark.anyio
FAMILY = """
CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT);
CREATE TABLE children (
    id TEXT PRIMARY KEY NOT NULL, parent TEXT NOT NULL REFERENCES parents, size INTEGER DEFAULT 0
);
CREATE TABLE log (id TEXT PRIMARY KEY NOT NULL, what TEXT);
"""
PARENT, CHILD = RowId("parents", ("p",)), RowId("children", ("c",))


async def _two_with_a_parent(world: World) -> tuple[Device, Device]:
    """Two devices that have a parent without children."""
    a, b = await world.device("a"), await world.device("b")
    await a.write(insert("parents", {"id": "p", "name": "Pa"}))
    await a.catch_up()
    await b.catch_up()
    return a, b


async def test_a_parent_stays_when_a_child_came_meanwhile(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        a, b = await _two_with_a_parent(world)
        await a.write(insert("children", {"id": "c", "parent": "p", "size": 0}))
        assert b.cursor
        await b.write(delete("parents", "p"))
        news = await world.rows(b.cursor)
        assert news[PARENT].alive
        assert is_direct(news[PARENT].touched)
        assert (await world.tables()).keys() == {PARENT, CHILD}


async def test_a_child_brings_back_the_parent_that_was_deleted_meanwhile(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        a, b = await _two_with_a_parent(world)
        await b.write(delete("parents", "p"))
        await a.write(insert("children", {"id": "c", "parent": "p", "size": 0}))
        assert (await world.tables())[PARENT] == {"id": "p", "name": "Pa"}
        await world.client.execute("DELETE FROM children; DELETE FROM parents")
        await b.write(insert("children", {"id": "d", "parent": "p", "size": 0}))
        assert (await world.tables()).keys() == {PARENT, RowId("children", ("d",))}


async def _with_trigger(world: World, when: str, body: str) -> None:
    await world.client.execute(
        f"CREATE FUNCTION effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
        f"CREATE TRIGGER effect {when} FOR EACH ROW EXECUTE FUNCTION effect()"
    )


async def _news_for(world: World, device: Device) -> Rows:
    """What a device is sent: not what it made itself."""
    async with world.hub.reading() as reading:
        return {
            RowId(block.table, key): row
            async for part in reading.parts_since(device.cursor)
            for block in part.blocks
            if block.author != device.origin
            for key, row in block.rows(world.schema.tables[block.table])
        }


BEFORE = "BEFORE INSERT OR UPDATE ON children"
AFTER = "AFTER INSERT OR UPDATE ON children"
EFFECTS = {
    "changes values": (BEFORE, "NEW.size = NEW.size + 100; RETURN NEW;"),
    "drops the row": (BEFORE, "IF NEW.size = 3 THEN RETURN NULL; END IF; RETURN NEW;"),
    "keeps the old row": (
        "BEFORE UPDATE ON children",
        "IF NEW.size = 3 THEN RETURN OLD; END IF; RETURN NEW;",
    ),
    "forbids deletes silently": ("BEFORE DELETE ON children", "RETURN NULL;"),
    "updates the row": (AFTER, "UPDATE children SET size = 9 WHERE size = 3; RETURN NULL;"),
    "deletes the row": (AFTER, "DELETE FROM children WHERE size = 3; RETURN NULL;"),
    "brings the row back": (
        "AFTER DELETE ON children",
        "INSERT INTO children VALUES (OLD.id, 'p', 7); RETURN NULL;",
    ),
    "writes elsewhere": (
        AFTER,
        "INSERT INTO log VALUES (NEW.id, NEW.size) ON CONFLICT (id) DO UPDATE"
        " SET what = excluded.what; RETURN NULL;",
    ),
}


@pytest.mark.parametrize("effect", EFFECTS)
async def test_effects_of_users_triggers_reach_all_devices(any_database: str, effect: str) -> None:
    async with opened(any_database, FAMILY) as world:
        a, _ = await _two_with_a_parent(world)
        await _with_trigger(world, *EFFECTS[effect])
        view = await world.shown()
        for changes in (
            [insert("children", {"id": str(n), "parent": "p", "size": n}) for n in range(5)],
            [update("children", "1", size=3), update("children", "2", size=2)],
            [delete("children", "1")],
        ):
            meant = [change for change in changes if RowId(change.table, change.key) in view]
            await a.write(*(meant or changes))
            for change in meant or changes:
                row_id = RowId(change.table, change.key)
                view[row_id] = {**view.get(row_id, {}), **change.values}
                if change.op is Op.DELETE:
                    del view[row_id]
            for row_id, row in (await _news_for(world, a)).items():
                view[row_id] = row.values
                if not row.alive:
                    del view[row_id]
            assert view == await world.tables() == await world.shown()
            await a.catch_up()
