"""Frames that are damaged on their way, at every one of their bytes: nothing of them is taken.

Several devices' frames are damaged, one connection of each after the other; another device and
Postgres see each of their transactions once, and none that is not one. Meanwhile there is a
migration.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import pytest

from electricsql import Database, ElectricError, electrify
from electricsql.protocol import Applied, DeltaPart, Hello, Upload
from tests.integration.tcc.mangling import Damage, FrameMangler
from tests.integration.tcc.proxy import Network, Proxy
from tests.integration.tcc.trial import STUCK_S, WIRE, Result
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App

TABLE = (
    '-- @allow device-local-key reason="the tests give them"\n'
    "CREATE TABLE entries (id INTEGER PRIMARY KEY NOT NULL, value TEXT NOT NULL);\n"
)
MORE = "ALTER TABLE entries ADD COLUMN more TEXT;\n"
LANES = 16
SHORT_LANES = 2
SHORT_STEP = 89
"""In `make test` every so manieth byte is damaged; a prime, so that all kinds of places are."""
FRAMES = {"hello": Hello, "upload": Upload, "applied": Applied, "delta": DeltaPart}
FRAME_BYTES_MAX = 1_000
PATIENCE_S = 60


class Lane:
    """A device in a thread of its own, and its way to the service, on which frames are damaged."""

    def __init__(self, number: int, proxy: Proxy, opened: Callable[[str], Database]) -> None:
        self.proxy = proxy
        self.thread = ThreadPoolExecutor(1)
        self.victim = self.thread.submit(opened, f"victim-{number}").result()
        self.written = 0
        self._first = number * FRAME_BYTES_MAX

    def close(self) -> None:
        self.thread.submit(self.victim.close).result()
        self.thread.shutdown()

    def strike(self, name: str, damage: Damage, offset: int) -> FrameMangler:
        """Damage a frame of the next connection; gives what did it."""
        way = self.proxy.down if name == "delta" else self.proxy.up
        wanted = FRAMES[name].__struct_config__.tag
        made: list[FrameMangler] = []

        def mangler() -> FrameMangler:
            # The first connection alone: the next ones have to get through.
            is_first = not made
            made.append(FrameMangler(damage, lambda _, kind: is_first and kind == wanted, offset))
            return made[-1]

        way.mangler = mangler
        self.proxy.flap()
        self.written += 1
        with self.victim.transaction():
            id, value = self.entries()[-1]
            self.victim.execute("INSERT INTO entries (id, value) VALUES (?, ?)", (id, value))
        with suppress(ElectricError):  # the service may say that the device breaks the protocol
            self.victim.sync(PATIENCE_S)
        self.proxy.heal()
        self.victim.sync(PATIENCE_S)
        return made[0]

    def entries(self) -> list[tuple[int, str]]:
        """What it has written."""
        return [(self._first + n, f"value {n}") for n in range(self.written)]


class Wire:
    """Lanes, and a device that is left alone."""

    def __init__(self, app: App, lanes: list[Lane], other: Database) -> None:
        self.app = app
        self.lanes = lanes
        self.other = other

    @property
    def written(self) -> int:
        return sum(lane.written for lane in self.lanes)

    def check(self) -> None:
        """Everybody has everything, and nothing else."""
        expected = [entry for lane in self.lanes for entry in lane.entries()]
        assert found(self.other) == expected
        for looking in [lane.thread.submit(found, lane.victim) for lane in self.lanes]:
            assert looking.result() == expected


def found(device: Database) -> list[tuple[int, str]]:
    """What a device has when it has everything."""
    device.sync(PATIENCE_S)
    assert device.status.pending == 0
    return device.execute("SELECT id, value FROM entries ORDER BY id").fetchall()


@pytest.fixture
def wire(app: App, device: Open, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Wire]:
    app.migrate("entries", TABLE)
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        lanes = []
        for number in range(LANES if request.node.get_closest_marker("soak") else SHORT_LANES):
            proxy = network.proxy(app.service.port)
            lane = Lane(number, proxy, partial(opened, app, tmp_path, proxy.port))
            lanes.append(stack.enter_context(closing(lane)))
        yield Wire(app, lanes, device("other"))


def opened(app: App, folder: Path, port: int, name: str) -> Database:
    """A device that is up to date, and reaches the service at a port."""
    url = f"ws://127.0.0.1:{port}/ws/{app.name}/default"
    database = electrify(folder / f"{name}.db", app.bundle, url, app.token)
    database.sync(PATIENCE_S)
    return database


class Sweep:
    """Damages one kind of frame at every byte, or some of them, on all lanes at once. They are not
    all of one length: every byte of the shortest one is damaged."""

    def __init__(self, name: str, damage: Damage, step: int, result: Result) -> None:
        self._name = name
        self._damage = damage
        self._step = step
        self._result = result
        self._offset = 0
        self._end = FRAME_BYTES_MAX
        self._lock = threading.Lock()

    def run(self, wire: Wire) -> None:
        for work in [lane.thread.submit(self._work, lane) for lane in wire.lanes]:
            work.result()
        self._result.transactions += wire.written
        assert self._end < FRAME_BYTES_MAX, f"no {self._name} was struck"

    def _work(self, lane: Lane) -> None:
        while (offset := self._next()) is not None:
            began = time.monotonic()
            mangler = lane.strike(self._name, self._damage, offset)
            with self._lock:
                seconds = time.monotonic() - began
                self._result.survived += 1
                self._result.worst_s = max(self._result.worst_s, seconds)
                self._result.stuck += seconds > STUCK_S
                if mangler.struck:
                    whole = 1 if self._damage is Damage.TWICE else mangler.frame_bytes
                    self._end = min(self._end, whole)

    def _next(self) -> int | None:
        """The next byte, if there is one."""
        with self._lock:
            offset = self._offset
            if offset >= self._end:
                return None
            self._offset += self._step
            self._result.runs += 1
            return offset


def test_some_bytes(wire: Wire) -> None:
    for name in FRAMES:
        for damage in Damage:
            Sweep(name, damage, SHORT_STEP, Result(damage)).run(wire)
    wire.check()


@pytest.mark.soak
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("damage", [damage for damage in Damage if damage is not Damage.TWICE])
@pytest.mark.parametrize("name", FRAMES)
def test_every_byte(wire: Wire, name: str, damage: Damage) -> None:
    result = Result(WIRE.format(damage), f"{LANES + 1} + 0")
    with result.recorded():
        migrating = threading.Timer(1, wire.app.migrate, ("more", MORE))
        migrating.start()
        Sweep(name, damage, 1, result).run(wire)
        migrating.join()
        wire.check()
    assert result.stuck == 0, f"somebody needed longer than {STUCK_S} s: {result}"
