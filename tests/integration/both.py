"""A device's file and a hub, both real, without the network between them.

What one has committed is brought to the other in the frames that a service would send; each call is
one step, and nothing happens by itself.
"""

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from electricsql.device.file import connect, prepare
from electricsql.device.replica import Replica
from electricsql.hub import Claim, Source, Submitted
from electricsql.hub.values import finish, wire
from electricsql.migrations import build, bundled, make_bundle
from electricsql.protocol import DeltaPart, decode_down, read_transaction, unfold_transaction
from electricsql.replication import Cursor
from electricsql.schema import Column, Schema, Scratch, Table, Value, postgres_literal, quote
from electricsql.service.parts import Answer, EncodedDelta, encode_part, migration_frames
from tests.integration.hub.hubs import World
from tests.integration.hub.hubs import opened as opened_hub

Rows = dict[str, list[tuple[Value, ...]]]
"""The rows of each table, in some order that is always the same."""

_MADE: Final = (
    "SELECT sql FROM sqlite_schema WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    " AND tbl_name = ? ORDER BY rowid"
)


class Both:
    """The two, and the schema that they have."""

    def __init__(self, path: Path, world: World) -> None:
        self.world = world
        self.schema = world.schema
        self.app = connect(path)
        self.app.execute("PRAGMA synchronous = OFF")
        self._replica = Replica(path)

    def close(self) -> None:
        self._replica.close()
        self.app.close()

    async def upload(self) -> None:
        """Have the hub merge what the device has written."""
        hub = self.world.hub
        place = await hub.register(self._replica.opened().device, self._claim())
        for number in range(place.acknowledged + 1, self._replica.seal(_now_ms()) + 1):
            encoded = self._replica.load(number)
            frame = read_transaction(encoded)
            tables = (await hub.schema_at(frame.schema_version)).tables
            sealed = unfold_transaction(frame, tables)
            await hub.merge([Submitted(place.origin, sealed, encoded, place.session)])

    async def download(self) -> None:
        """Have the device apply what is new at the hub."""
        opened = self._replica.opened()
        cursor = self._claim().cursor
        place = await self.world.hub.register(opened.device, self._claim())
        self._replica.place(place.origin)
        async with self.world.hub.reading() as reading:
            migrations = migration_frames(await reading.migrations_since(cursor))
            view = reading.versions.view(self.schema.version)
            parts = [encode_part(view.get(part)) async for part in reading.parts_since(cursor)]
            refused = await reading.refused_since([place.origin], cursor)
            delta = EncodedDelta(reading.cursor, cursor is None, migrations, parts)
        answer = Answer.of(place.acknowledged, refused.get(place.origin, ()))
        *earlier, last = map(_part, delta.frames(place.origin, answer))
        for part in earlier:
            self._replica.stage(part)
        self._replica.apply(last, _now_ms())

    def _claim(self) -> Claim:
        cursor = self._replica.opened().cursor
        return Claim(Cursor.parse(cursor) if cursor is not None else None)

    def on_the_device(self) -> Rows:
        """What the app reads."""
        return {
            table.name: _in_order(self.app.execute(f"SELECT {_columns(table)} FROM {_name(table)}"))
            for table in self.schema
        }

    async def in_postgres(self) -> Rows:
        """What a client reads, as a device would have it."""
        rows: Rows = {table.name: [] for table in self.schema}
        for row_id, values in (await self.world.tables()).items():
            names = _named(self.schema.tables[row_id.table])
            rows[row_id.table].append(tuple(values[name] for name in names))
        return {name: _in_order(some) for name, some in rows.items()}

    def computed_on_the_device(self) -> Rows:
        """Keys and generated columns."""
        return {
            table.name: _in_order(
                self.app.execute(f"SELECT {_list(computed)} FROM {_name(table)}").fetchall()
            )
            for table, computed in _computed(self.schema)
        }

    async def computed_in_postgres(self) -> Rows:
        """The same in Postgres, as a device would have it."""
        rows: Rows = {}
        for table, computed in _computed(self.schema):
            wired = ", ".join(wire(column, quote(column.name)) for column in computed)
            records = await self.world.client.fetch(f"SELECT {wired} FROM {_name(table)}")
            columns = [
                finish(*each) for each in zip(computed, zip(*records, strict=True), strict=False)
            ]
            rows[table.name] = _in_order(zip(*columns, strict=True))
        return rows

    async def write_in_postgres(self, rows: Rows) -> None:
        """What a client writes: these rows."""
        inserts = [
            f"INSERT INTO {_name(table)} ({_columns(table)}) VALUES ({_literals(table, row)});"
            for table in self.schema
            for row in rows[table.name]
        ]
        await self.world.client.execute("BEGIN;" + "".join(inserts) + "COMMIT")

    async def empty_in_postgres(self) -> None:
        """A client deletes all rows."""
        deletes = [f"DELETE FROM {_name(table)};" for table in self.schema]
        await self.world.client.execute("BEGIN;" + "".join(deletes) + "COMMIT")

    def device_schema(self) -> Schema:
        """What the file itself says that its tables are."""
        scratch = Scratch()
        with closing(scratch):
            for table in self.schema:
                for (sql,) in self.app.execute(_MADE, (table.name,)).fetchall():
                    scratch.run(sql)
            return scratch.schema()


@asynccontextmanager
async def opened(url: str, path: Path, sources: Sequence[Source]) -> AsyncIterator[Both]:
    """A hub with all these migrations, and a device that lacks the last one yet, if that is one
    which it can follow."""
    built = build(sources)
    *earlier, newest = built.migrations
    known = earlier if newest.additive else built.migrations
    with closing(connect(path)) as app:
        prepare(path, app, make_bundle("test", "local", map(bundled, known)))
    async with opened_hub(url) as world:
        await world.hub.migrate(sources)
        world.schema = built.schema
        both = Both(path, world)
        try:
            await both.download()
            yield both
        finally:
            both.close()


def _computed(schema: Schema) -> Iterator[tuple[Table, list[Column]]]:
    """The tables that have generated columns, with these behind their keys."""
    for table in schema:
        if table.generated:
            yield table, [*(table.by_name[key] for key in table.primary_key), *table.generated]


def _list(columns: Iterable[Column]) -> str:
    return ", ".join(quote(column.name) for column in columns)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _part(data: bytes) -> DeltaPart:
    frame = decode_down(data)
    assert isinstance(frame, DeltaPart)
    return frame


def _in_order(rows: Iterable[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
    return sorted(rows, key=repr)


def _name(table: Table) -> str:
    return quote(table.name)


def _named(table: Table) -> list[str]:
    """The columns that somebody writes."""
    return list(table.column_names)


def _columns(table: Table) -> str:
    return ", ".join(map(quote, _named(table)))


def _literals(table: Table, row: Iterable[Value]) -> str:
    types = [table.by_name[name].type for name in _named(table)]
    return ", ".join(map(postgres_literal, row, types))
