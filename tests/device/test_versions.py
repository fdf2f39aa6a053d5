"""Devices at several versions of an app, upgraded in the middle of anything: all come to the same.

The hub is in memory, and knows all versions from the start; files, migrations and lenses are real.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from electricsql.device.file import connect, prepare
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.replica import Replica
from electricsql.lenses import Lineage, View
from electricsql.migrations import Build, build, bundled, make_bundle
from electricsql.protocol import (
    Acknowledged,
    DeltaPart,
    decode_block,
    decode_transaction,
    encode_block,
)
from electricsql.replication import Part
from electricsql.schema import Key, Value
from tests.device.files import NOW_MS, DeviceFile, sources
from tests.device.hubs import MemoryHub, delete, insert, update

MIGRATIONS = (
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, a TEXT, n INTEGER DEFAULT 0);"
    "CREATE TABLE drafts (id TEXT PRIMARY KEY NOT NULL, t TEXT)",
    "ALTER TABLE notes RENAME COLUMN a TO b;"
    "-- @drop notes.n\n"
    "ALTER TABLE notes DROP COLUMN n;"
    "ALTER TABLE notes ADD COLUMN s INTEGER NOT NULL DEFAULT 5",
    "ALTER TABLE notes RENAME TO pages;\n-- @drop drafts\nDROP TABLE drafts;"
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, n TEXT)",
)
ALWAYS = (
    "DELETE FROM {table} WHERE id = '{id}'",
    "REPLACE INTO {table} (id) VALUES ('{id}')",
    "INSERT OR IGNORE INTO {table} (id, {text}) VALUES ('{id}', '{value}')",
    "UPDATE {table} SET {text} = '{value}' WHERE id = '{id}'",
    "UPDATE {table} SET {number} = {count} WHERE id = '{id}'",
)
DRAFTS = (
    "REPLACE INTO drafts VALUES ('{id}', '{value}')",
    "UPDATE drafts SET t = '{value}'",
    "DELETE FROM drafts WHERE id = '{id}'",
)
NAMES = (
    {"table": "notes", "text": "a", "number": "n"},
    {"table": "notes", "text": "b", "number": "s"},
    {"table": "pages", "text": "b", "number": "s"},
)
OTHERS = (DRAFTS, DRAFTS, ("REPLACE INTO notes VALUES ('{id}', '{value}')",))
DEVICES = 3


@cache
def built() -> Build:
    return build(sources(*MIGRATIONS))


class Away:
    """A device, at a version that the world may raise."""

    def __init__(self, path: Path, origin: int, version: int) -> None:
        self.origin, self.version = origin, version
        self.file = DeviceFile(path, *MIGRATIONS[:version])
        self.replica = Replica(path)
        for database in (self.file.app, self.file.engine):
            database.execute("PRAGMA synchronous = OFF")
        write_meta(self.file.engine, origin=origin)

    def close(self) -> None:
        self.replica.close()
        self.file.close()

    def write(self, random: Random) -> None:
        said = {
            **NAMES[self.version - 1],
            "id": random.choice("pq"),
            "value": random.choice("xyz"),
            "count": random.randint(4, 6),
        }
        templates = OTHERS[self.version - 1] if random.random() < 0.3 else ALWAYS
        with suppress(sqlite3.IntegrityError):
            self.file.app.execute(random.choice(templates).format(**said))
        self.file.app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")

    def upgrade(self, version: int) -> None:
        """The newer app opens the file, with a connection of its own."""
        self.version = version
        app = make_bundle("shop", "local", map(bundled, built().migrations[:version]))
        self.file.app.close()
        self.file.app = connect(self.file.path)
        self.file.app.execute("PRAGMA synchronous = OFF")
        prepare(self.file.path, self.file.app, app)


class World:
    """A hub, and devices that come and go."""

    def __init__(self, folder: Path, random: Random) -> None:
        migrations = built().migrations
        self.lineage = Lineage((each.schema, each.lens) for each in migrations)
        self.hub = MemoryHub(self.lineage.base)
        self.devices = [
            Away(folder / f"{origin}.db", origin, random.randint(1, len(migrations)))
            for origin in range(1, DEVICES + 1)
        ]
        self._sent = dict.fromkeys(range(1, DEVICES + 1), 0)
        self._now_ms = NOW_MS

    def view(self, away: Away) -> View:
        return self.lineage.view(built().migrations[away.version - 1].source.name)

    def seal(self, away: Away) -> None:
        self._now_ms += 1
        away.replica.seal(self._now_ms)

    def exchange(self, away: Away, count: int = 1 << 30) -> None:
        """A connection: so many transactions up; and all that is new down, if it may come."""
        self.seal(away)
        opened = away.replica.opened()
        last = opened.older or opened.sealed
        first = self._sent[away.origin] + 1
        for number in range(first, min(last, first + count - 1) + 1):
            self._receive(away, number)
        if opened.older:
            away.replica.acknowledge(Acknowledged(self._sent[away.origin]))
            assert bool(away.replica.opened().older) is (self._sent[away.origin] < opened.older)
        else:
            self._send(away, whole=opened.wants_all)

    def _receive(self, away: Away, number: int) -> None:
        data, transaction = away.replica.load(number), None
        for migration in built().migrations[: away.version]:
            with suppress(Exception):
                found = decode_transaction(data, migration.schema.tables)
                if found.schema_version == migration.source.name:
                    transaction = found
        assert transaction is not None
        put = self.lineage.view(transaction.schema_version).put(transaction)
        assert self.hub.receive(away.origin, put) is None
        self._sent[away.origin] = number

    def _send(self, away: Away, *, whole: bool) -> None:
        cursor = None if whole else read_meta(away.file.engine).cursor
        earlier, last = self.hub.delta(away.origin, cursor, 2)
        view = self.view(away)
        with patch("electricsql.device.ready.IN_PLACE_ROWS_MAX", self.hub.xid % 2 * 100):
            for part in earlier:
                away.replica.stage(_translated(part, view))
                deque(away.replica.get_ready(self._now_ms), maxlen=0)
            last = _translated(last, view)
            deque(away.replica.get_ready(self._now_ms, last), maxlen=0)
            away.replica.apply(last, self._now_ms)

    def direct(self, random: Random) -> None:
        pages = self.lineage.base.tables["pages"]
        id, text = random.choice("pq"), random.choice("xyz")
        if (id,) not in self.hub.alive("pages"):
            self.hub.write(insert(pages, id=id, b=text))
        else:
            change = [delete(pages, (id,)), update(pages, (id,), b=text), update(pages, (id,), s=1)]
            self.hub.write(random.choice(change))

    def expected(self, away: Away, table: str) -> dict[Key, dict[str, Value]]:
        """What the hub shows of a table to a version."""
        view = self.view(away).base_of(table)
        name = view.base.name if view is not None else table
        rows = self.hub.alive(name)
        if view is None:
            return rows
        shown = {column.name: column for column in view.columns}
        return {
            key: {
                name: column.for_null if row[column.register] is None else row[column.register]
                for name, column in shown.items()
            }
            for key, row in rows.items()
        }

    def check(self) -> None:
        """All have exchanged everything."""
        for _ in range(3):
            for away in self.devices:
                self.exchange(away)
        for away in self.devices:
            self.exchange(away)
            for table in away.file.schema:
                rows = away.file.rows(table.name)
                named = [dict(zip(table.column_names, row, strict=True)) for row in rows]
                found = {table.key_of(row): row for row in named}
                assert found == self.expected(away, table.name), table.name


def _translated(part: DeltaPart, view: View) -> DeltaPart:
    blocks = view.get(Part(list(map(decode_block, part.blocks)))).blocks
    return replace(part, blocks=tuple(map(encode_block, blocks)), staged=None)


@contextmanager
def world_of(random: Random) -> Iterator[World]:
    with TemporaryDirectory() as folder:
        world = World(Path(folder), random)
        try:
            yield world
        finally:
            for away in world.devices:
                away.close()


def play(world: World, random: Random, steps: Sequence[int]) -> None:
    for step in steps:
        away = world.devices[step % DEVICES]
        match step // DEVICES % 8:
            case 0 | 1 | 2 | 3:
                away.write(random)
                if random.random() < 0.7:
                    world.seal(away)
            case 4 | 5:
                world.exchange(away, random.randint(0, 2))
            case 6:
                world.direct(random)
            case _:
                away.upgrade(random.randint(away.version, len(MIGRATIONS)))


@settings(max_examples=25)
@given(st.integers(0, 1 << 32), st.integers(10, 60))
def test_all_versions_come_to_the_same_whenever_who_is_upgraded(seed: int, count: int) -> None:
    random = Random(seed)
    with world_of(random) as world:
        play(world, random, [random.randrange(8 * DEVICES) for _ in range(count)])
        world.check()
        for away in world.devices:
            away.upgrade(len(MIGRATIONS))
        world.check()
