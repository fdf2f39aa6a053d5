"""Frames that are damaged on their way, at every one of their bytes: nothing of them is taken.

One device's frames are damaged, one connection after the other; another device and Postgres see
each of its transactions once, and none that is not one.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from electricsql import Database, ElectricError, electrify
from tests.integration.tcc.mangling import Damage, FrameMangler
from tests.integration.tcc.proxy import Network, Proxy, Way
from tests.integration.tcc.trial import Result
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App

TABLE = "CREATE TABLE entries (id INTEGER PRIMARY KEY NOT NULL, value TEXT NOT NULL);\n"
SHORT_STEP = 89
"""In `make test` every so manieth byte is damaged; a prime, so that all kinds of places are."""
FRAMES = {"hello": ("up", 0), "upload": ("up", 1), "applied": ("up", 2), "delta": ("down", 1)}
FRAME_BYTES_MAX = 1_000
PATIENCE_S = 60


class Wire:
    """A device whose frames are damaged, and one that is left alone."""

    def __init__(self, app: App, proxy: Proxy, devices: tuple[Database, Database]) -> None:
        self.app = app
        self.proxy = proxy
        self.victim, self.other = devices
        self.written = 0

    def way(self, name: str) -> Way:
        return self.proxy.up if name == "up" else self.proxy.down

    def strike(self, name: str, damage: Damage, offset: int) -> FrameMangler:
        """Damage a frame of the next connection; gives what did it."""
        direction, frame = FRAMES[name]
        made: list[FrameMangler] = []

        def mangler() -> FrameMangler:
            # The first connection alone: the next ones have to get through.
            made.append(FrameMangler(damage, frame if not made else -2, offset))
            return made[-1]

        self.way(direction).mangler = mangler
        self.proxy.flap()
        self.written += 1
        with self.victim.transaction():
            self.victim.execute(
                "INSERT INTO entries VALUES (?, ?)", (self.written, f"value {self.written}")
            )
        with suppress(ElectricError):  # the service may say that the device breaks the protocol
            self.victim.sync(PATIENCE_S)
        self.proxy.heal()
        self.victim.sync(PATIENCE_S)
        return made[0]

    def check(self) -> None:
        """Everybody has everything, and nothing else."""
        expected = [(n, f"value {n}") for n in range(1, self.written + 1)]
        self.other.sync(PATIENCE_S)
        for device in (self.victim, self.other):
            found = device.execute("SELECT id, value FROM entries ORDER BY id").fetchall()
            assert found == expected
            assert device.status.pending == 0


@pytest.fixture
def wire(app: App, device: Open, tmp_path: Path) -> Iterator[Wire]:
    app.migrate("entries", TABLE)
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        proxy = network.proxy(app.service.port)
        url = f"ws://127.0.0.1:{proxy.port}/ws/{app.name}/default"
        victim = electrify(tmp_path / "victim.db", app.bundle, url, app.token)
        stack.enter_context(victim)
        victim.sync(PATIENCE_S)
        yield Wire(app, proxy, (victim, device("other")))


def test_some_bytes(wire: Wire) -> None:
    for name in FRAMES:
        for damage in Damage:
            # A greeting that lacks a byte is waited for: ten seconds each time.
            if (name, damage) != ("hello", Damage.DROP):
                strike_every(wire, name, damage, SHORT_STEP)


@pytest.mark.soak
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("damage", [damage for damage in Damage if damage is not Damage.TWICE])
@pytest.mark.parametrize("name", FRAMES)
def test_every_byte(wire: Wire, name: str, damage: Damage) -> None:
    result = Result(f"frames at every byte: {damage}")
    try:
        strike_every(wire, name, damage, 1, result)
    finally:
        result.transactions = wire.written
        result.record()


def strike_every(
    wire: Wire, name: str, damage: Damage, step: int, result: Result | None = None
) -> None:
    result = result or Result(damage)
    offset, end = 0, FRAME_BYTES_MAX
    while offset < end:
        began = time.monotonic()
        result.runs += 1
        mangler = wire.strike(name, damage, offset)
        result.survived += 1
        result.worst_s = max(result.worst_s, time.monotonic() - began)
        if mangler.struck:
            end = 1 if damage is Damage.TWICE else mangler.frame_bytes
        offset += step
    assert end < FRAME_BYTES_MAX, f"no {name} was struck"
    wire.check()
