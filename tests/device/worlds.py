"""A hub in memory and the real files of some devices, for histories made from a seed."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from unittest.mock import patch

from electricsql.device.meta import read_meta, write_meta
from electricsql.device.ready import Ready
from electricsql.device.staging import Staging
from electricsql.replication import UNSENT, Incoming, Row, RowId, merge
from electricsql.schema import Key, Value
from tests.device.files import NOW_MS, DeviceFile
from tests.device.hubs import MemoryHub

DEVICES = 2
ALL = 1 << 30


class World:
    """A hub and its devices. Time goes on by a millisecond with each transaction."""

    def __init__(self, folder: Path, ddl: str) -> None:
        self.devices = [DeviceFile(folder / f"{n}.db", ddl) for n in range(1, DEVICES + 1)]
        for origin, one in enumerate(self.devices, start=1):
            one.app.execute("PRAGMA synchronous = OFF")
            one.engine.execute("PRAGMA synchronous = OFF")
            write_meta(one.engine, origin=origin)
        self.hub = MemoryHub(self.devices[0].schema)
        self._sent = [0] * DEVICES
        self._now_ms = NOW_MS

    def close(self) -> None:
        for one in self.devices:
            one.close()

    def seal(self, place: int) -> None:
        self._now_ms += 1
        self.devices[place].app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")
        self.devices[place].seal(self._now_ms)

    def up(self, place: int, count: int = ALL) -> None:
        """Upload the next transactions."""
        self.seal(place)
        for sealed in self.devices[place].unsent(self._sent[place])[:count]:
            self.hub.receive(place + 1, sealed.transaction())
            self._sent[place] = sealed.number

    def down(
        self,
        place: int,
        *,
        whole: bool = False,
        parts: int | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> bool:
        """Apply the delta since the last one; or stage so many parts of it, as if the connection
        were lost then. Gives whether it was applied.

        Now and then as if it were large, or met many keys, with things that happen meanwhile.
        """
        one = self.devices[place]
        cursor = None if whole else read_meta(one.engine).cursor
        staging = Staging(one.engine)
        rows = 1 + self.hub.xid % 2
        earlier, last = self.hub.delta(place + 1, cursor, rows, staging.reached())
        staging.begin((*earlier, last)[0])
        ready = Ready(one.engine, one.schemas, staging)
        few, many, in_place = ((0, 0, 0), (1, 2, 2), (100, 2_000, 0))[self.hub.xid % 3]
        late = (0, 1, 100)[self.hub.xid // 3 % 3]
        with (
            patch("electricsql.device.unsent.KEYS_LOOKED_UP_MAX", few),
            patch("electricsql.device.apply.LARGE_DELTA_ROWS_MIN", many),
            patch("electricsql.device.building.IN_PLACE_ROWS_MAX", in_place),
            patch("electricsql.device.building.LATE_ROWS_MAX", late),
            patch("electricsql.device.steps.STEP_MS", 0),
        ):
            for part in earlier[:parts]:
                staging.add(part)
                self._in_steps(ready.get(self._now_ms, None), meanwhile)
            if parts is None:
                self._in_steps(ready.get(self._now_ms, last), meanwhile)
                ready.apply(last, self._now_ms)
                self._in_steps(ready.tidy(), meanwhile)
        return parts is None

    def _in_steps(self, steps: Iterator[None], meanwhile: Callable[[], object]) -> None:
        for _ in steps:
            meanwhile()

    def expected(self, place: int) -> dict[RowId, Row | None]:
        """What the hub would hold if it got this device's unsent transactions now."""
        rows = dict(self.hub.rows)
        for sealed in self.devices[place].unsent():
            transaction = sealed.transaction()
            author = self.hub.author(place + 1, transaction, UNSENT + transaction.number)
            rows |= merge(self.hub.schema, rows, [Incoming(transaction, author)]).rows
        self.hub.clocks = {id: clock for id, clock in self.hub.clocks.items() if id < UNSENT}
        return rows

    def sync(self) -> None:
        """Everybody sends everything, and receives everything."""
        for _ in range(2):
            for place in range(DEVICES):
                self.up(place)
            for place in range(DEVICES):
                self.down(place)

    def play_round(self, random: Random, write: Callable[[], str]) -> Iterator[int]:
        """Each device writes two transactions, and then they exchange some of it. Gives each time
        the device that has applied a delta."""
        for place in (*range(DEVICES), *range(DEVICES)):
            for _ in range(random.randint(0, 2)):
                self._write(place, write)
            self.seal(place)
        for _ in range(random.randint(2, 6)):
            place = random.randrange(DEVICES)
            if random.random() < 0.4:
                self.up(place, random.randint(1, 3))
            else:
                parts = random.randint(0, 3) if random.random() < 0.3 else None

                def meanwhile(place: int = place) -> None:
                    if random.random() < 0.1:
                        self._write(place, write)

                whole = random.random() < 0.1
                if self.down(place, whole=whole, parts=parts, meanwhile=meanwhile):
                    self.seal(place)
                    yield place

    def _write(self, place: int, write: Callable[[], str]) -> None:
        with suppress(sqlite3.IntegrityError):
            self.devices[place].app.execute(write())
            self.devices[place].app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")


@contextmanager
def world_of(ddl: str) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), ddl)
        try:
            yield world
        finally:
            world.close()


def shown(one: DeviceFile, table: str) -> dict[Key, dict[str, Value]]:
    """A table of the file."""
    described = one.schema.tables[table]
    rows = (dict(zip(described.column_names, row, strict=True)) for row in one.rows(table))
    return {described.key_of(row): row for row in rows}
