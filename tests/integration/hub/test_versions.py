"""Versions of one application write and read one hub: what a newer one has renamed, dropped and
added is the same row to all of them, directly in Postgres too."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from electricsql.hub import Source, migrating
from electricsql.lenses import Added, Dropped, Kept, Lens, TableLens, column_uid
from electricsql.migrations import Build, BuiltMigration, build, schema_of
from electricsql.migrations.source import statements
from electricsql.replication import Change, Cursor
from electricsql.schema import Difference, Schema, Value
from tests.integration.hub.hubs import Device, World, delete, insert, opened, sources, update

pytestmark = pytest.mark.anyio
FIRST = (
    "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL DEFAULT '', note TEXT,"
    " size REAL);"
)
SECOND = (
    "ALTER TABLE items RENAME COLUMN title TO name; ALTER TABLE items DROP COLUMN note;"
    "ALTER TABLE items ADD COLUMN done BOOLEAN NOT NULL DEFAULT FALSE;"
)
THIRD = "ALTER TABLE items RENAME TO things;"
FOURTH = "DROP TABLE things;"
V1, V2, V3, V4 = (source.name for source in sources(FIRST, SECOND, THIRD, FOURTH))
LENSES = {
    V2: TableLens(
        "items",
        "items",
        columns=(
            *(Kept("id"), Kept("name", "title"), Kept("size")),
            *(Added("done", column_uid(V2, "items", "done")), Dropped("note", "'none'")),
        ),
    ),
    V3: TableLens(
        "things", "items", columns=(Kept("id"), Kept("name"), Kept("size"), Kept("done"))
    ),
    V4: TableLens(was="things"),
}


def hand_built(given: list[Source]) -> Build:
    """Until the build knows lenses."""
    built: list[BuiltMigration] = []
    for n, source in enumerate(given):
        if source.name not in LENSES:
            built.append(build([source]).migrations[0])
            continue
        texts = [s.sql for one in given[: n + 1] for s in statements(one)]
        mine = tuple(s.sql for s in statements(source))
        postgres = () if source.name == V4 else mine
        lens = Lens((LENSES[source.name],))
        schema = schema_of(texts, source.name)
        tables = {name: replace(table, number=1) for name, table in schema.tables.items()}
        nothing = Difference((), (), (), ())
        schema = Schema(tables, source.name)
        built.append(BuiltMigration(source, schema, nothing, mine, postgres, lens, False))
    return Build(tuple(built))


@pytest.fixture(autouse=True)
def _hand_built(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(migrating, "build", hand_built)
    yield


Shown = dict[Value, dict[str, Value]]


@dataclass
class Versioned:
    """A device that stays at one version."""

    device: Device
    version: str

    async def write(self, *changes: Change) -> None:
        submitted = self.device.transaction(*changes)
        written = replace(submitted.transaction, schema_version=self.version)
        await self.device.world.hub.merge([replace(submitted, transaction=written)])

    async def catch_up(self, since: Cursor | None = None) -> Shown:
        """What it shows of the rows that have changed since a cursor; of all."""
        world = self.device.world
        shown: Shown = {}
        async with world.hub.reading() as reading:
            view = reading.versions.view(self.version)
            parts = [view.get(part) async for part in reading.parts_since(since)]
            self.device.cursor = reading.cursor
        for part in parts:
            world.clocks.update(part.clocks)
            for block in part.blocks:
                rows = dict(block.rows(view.schema.tables[block.table]))
                shown |= {key[0]: dict(row.values) for key, row in rows.items() if row.alive}
        self.device.hlc = max([self.device.hlc, *(c.hlc for c in world.clocks.values())])
        return shown


async def versioned(world: World, name: str, version: str) -> Versioned:
    return Versioned(await world.device(name), version)


async def test_a_renamed_and_a_dropped_column(any_database: str) -> None:
    async with opened(any_database, FIRST) as world:
        old = await versioned(world, "old", V1)
        await old.write(
            insert("items", {"id": "a", "title": "A", "note": "n", "size": 1.5}),
            insert("items", {"id": "b", "title": "", "note": None, "size": None}),
        )
        await world.client.execute("INSERT INTO items VALUES ('c', 'C', 'direct', 0.1)")
        await world.hub.migrate(sources(FIRST, SECOND))
        new = await versioned(world, "new", V2)
        assert await new.catch_up() == {
            "a": {"id": "a", "name": "A", "size": 1.5, "done": 0},
            "b": {"id": "b", "name": "", "size": None, "done": 0},
            "c": {"id": "c", "name": "C", "size": 0.1, "done": 0},
        }
        assert (await old.catch_up())["c"] == {
            "id": "c",
            "title": "C",
            "note": "direct",
            "size": 0.1,
        }
        await new.write(
            update("items", "a", name="AA", done=1),
            insert("items", {"id": "d", "name": "D", "size": None, "done": 0}),
        )
        await old.write(update("items", "a", note="nn", size=2.0), delete("items", "b"))
        await world.client.execute("UPDATE items SET size = 3 WHERE id = 'c'")
        await world.client.execute("INSERT INTO items VALUES ('e', 'E', 4, true)")
        assert await new.catch_up() == {
            "a": {"id": "a", "name": "AA", "size": 2.0, "done": 1},
            "c": {"id": "c", "name": "C", "size": 3.0, "done": 0},
            "d": {"id": "d", "name": "D", "size": None, "done": 0},
            "e": {"id": "e", "name": "E", "size": 4.0, "done": 1},
        }
        assert await old.catch_up() == {
            "a": {"id": "a", "title": "AA", "note": "nn", "size": 2.0},
            "c": {"id": "c", "title": "C", "note": "direct", "size": 3.0},
            "d": {"id": "d", "title": "D", "note": "none", "size": None},
            "e": {"id": "e", "title": "E", "note": "none", "size": 4.0},
        }


async def test_direct_deletes_keep_what_is_hidden_and_inserts_forget_it(any_database: str) -> None:
    async with opened(any_database, FIRST) as world:
        old = await versioned(world, "old", V1)
        values = {"title": "t", "note": "n", "size": None}
        await old.write(*(insert("items", {"id": each, **values}) for each in "abcd"))
        await old.catch_up()
        await world.client.execute("DELETE FROM items WHERE id = 'd'")
        await world.hub.migrate(sources(FIRST, SECOND))
        await world.client.execute("DELETE FROM items WHERE id IN ('a', 'b')")
        await world.client.execute("INSERT INTO items (id, name) VALUES ('b', 'new life')")
        await world.client.execute("UPDATE items SET id = 'e' WHERE id = 'c'")
        # It had not observed any of that: its writes bring rows back, with what was hidden.
        await old.write(*(update("items", each, size=1.0) for each in "acd"))
        assert await old.catch_up() == {
            "a": {"id": "a", "title": "t", "note": "n", "size": 1.0},
            "b": {"id": "b", "title": "new life", "note": "none", "size": None},
            "c": {"id": "c", "title": "t", "note": "n", "size": 1.0},
            "d": {"id": "d", "title": "t", "note": "n", "size": 1.0},
            "e": {"id": "e", "title": "t", "note": "none", "size": None},
        }
        await world.client.execute("TRUNCATE items")
        await old.write(update("items", "a", size=2.0))
        assert (await old.catch_up()) == {
            "a": {"id": "a", "title": "t", "note": "n", "size": 2.0},
        }


async def test_a_renamed_table_is_the_same(any_database: str) -> None:
    async with opened(any_database, FIRST) as world:
        old = await versioned(world, "old", V1)
        await old.write(insert("items", {"id": "a", "title": "A", "note": "n", "size": 1.5}))
        await world.client.execute("SET electric.migrating = 'on'")
        await world.client.execute("ALTER TABLE items ADD COLUMN drifted text")
        await world.hub.migrate(sources(FIRST, SECOND, THIRD))
        new = await versioned(world, "new", V3)
        await new.catch_up()
        await old.write(insert("items", {"id": "b", "title": "B", "note": None, "size": None}))
        await new.write(update("things", "a", name="AA"))
        await world.client.execute("UPDATE things SET done = true WHERE id = 'b'")
        assert await old.catch_up() == {
            "a": {"id": "a", "title": "AA", "note": "n", "size": 1.5},
            "b": {"id": "b", "title": "B", "note": None, "size": None},
        }
        assert await new.catch_up() == {
            "a": {"id": "a", "name": "AA", "size": 1.5, "done": 0},
            "b": {"id": "b", "name": "B", "size": None, "done": 1},
        }
        (drift,) = (await world.hub.status()).drift
        assert (drift.table, "drifted" in drift.problem) == ("things", True)


async def test_a_dropped_table_is_there_for_old_devices(any_database: str) -> None:
    async with opened(any_database, FIRST) as world:
        one, other = await versioned(world, "one", V1), await versioned(world, "other", V1)
        await one.write(insert("items", {"id": "a", "title": "A", "note": "n", "size": 1.5}))
        await world.client.execute("CREATE UNIQUE INDEX theirs ON items (title)")
        await world.hub.migrate(sources(FIRST, SECOND, THIRD, FOURTH))
        assert await world.client.fetchval("SELECT to_regclass('things')") is None
        await one.write(insert("items", {"id": "b", "title": "A", "note": None, "size": None}))
        await other.catch_up()
        await other.write(update("items", "a", title="AA"))
        assert await other.catch_up() == {
            "a": {"id": "a", "title": "AA", "note": "n", "size": 1.5},
            "b": {"id": "b", "title": "A", "note": None, "size": None},
        }
        await other.write(delete("items", "a"))
        assert set(await one.catch_up()) == {"b"}
        new = await versioned(world, "new", V4)
        assert await new.catch_up() == {}
        status = await world.hub.status()
        assert (status.drift, status.quarantined) == ((), 0)


async def test_a_plan_hides_nothing(any_database: str) -> None:
    async with opened(any_database, FIRST) as world:
        await world.client.execute("INSERT INTO items VALUES ('a', 'A', 'n', 1)")
        assert (await world.hub.plan(sources(FIRST, SECOND, THIRD, FOURTH))).pending == (V2, V3, V4)
        assert await world.client.fetchval("SELECT note FROM items") == "n"
        assert await world.client.fetchval("SELECT kept FROM electric.shadow_1") is None
