"""Devices with real files, and a hub in memory, over connections that break: all end equal.

What happens is drawn from a seed: writes, frames under way, merges, breaks, ends of processes.
"""

import asyncio
import tempfile
from pathlib import Path
from random import Random

import pytest

from electricsql.device import link, replica, steps
from electricsql.device.meta import schema_version
from electricsql.device.schemas import Schemas
from electricsql.schema import Value
from tests.device.files import NOW_MS
from tests.device.hubs import MemoryHub, delete, insert, update
from tests.device.simulation import Hub, Player, hasty_connect

DEVICES = 3
STEPS = 800
SETTLING_STEPS_MAX = 300
FAULTS = 0.02
SCHEMA = """\
CREATE TABLE lefts (id INTEGER PRIMARY KEY NOT NULL, value TEXT);
CREATE TABLE rights (id INTEGER PRIMARY KEY NOT NULL, value TEXT);
CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL);
CREATE TABLE children (
    id INTEGER PRIMARY KEY NOT NULL, parent INTEGER NOT NULL REFERENCES parents (id)
);
"""
WRITES = (
    # Lefts and rights are always written together, so they are always equal.
    (
        "INSERT INTO lefts VALUES ({0}, '{1}') ON CONFLICT DO UPDATE SET value = '{1}'",
        "INSERT INTO rights VALUES ({0}, '{1}') ON CONFLICT DO UPDATE SET value = '{1}'",
    ),
    (
        "UPDATE lefts SET value = '{1}' WHERE id <= {0}",
        "UPDATE rights SET value = '{1}' WHERE id <= {0}",
    ),
    ("DELETE FROM rights WHERE id = {0}", "DELETE FROM lefts WHERE id = {0}"),
    ("INSERT OR IGNORE INTO parents VALUES ({0})", "REPLACE INTO children VALUES ({2}, {0})"),
    ("DELETE FROM parents WHERE id = {0}",),
    ("DELETE FROM children WHERE parent = {0}", "DELETE FROM parents WHERE id = {0}"),
)
USUAL = (
    "connect",
    "write",
    "direct",
    "ask",
    *3 * ("seal", "merge", "deliver"),
    *6 * ("up", "down"),
)


class Simulation:
    """What may happen to the devices and the hub."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._random = Random(seed)
        self._now_ms = NOW_MS
        self._texts = 0
        self.players = [Player(folder / f"{n}.db", SCHEMA, self.tick) for n in range(DEVICES)]
        file = self.players[0].app
        self.hub = Hub(MemoryHub(Schemas().at(file, schema_version(file))))

    def tick(self) -> int:
        """What time it is; it goes on whenever somebody asks."""
        self._now_ms += 1
        return self._now_ms

    async def play(self, faults: tuple[str, ...]) -> None:
        """Anything may happen, and now and then a fault."""
        for _ in range(STEPS):
            player = self._random.choice(self.players)
            acts = faults if self._random.random() < FAULTS else USUAL
            await getattr(self, self._random.choice(acts))(player)
            for _ in range(self._random.randint(0, 4)):
                await asyncio.sleep(0)
            check(player)

    async def settle(self) -> None:
        """From now on all goes well, until nothing is left to do."""
        for _ in range(SETTLING_STEPS_MAX):
            for player in self.players:
                for act in (self.connect, self.seal, self.up, self.merge, self.deliver, self.down):
                    await act(player)
                    await asyncio.sleep(0)
                check(player)
            if all(player.is_settled(self.hub) for player in self.players):
                return
        raise AssertionError("it does not settle")

    async def connect(self, player: Player) -> None:
        await player.connect(self.hub)

    async def disconnect(self, player: Player) -> None:
        await player.disconnect()

    async def reopen(self, player: Player) -> None:
        await player.reopen()

    async def back_up(self, player: Player) -> None:
        player.back_up()

    async def restore(self, player: Player) -> None:
        await player.restore()

    async def write(self, player: Player) -> None:
        self._texts += 1
        numbers = (self._random.randint(1, 4), self._texts, self._random.randint(1, 4))
        player.write(*(sql.format(*numbers) for sql in self._random.choice(WRITES)))

    async def direct(self, _: Player) -> None:
        """Somebody writes at the hub: a pair, or away with it."""
        self._texts += 1
        memory, key = self.hub.memory, (self._random.randint(1, 4),)
        tables = [memory.schema.tables[name] for name in ("lefts", "rights")]
        text: Value = str(self._texts)
        if key not in memory.alive("lefts"):
            memory.write(*(insert(table, id=key[0], value=text) for table in tables))
        elif self._random.random() < 0.5:
            memory.write(*(update(table, key, value=text) for table in tables))
        else:
            memory.write(*(delete(table, key) for table in tables))

    async def seal(self, player: Player) -> None:
        player.seal()

    async def ask(self, player: Player) -> None:
        player.ask(self.hub)

    async def up(self, player: Player) -> None:
        if player.connected is not None:
            player.connected.stream.carry_up()

    async def down(self, player: Player) -> None:
        if player.connected is not None and player.connected.wire.down:
            player.connected.wire.carry_down()

    async def deliver(self, player: Player) -> None:
        if player.connected is not None:
            player.connected.stream.deliver()

    async def merge(self, _: Player) -> None:
        self.hub.merge()


def check(player: Player) -> None:
    """What is true of a device at any time."""
    player.check_answers()
    lefts, rights = (rows(player, name) for name in ("lefts", "rights"))
    assert lefts == rights, "half a transaction is seen"
    assert player.app.execute("PRAGMA foreign_key_check").fetchall() == []


def rows(player: Player, table: str) -> list[tuple[Value, ...]]:
    return player.app.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def run(seed: int, *faults: str) -> None:
    """A history, and what must be true at its end."""

    async def play(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replica, "connect", hasty_connect)
            for pause in ("STEP_PAUSE_MS", "STEP_PAUSE_ALONE_MS", "PAUSES_PER_STEP"):
                patch.setattr(replica, pause, 0)
            patch.setattr(steps, "STEP_MS", 0)  # the clock decides nothing
            simulation = Simulation(folder, seed)
            patch.setattr(link, "now_ms", simulation.tick)
            await simulation.play(faults)
            await simulation.settle()
        memory = simulation.hub.memory
        for player in simulation.players:
            for table in memory.schema:
                expected = sorted(tuple(row.values()) for row in memory.alive(table.name).values())
                assert rows(player, table.name) == expected
            assert player.asked == []
            await player.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


@pytest.mark.parametrize("seed", range(15))
def test_devices_end_equal_whatever_breaks(seed: int) -> None:
    run(seed, "disconnect", "reopen")


@pytest.mark.parametrize("seed", range(100, 115))
def test_devices_end_equal_also_when_a_file_is_restored(seed: int) -> None:
    run(seed, "disconnect", "back_up", "restore")


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", range(1_000, 1_450, 150))
def test_devices_end_equal_in_many_histories(start: int) -> None:
    for seed in range(start, start + 150):
        run(seed, "disconnect", "back_up", "restore")
