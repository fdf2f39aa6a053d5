"""The device's whole upper layer in a world without sockets: real files, real links and sessions,
and a hub in memory.

A wire carries a frame when it is told to, and may be cut between any two. Tasks run in a fixed
order, and time is what the simulation says, so a seed decides everything.
"""

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from websockets.exceptions import ConnectionClosedError

from electricsql.device.file import connect, prepare, transaction
from electricsql.device.link import Connection, Link
from electricsql.device.meta import read_meta
from electricsql.device.news import News
from electricsql.device.replica import Replica
from electricsql.device.waiting import Waiters
from electricsql.protocol import (
    Asked,
    Current,
    Delivered,
    HubEffects,
    HubEvent,
    HubSession,
    HubState,
    Received,
    Registered,
    Sealed,
    Unchanged,
    Uploaded,
    decode_transaction,
    encode_frame,
)
from electricsql.replication import Cursor, Transaction
from tests.device.files import bundle
from tests.device.hubs import EPOCH, MemoryHub, cursor_at


def hasty_connect(path: Path, *, engine: bool = False) -> sqlite3.Connection:
    """Nobody cuts the power here, so there is no need to wait for the disk."""
    database = connect(path, engine=engine)
    database.execute("PRAGMA synchronous = OFF")
    return database


class Wire:
    """A connection as the device's link has it. Nothing arrives before it is carried."""

    def __init__(self) -> None:
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._is_cut = False
        self.heard_ms = self.heard_pieces = 0

    async def send(self, data: bytes) -> None:
        await asyncio.sleep(0)
        if self._is_cut:
            raise ConnectionClosedError(None, None)
        self.up.append(data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (data := await self._arrived.get()) is not None:
            yield data
        raise ConnectionClosedError(None, None)

    def carry_down(self) -> None:
        self._arrived.put_nowait(self.down.popleft())

    def cut(self) -> None:
        """The connection is gone, with what was under way."""
        self._is_cut = True
        self._arrived.put_nowait(None)


class Hub:
    """The hub, and the queue of what its service was sent."""

    def __init__(self, memory: MemoryHub) -> None:
        self.memory = memory
        self._origins: dict[str, int] = {}
        self._taken: dict[int, list[int]] = {}
        self._queue: deque[tuple[int, Transaction]] = deque()

    @property
    def cursor(self) -> Cursor:
        return cursor_at(self.memory.xid)

    def register(self, device: str) -> Registered:
        while self._queue:
            self.merge()
        origin = self._origins.setdefault(device, len(self._origins) + 1)
        taken = self._taken.setdefault(origin, [])
        return Registered(origin, EPOCH, len(taken), taken[-1] if taken else 0)

    def submit(self, origin: int, uploaded: Uploaded) -> None:
        transaction = decode_transaction(uploaded.data, self.memory.schema.tables)
        self._queue.append((origin, transaction))

    def merge(self) -> None:
        """Merge the next transaction; a resend is ignored."""
        if self._queue:
            origin, transaction = self._queue.popleft()
            if transaction.number > len(self._taken[origin]):
                self.memory.receive(origin, transaction)
                self._taken[origin].append(transaction.mark)


class Stream:
    """The service's end of a wire."""

    def __init__(self, hub: Hub, wire: Wire) -> None:
        self._hub = hub
        self._wire = wire
        self._session = HubSession(0)

    def carry_up(self) -> None:
        if self._wire.up:
            self._happens(Received(self._wire.up.popleft()))

    def deliver(self) -> None:
        """Read what is new for the device, and send it."""
        session, cursor = self._session, self._hub.cursor
        if session.state is not HubState.STREAMING:
            return
        asked = session.asked
        if session.cursor == cursor:
            self._happens(Unchanged(cursor))
        elif session.has_room:
            earlier, last = self._hub.memory.delta(
                session.origin, session.cursor, staged=session.staged
            )
            self._wire.down.extend(map(encode_frame, (*earlier, last)))
            self._happens(Delivered(cursor, last.acknowledged))
        else:
            return
        self._happens(Current(asked))

    def _happens(self, event: HubEvent) -> None:
        effects: HubEffects = self._session.step(event, 0)
        self._wire.down.extend(map(encode_frame, effects.send))
        if effects.register is not None:
            self._happens(self._hub.register(effects.register.device))
        if effects.submit is not None:
            self._hub.submit(self._session.origin, effects.submit)
        assert not effects.close, effects.send


@dataclass
class Connected:
    """A connection that is open, at both ends."""

    wire: Wire
    stream: Stream
    link: Link
    task: asyncio.Task[object] = field(repr=False)


class Player:
    """A device: its file, a program that writes there, and the engine's part, which may end and
    begin anew at any moment."""

    def __init__(self, path: Path, migrations: str, clock: Callable[[], int]) -> None:
        self.path = path
        self.now_ms = clock
        self.connected: Connected | None = None
        self.asked: list[tuple[Future[None], Cursor]] = []
        """Who waits, and what was at the hub then."""
        self._backup = path.with_suffix(".backup")
        self._bundle = bundle(migrations)
        self._open()

    def _open(self) -> None:
        self.app = hasty_connect(self.path)
        prepare(self.path, self.app, self._bundle)
        self.replica = Replica(self.path)
        self._waiters = Waiters()

    async def close(self) -> None:
        await self.disconnect()
        self.replica.close()
        self.app.close()

    async def reopen(self) -> None:
        """Its process ends, and another one begins."""
        await self.close()
        self.asked.clear()
        self._open()

    def back_up(self) -> None:
        with closing(sqlite3.connect(self._backup)) as target:
            self.app.backup(target)

    async def restore(self) -> None:
        """Its file is again what it was."""
        if self._backup.exists():
            await self.close()
            self.asked.clear()
            os.replace(self._backup, self.path)
            self._open()

    async def connect(self, hub: Hub) -> None:
        if self.connected is not None and self.connected.task.done():
            await self.disconnect()
        if self.connected is None:
            wire = Wire()
            link = Link(cast("Connection", wire), self.replica, self._waiters, News())
            task = asyncio.create_task(link.run())
            self.connected = Connected(wire, Stream(hub, wire), link, task)

    async def disconnect(self) -> None:
        """The connection is lost. Fails if it had ended with an error before."""
        if self.connected is not None:
            self.connected.wire.cut()
            await self.connected.task
            self.connected = None

    def write(self, *statements: str) -> None:
        """One transaction, which the engine may not look at before the next one."""
        with suppress(sqlite3.IntegrityError), transaction(self.app):
            for statement in statements:
                self.app.execute(statement)
            self.app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")

    def seal(self) -> int:
        number = self.replica.seal(self.now_ms())
        if self.connected is not None:
            self.connected.link.happened(Sealed(number))
        return number

    def ask(self, hub: Hub) -> None:
        """As `Database.sync` does."""
        done: Future[None] = Future()
        self.asked.append((done, hub.cursor))
        nonce = self._waiters.add(self.seal(), done)
        if self.connected is not None:
            self.connected.link.happened(Asked(nonce))

    def check_answers(self) -> None:
        """Whoever was told to be up to date is."""
        for asked in [each for each in self.asked if each[0].done()]:
            here = read_meta(self.app).cursor
            assert here is not None and here.snapshot.xmax >= asked[1].snapshot.xmax
            self.asked.remove(asked)

    def is_settled(self, hub: Hub) -> bool:
        """Whether there is nothing left to do: all is sent, all is here, nobody waits."""
        sent = self.app.execute("SELECT count(*) FROM _electric_transactions").fetchone() == (0,)
        return sent and read_meta(self.app).cursor == hub.cursor and not self.asked
