"""Deltas that meet unsent changes: the file shows what the hub will hold when it gets them.

The twin merges the unsent transactions into the hub's rows as the hub itself does.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from electricsql.device.apply import apply_delta
from electricsql.device.meta import read_meta, write_meta
from electricsql.replication import UNSENT, Change, Incoming, Row, RowId, merge
from electricsql.schema import Key, Value
from tests.device.files import NOW_MS, DeviceFile
from tests.device.hubs import MemoryHub, alive, delete, insert, update

TABLES = (
    "CREATE TABLE plain (id TEXT PRIMARY KEY NOT NULL, a TEXT, n INTEGER DEFAULT 0);"
    "CREATE TABLE pairs (b INTEGER NOT NULL, id TEXT NOT NULL, a TEXT, n INTEGER DEFAULT 0,"
    " PRIMARY KEY (id, b)) STRICT, WITHOUT ROWID"
)
DEVICES = 2


class World:
    """A hub and some devices."""

    def __init__(self, folder: Path, ddl: str) -> None:
        self.devices = [DeviceFile(folder / f"{n}.db", ddl) for n in range(1, DEVICES + 1)]
        for origin, one in enumerate(self.devices, start=1):
            one.app.execute("PRAGMA synchronous = OFF")
            one.engine.execute("PRAGMA synchronous = OFF")
            write_meta(one.engine, origin=origin)
        self.hub = MemoryHub(self.devices[0].schema)
        self.sent = [0] * DEVICES
        self.now_ms = NOW_MS

    def close(self) -> None:
        for one in self.devices:
            one.close()

    def seal(self, place: int) -> None:
        self.now_ms += 1
        self.devices[place].app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")
        self.devices[place].seal(self.now_ms)

    def up(self, place: int, count: int) -> None:
        """Upload the next transactions."""
        self.seal(place)
        for sealed in self.devices[place].unsent(self.sent[place])[:count]:
            self.hub.receive(place + 1, sealed.transaction())
            self.sent[place] = sealed.number

    def down(self, place: int, *, whole: bool = False) -> None:
        """Apply the delta since the last one."""
        one = self.devices[place]
        cursor = None if whole else read_meta(one.engine).cursor
        delta = self.hub.delta(place + 1, cursor)
        apply_delta(one.engine, one.schemas, delta, self.now_ms)

    def expected(self, place: int) -> dict[RowId, Row | None]:
        """What the hub would hold if it got this device's unsent transactions now."""
        rows = dict(self.hub.rows)
        for sealed in self.devices[place].unsent():
            transaction = sealed.transaction()
            author = self.hub.author(place + 1, transaction, UNSENT + transaction.number)
            rows |= merge(self.hub.schema, rows, [Incoming(transaction, author)]).rows
        self.hub.clocks = {id: clock for id, clock in self.hub.clocks.items() if id < UNSENT}
        return rows

    def synced(self) -> None:
        """Everybody sends everything, and receives everything."""
        for _ in range(2):
            for place in range(DEVICES):
                self.up(place, len(self.devices[place].app.execute(UNACKNOWLEDGED).fetchall()))
            for place in range(DEVICES):
                self.down(place)


UNACKNOWLEDGED = "SELECT seq FROM _electric_oplog"


def shown(one: DeviceFile, table: str) -> dict[Key, dict[str, Value]]:
    """A table of the file."""
    described = one.schema.tables[table]
    rows = (dict(zip(described.column_names, row, strict=True)) for row in one.rows(table))
    return {described.key_of(row): row for row in rows}


tables = st.sampled_from(["plain", "pairs"])
ids = st.sampled_from(["p", "p", "q"])
texts = st.sampled_from(["x", "y", None])
numbers = st.integers(0, 2)
KEYED = "(b, id, a, n) VALUES (1, ?, ?, ?)"
writes = st.one_of(
    st.tuples(st.just("REPLACE INTO {0} {1}"), ids, texts, numbers),
    st.tuples(
        st.just("INSERT INTO {0} {1} ON CONFLICT DO UPDATE SET a = excluded.a"), ids, texts, numbers
    ),
    st.tuples(st.just("UPDATE {0} SET a = ?2, n = n + ?3 WHERE id = ?1"), ids, texts, numbers),
    st.tuples(st.just("DELETE FROM {0} WHERE id = ?1 OR a = ?2 OR ?3 = 9"), ids, texts, numbers),
)
Write = tuple[str, str, str | None, int]
Step = tuple[str, int, Sequence[Write]]
steps = st.tuples(
    st.sampled_from(["write"] * 3 + ["direct"] * 2 + ["up"] * 2 + ["down"] * 3 + ["whole"]),
    st.integers(0, DEVICES - 1),
    st.lists(writes, min_size=1, max_size=2),
)


def play(world: World, table: str, step: Step) -> None:
    kind, place, written = step
    match kind:
        case "write":
            for sql, *values in written:
                columns = KEYED if table == "pairs" else KEYED.replace("b, ", "").replace("1, ", "")
                world.devices[place].app.execute(sql.format(table, columns), values)
            world.seal(place)
        case "direct":
            world.hub.write(*direct(world, table, written))
        case "up":
            world.up(place, len(written))
        case _:
            world.down(place, whole=kind == "whole")
            rows = world.expected(place)
            assert shown(world.devices[place], table) == alive(rows, table)


def direct(world: World, name: str, written: Sequence[Write]) -> list[Change]:
    """The same kinds of writes, by a Postgres client."""
    table = world.hub.schema.tables[name]
    there = world.hub.alive(name)
    changes: dict[Key, Change] = {}
    for sql, id, text, number in written:
        values: dict[str, Value] = {"id": id, "b": 1, "a": text, "n": number}
        key = table.key_of(values)
        if key not in there:
            named = {column: values[column] for column in table.column_names}
            changes[key] = insert(table, **named)
        elif sql.startswith("DELETE"):
            changes[key] = delete(table, key)
        else:
            changes[key] = update(table, key, a=text)
    return list(changes.values())


@settings(max_examples=200, deadline=None)
@given(tables, st.lists(steps, min_size=8, max_size=24))
def test_a_file_shows_what_the_hub_will_hold(table: str, told: Sequence[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), TABLES)
        try:
            for step in told:
                play(world, table, step)
            world.synced()
            for one in world.devices:
                assert shown(one, table) == world.hub.alive(table)
                assert one.unsent() == []
        finally:
            world.close()


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


def play_round(world: World, random: Random) -> None:
    """Each device writes two transactions, and then they exchange some of it."""
    for place in (0, 1) * 2:
        for _ in range(random.randint(0, 2)):
            with suppress(sqlite3.IntegrityError):
                sql = random.choice(KIN).format(*random.choices("pqr", k=2))
                world.devices[place].app.execute(sql)
        world.seal(place)
    for _ in range(random.randint(2, 6)):
        place, kind = random.randrange(DEVICES), random.choice(("up", "down", "down"))
        if kind == "up":
            world.up(place, random.randint(1, 3))
        else:
            world.down(place, whole=random.random() < 0.1)
            assert world.devices[place].read("PRAGMA foreign_key_check") == []


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_foreign_keys_hold_all_the_time(seed: int) -> None:
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), FAMILY)
        try:
            first = world.devices[0].app
            first.execute("INSERT INTO people (id, up) VALUES ('p', NULL), ('q', 'p'), ('r', 'r')")
            first.execute("INSERT INTO pets (id, owner) VALUES ('p', 'p'), ('q', 'q')")
            world.synced()
            for _ in range(5):
                play_round(world, random)
            world.synced()
            for one in world.devices:
                assert one.read("PRAGMA foreign_key_check") == []
                for table in ("people", "pets"):
                    assert shown(one, table) == world.hub.alive(table)
        finally:
            world.close()
