"""Hubs to test: opened on a database, with a schema, and their rows as the pure rules know them."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from electricsql.hub import Hub, Source, Submitted
from electricsql.hub.capture import user_table
from electricsql.hub.lineages import Versions
from electricsql.hub.values import finish, wire
from electricsql.lenses import View
from electricsql.replication import (
    Change,
    Clock,
    Cursor,
    Op,
    Row,
    RowId,
    Transaction,
    hlc_at,
)
from electricsql.schema import Schema, Value, quote

Rows = dict[RowId, Row]
Tables = dict[RowId, Mapping[str, Value]]


def sources(*texts: str) -> list[Source]:
    """Migrations with these texts, in order."""
    return [Source(f"2024010{n}000000000_m", "m", text) for n, text in enumerate(texts, 1)]


@dataclass
class World:
    """A hub, a client that writes directly, and a cursor from before the first row."""

    url: str
    hub: Hub
    schema: Schema
    client: "asyncpg.Connection[asyncpg.Record]"
    start: Cursor
    clocks: dict[int, Clock] = field(default_factory=dict)
    """Of all transactions that a row mentioned so far."""
    versions: Versions = field(default_factory=lambda: Versions((), ()))
    """What the schema is the base of."""

    async def migrate(self, *texts: str) -> None:
        """Apply those of these migrations that are new."""
        await self.hub.migrate(sources(*texts))
        async with self.hub.reading() as reading:
            self.schema, self.versions = reading.schema, reading.versions

    async def cursor(self) -> Cursor:
        async with self.hub.reading() as reading:
            return reading.cursor

    async def rows(self, since: Cursor | None = None) -> Rows:
        """The rows and tombstones that changed since a cursor; all there are."""
        return (await self.look(since))[0]

    async def look(
        self, since: Cursor | None = None, view: View | None = None
    ) -> tuple[Rows, Cursor]:
        """The same, and the cursor that they are at; as a version has them."""
        schema = self.schema if view is None else view.schema
        async with self.hub.reading() as reading:
            rows: Rows = {}
            async for part in reading.parts_since(since, view=view):
                self.clocks.update(part.clocks)
                for block in (part if view is None else view.get(part)).blocks:
                    for key, row in block.rows(schema.tables[block.table]):
                        assert RowId(block.table, key) not in rows, "a row comes once"
                        rows[RowId(block.table, key)] = plain(row)
            return rows, reading.cursor

    async def tables(self) -> Tables:
        """What a client sees in the tables, in wire values."""
        tables: Tables = {}
        for table in self.schema:
            wired = ", ".join(wire(c, f"u.{quote(c.name)}") for c in table.visible)
            records = await self.client.fetch(f"SELECT {wired} FROM {user_table(table)} u")
            columns = zip(table.visible, zip(*records, strict=True), strict=False)
            finished = [finish(column, values) for column, values in columns]
            names = [column.name for column in table.visible]
            for values in zip(*finished, strict=True):
                named = dict(zip(names, values, strict=True))
                tables[RowId(table.name, table.key_of(named))] = named
        return tables

    async def shown(self) -> Tables:
        """What a device that received everything shows."""
        rows = await self.rows()
        return {row_id: row.values for row_id, row in rows.items() if row.alive}

    async def device(self, name: str = "a") -> "Device":
        registered = await self.hub.register(name)
        return Device(self, registered.origin, registered.acknowledged, session=registered.session)


_START_MS = 1_700_000_000_000
_steps = itertools.cycle([1, 7, 3, 20, 2])


@dataclass
class Device:
    """A device as the hub knows it: it writes with the cursor that it was given last."""

    world: World
    origin: int
    number: int = 0
    cursor: Cursor | None = None
    hlc: int = 0
    session: int = 1

    async def catch_up(self, view: View | None = None) -> Rows:
        """Take a new cursor; gives all rows at it, as a version has them."""
        rows, self.cursor = await self.world.look(view=view)
        self.hlc = max([self.hlc, *(clock.hlc for clock in self.world.clocks.values())])
        return rows

    def transaction(
        self, *changes: Change, hlc: int | None = None, version: str | None = None
    ) -> Submitted:
        """The next transaction, in the newest version if none is said. Its clock is later than all
        that the device knows."""
        self.number += 1
        self.hlc = max(self.hlc, hlc_at(_START_MS)) + next(_steps)
        version = version or self.world.schema.version
        sealed = Transaction(self.number, hlc or self.hlc, self.cursor, version, changes)
        return Submitted(self.origin, sealed, b"encoded", self.session)

    async def write(self, *changes: Change, hlc: int | None = None) -> Submitted:
        """Merge the next transaction."""
        submitted = self.transaction(*changes, hlc=hlc)
        await self.world.hub.merge([submitted])
        return submitted


def insert(table: str, values: Mapping[str, Value], *keys: str, incarnation: int = 1) -> Change:
    """An insert; the key is column `id` unless said otherwise."""
    key = tuple(values[name] for name in keys or ("id",))
    return Change(table, Op.INSERT, key, values, incarnation)


def update(table: str, key: Value, incarnation: int = 1, **values: Value) -> Change:
    return Change(table, Op.UPDATE, (key,), values, incarnation)


def delete(table: str, key: Value, incarnation: int = 1) -> Change:
    return Change(table, Op.DELETE, (key,), {}, incarnation)


def plain(row: Row) -> Row:
    """A row without registers that nobody wrote."""
    return row._replace(writers={name: id for name, id in row.writers.items() if id})


@asynccontextmanager
async def opened(url: str, *migrations: str) -> AsyncIterator[World]:
    """A hub with these migrations."""
    hub = await Hub.open(url, "test", "default")
    client = await asyncpg.connect(url)
    try:
        async with hub.reading() as reading:
            world = World(url, hub, reading.schema, client, reading.cursor)
        await world.migrate(*migrations)
        world.start = await world.cursor()
        yield world
    finally:
        await client.close()
        await hub.close()
