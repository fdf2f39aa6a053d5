"""What a hub comes to that devices of several versions write, and clients directly, is what the
pure rules say of the registers, whatever migrations come in between."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from electricsql.hub import Submitted
from electricsql.lenses import View
from electricsql.replication import Change, Op, RowId, parents_of
from electricsql.schema import Column, ColumnType, Key, Table, Value
from tests.integration.hub.hubs import Device, World, opened
from tests.integration.hub.lensed import APP, VERSIONS
from tests.integration.hub.twin import Twin

pytestmark = pytest.mark.anyio
KEYS: Mapping[int, list[Key]] = {
    1: [(1,), (2,), (3,)],
    2: [(1, "a"), (1, "b"), (2, "a"), (3, "b")],
}
_ITEMS = (
    "INSERT INTO {items} (id, {title}) VALUES ({n}, 'direct') ON CONFLICT (id) DO UPDATE"
    " SET {title} = 'again'",
    "UPDATE {items} SET size = size + 1 WHERE id <= {n}",
    "UPDATE {items} SET {title} = {title} WHERE id <= {n}",
)
_FREE = "DELETE FROM {items} WHERE id = {n}"
_PARTS = (
    "DELETE FROM parts WHERE n < {n}",
    "INSERT INTO parts SELECT id, 'a' FROM {items} ON CONFLICT DO NOTHING",
    "DELETE FROM {items} WHERE id = {n} AND NOT EXISTS (SELECT FROM parts WHERE item = {n})",
)


@dataclass
class Versioned:
    """A device at one version, with its view of the tables, and what it has not yet sent. `view`
    has each row's life and values (None for a tombstone)."""

    device: Device
    version: str
    chance: random.Random
    rows: dict[RowId, tuple[int, Mapping[str, Value] | None]] = field(default_factory=dict)
    unsent: list[Submitted] = field(default_factory=list)

    @property
    def view(self) -> View:
        return self.device.world.versions.view(self.version)

    async def catch_up(self) -> None:
        """See what the hub has. All that was written must be sent before."""
        rows = await self.device.catch_up(self.view)
        self.rows = {
            row_id: (row.incarnation, row.values if row.alive else None)
            for row_id, row in rows.items()
        }

    def write(self) -> None:
        """Seal one transaction of a few changes."""
        changes: dict[RowId, Change] = {}
        tables = list(self.view.schema)
        for _ in range(self.chance.randint(1, 4)):
            table = self.chance.choice(tables)
            width = len(table.primary_key)
            row_id = RowId(table.name, self.chance.choice(KEYS[width]))
            if row_id not in changes and (change := self._change(table, row_id)):
                changes[row_id] = change
                values = {**(self.rows.get(row_id, (0, None))[1] or {}), **change.values}
                gone = change.op is Op.DELETE
                self.rows[row_id] = change.incarnation, None if gone else values
        if changes:
            sealed = self.device.transaction(*changes.values(), version=self.version)
            self.unsent.append(sealed)

    def _change(self, table: Table, row_id: RowId) -> Change | None:
        life, known = self.rows.get(row_id, (0, None))
        rest = [column for column in table.columns if column.name not in table.primary_key]
        if known is None:
            values = {column.name: self._value(column) for column in rest}
            values |= zip(table.primary_key, row_id.key, strict=True)
            if not all(self.rows.get(p, (0, None))[1] for p in parents_of(table, values)):
                return None
            return Change(table.name, Op.INSERT, row_id.key, values, life + 1)
        if self.chance.random() < 0.4:
            needed = {parent for id in self.rows for parent in self._parents(id)}
            is_free = row_id not in needed
            return Change(table.name, Op.DELETE, row_id.key, {}, life) if is_free else None
        column = self.chance.choice(rest)
        values = {column.name: self._value(column)}
        return Change(table.name, Op.UPDATE, row_id.key, values, life)

    def _parents(self, row_id: RowId) -> list[RowId]:
        table, values = self.view.schema.tables.get(row_id.table), self.rows[row_id][1]
        return list(parents_of(table, values)) if table and values else []

    def _value(self, column: Column) -> Value:
        if column.type is ColumnType.INTEGER:
            return self.chance.randint(0, 3)
        return self.chance.choice(["x", "y", column.default_value or "z"])


def _direct(applied: int, chance: random.Random) -> list[str]:
    """Statements of a client's transaction, when so many migrations are applied."""
    may = [*_ITEMS, *(_PARTS if applied < 4 else (_FREE,))]
    items, title = ("things" if applied > 2 else "items"), ("name" if applied > 1 else "title")
    return [
        sql.format(items=items, title=title, n=chance.randint(1, 4))
        for sql in chance.sample(may, chance.randint(1, 3))
    ]


async def _history(world: World, chance: random.Random, rounds: int) -> None:
    """Devices write offline; now and then one sends all it has, a client writes, or there is a
    migration. Some devices follow that; some come with it."""
    twin, applied = Twin(world), 1
    writers = [Versioned(await world.device(n), VERSIONS[0], chance) for n in "abcd"]
    for at in range(rounds):
        for writer in writers:
            for _ in range(chance.randint(0, 2)):
                writer.write()
        if chance.random() < 0.4:
            await twin.transaction(*_direct(applied, chance))
            await twin.check()
        if at % (rounds // len(APP)) == rounds // len(APP) - 1 and applied < len(APP):
            applied += 1
            await twin.migrate(*APP[:applied])
            await twin.check()
        sending = chance.sample(writers, chance.randint(1, 2))
        if batch := [transaction for writer in sending for transaction in writer.unsent]:
            await twin.merge(*batch)
            await twin.check()
        for writer in sending:
            writer.unsent.clear()
            if chance.random() < 0.7:
                newest = VERSIONS.index(writer.version) if chance.random() < 0.5 else applied - 1
                writer.version = VERSIONS[newest]
                await writer.catch_up()


@pytest.mark.parametrize("seed", range(3))
async def test_random_histories(any_database: str, seed: int) -> None:
    async with opened(any_database, APP[0]) as world:
        await _history(world, random.Random(seed), 60)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 120))
async def test_long_random_histories(any_database: str, seed: int) -> None:
    async with opened(any_database, APP[0]) as world:
        await _history(world, random.Random(seed), 200)
