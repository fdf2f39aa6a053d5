"""Versions of one application write and read one hub: what a newer one has renamed, dropped and
added is the same row to all of them, directly in Postgres too."""

from collections.abc import Iterator

import pytest

from electricsql.hub import Source, migrating
from electricsql.lenses import Added, Dropped, Kept, Lens, TableLens, column_uid
from electricsql.migrations import Build, BuiltMigration, build, schema_of
from electricsql.migrations.source import statements
from electricsql.replication import Change, Part, Transaction
from electricsql.schema import Difference, Value
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
        nothing = Difference((), (), (), ())
        schema = schema_of(texts, source.name)
        table = next(iter(built[0].schema))
        schema = type(schema)(
            {name: each for name, each in schema.tables.items()}, schema.version
        )
        lens = Lens((LENSES[source.name],))
        built.append(BuiltMigration(source, schema, nothing, mine, postgres, lens, False))
    return Build(tuple(built))


@pytest.fixture(autouse=True)
def _hand_built(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(migrating, "build", hand_built)
    yield


class Versioned:
    """A device that stays at one version."""

    def __init__(self, device: Device, version: str) -> None:
        self.device = device
        self.version = version

    async def write(self, *changes: Change) -> None:
        submitted = self.device.transaction(*changes)
        written = submitted.transaction
        written = Transaction(
            *(written.number, written.hlc, written.cursor, self.version, changes)
        )
        from dataclasses import replace

        await self.device.world.hub.merge([replace(submitted, transaction=written)])

    async def catch_up(self) -> dict[str, dict[str, Value]]:
        """What it shows, having received everything."""
        hub = self.device.world.hub
        shown: dict[str, dict[str, Value]] = {}
        async with hub.reading() as reading:
            view = reading.versions.view(self.version)
            parts: list[Part] = [view.get(part) async for part in reading.parts_since(None)]
            self.device.cursor = reading.cursor
        for part in parts:
            self.device.world.clocks.update(part.clocks)
            for block in part.blocks:
                for key, row in block.rows(view.schema.tables[block.table]):
                    if row.alive:
                        shown[str(key[0])] = dict(row.values)
        self.device.hlc = max(
            [self.device.hlc, *(clock.hlc for clock in self.device.world.clocks.values())]
        )
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
