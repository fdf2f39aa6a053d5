"""One connection to the service: what happens becomes events of the session, its effects are
performed.

Whatever happens meanwhile (a frame, a commit in the file, a second gone by) waits in one queue, so
that the session sees one thing after the other, and a busy file slows the service down.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import closing, suppress
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame
from websockets.protocol import Event

from electricsql.device.comparing import Comparing, Look
from electricsql.device.news import News
from electricsql.device.replica import Replica
from electricsql.device.waiting import Waiters
from electricsql.errors import DeviceError
from electricsql.limits import HEARTBEAT_MS, SERVICE_SILENCE_MS_MAX
from electricsql.protocol import (
    Asked,
    Bye,
    Came,
    Clocked,
    Compare,
    DeltaPart,
    Details,
    DeviceEffects,
    DeviceEvent,
    DeviceSession,
    Digests,
    Loaded,
    Ping,
    Questioned,
    Sealed,
    Took,
    Up,
    Welcome,
    decode_down,
    encode_frame,
)
from electricsql.replication import Fork

_LOST: Final = Bye("lost", "The connection to the service was lost.")
_SILENT: Final = Bye("silent", "The service has not answered for too long.")
_RENEWED: Final = Bye(
    "renewed", "The file is a copy of another device's, and is one of its own now."
)
_PUT_BACK: Final = Bye("renewed", "The hub was put back, and is given what it has lost.")
_CLOCK_S: Final = 1.0
_UNREAD_FRAMES_MAX: Final = 4
_log = logging.getLogger("electricsql")


class Connection(ClientConnection):
    """A connection that knows when anything came, and how many pieces of frames that were not whole
    with them. Bytes of a piece that isn't whole don't count: if its length was damaged, it takes in
    whatever comes."""

    heard_ms = 0
    heard_pieces = 0

    def process_event(self, event: Event) -> None:
        self.heard_ms = monotonic_ms()
        self.heard_pieces += isinstance(event, Frame) and not event.fin
        super().process_event(event)


class Link:
    """The device's end of a connection that is open."""

    def __init__(self, socket: Connection, replica: Replica, waiters: Waiters, news: News) -> None:
        self.has_been_welcome = False
        self._socket = socket
        self._replica = replica
        self._waiters = waiters
        self._news = news
        self._session = DeviceSession()
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue(_UNREAD_FRAMES_MAX)
        self._events: deque[DeviceEvent] = deque()
        self._bye: Bye | None = None
        self._comparing = Comparing()
        self._look: Look | None = None
        self._helpers: list[asyncio.Task[None]] = []
        self._counted_pieces = 0

    def happened(self, event: DeviceEvent) -> None:
        """Something happened on this side."""
        self._events.append(event)
        with suppress(asyncio.QueueFull):  # then there is enough to wake up for
            self._frames.put_nowait(b"")

    def compare(self) -> None:
        """Find out how the file differs from what the hub has."""
        self._comparing = Comparing()
        self.happened(Questioned(Compare()))

    def end(self, bye: Bye) -> None:
        """Have this connection end."""
        self._bye = bye
        self.happened(Clocked())

    async def run(self) -> Bye:
        """Converse until it ends; gives the reason.

        Raises:
            ProtocolError: the service broke the protocol.
            DeviceError: the file can't be used.
        """
        self._help(self._read())
        self._help(self._keep_time())
        try:
            self._events.append(self._replica.opened())
            await self._settle()
            while self._bye is None:
                await self._tidy()
                frame = await self._frames.get()
                if frame is None:
                    return _LOST
                if frame:
                    self._events.append(Came(decode_down(frame)))
                await self._settle()
            return self._bye
        except ConnectionClosed:
            return await self._last_words()
        finally:
            for helper in self._helpers:
                helper.cancel()
            await asyncio.gather(*self._helpers, return_exceptions=True)
            self._close_look()

    def _help(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside, until it is done or the connection ends."""
        self._helpers.append(asyncio.create_task(work))

    async def _last_words(self) -> Bye:
        """Why the service has closed the connection, if it said so."""
        while (frame := await self._frames.get()) is not None:
            if frame and isinstance(last := decode_down(frame), Bye):
                return last
        return _LOST

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self._socket:
                await self._frames.put(message if isinstance(message, bytes) else message.encode())
        await self._frames.put(None)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_S)
            before, self._counted_pieces = self._counted_pieces, self._socket.heard_pieces
            self.happened(Clocked(heard=self._counted_pieces > before))

    async def _settle(self) -> None:
        """Perform what follows from all that has happened."""
        while self._events and self._bye is None:
            effects = self._session.step(self._events.popleft(), monotonic_ms())
            await self._perform(effects)
        self._waiters.release(self._session.acknowledged)

    async def _perform(self, effects: DeviceEffects) -> None:
        self._find_place(effects)
        if effects.stage is not None:
            self._replica.stage(effects.stage)
            self._news.progressed(effects.stage)
            await self._in_steps(self._replica.get_ready(now_ms()))
        if effects.apply is not None:
            await self._apply(effects.apply)
        if effects.look:
            self._look_at_file()
        if effects.compare is not None:
            self._help(self._compare(effects.compare))
        self._waiters.answer(effects.answered)
        for frame in effects.send:
            if not await self._say(frame):
                self._bye = _SILENT
                return
        if effects.load is not None:
            self._events.append(Loaded(effects.load, self._replica.load(effects.load)))
        if effects.close is not None:
            self._bye = effects.close

    def _find_place(self, effects: DeviceEffects) -> None:
        """Where the device stands at the hub, and what it has to do to be sent rows."""
        if effects.place is not None:
            self._welcomed(effects.place)
        if effects.start_over is not None:
            self._news.started_over(self._replica.start_over(effects.start_over))
            self._waiters.renumber(0)
            self._events.append(self._replica.opened())
        if effects.reconcile is not None:
            forgotten = effects.reconcile
            number = self._replica.reconcile(forgotten.acknowledged, forgotten.horizon, now_ms())
            self._waiters.renumber(number)
            self._events.append(self._replica.opened())
        if effects.put_back is not None or effects.renew:
            self._become_another(effects.put_back)
        if effects.acknowledge is not None:
            self._news.refused(self._replica.acknowledge(effects.acknowledge))
        if effects.reopen:
            self._events.append(self._replica.opened())

    def _become_another(self, put_back: Welcome | None) -> None:
        """Become another device; of a hub that was put back, one that gives it what it has lost."""
        if put_back is not None:
            assert put_back.fork is not None, "the session has seen to it"
            fork = Fork(*put_back.fork)
            copy, number = self._replica.give_back(fork, put_back.horizon, now_ms())
            self._news.hub_was_put_back(copy)
        else:
            number = self._replica.renew()
        self._waiters.renumber(number)
        self._bye = _RENEWED if put_back is None else _PUT_BACK

    async def _say(self, frame: Up) -> bool:
        """Send a frame; False if the service takes nothing and says nothing: it is gone."""
        started_ms = monotonic_ms()
        try:
            async with asyncio.timeout(SERVICE_SILENCE_MS_MAX / 1000):
                await self._socket.send(encode_frame(frame))
        except TimeoutError:
            return self._socket.heard_ms >= started_ms
        return True

    def _welcomed(self, welcome: Welcome) -> None:
        self.has_been_welcome = True
        self._replica.place(welcome.origin, welcome.horizon)
        self._news.connected()
        self._events.extend(Asked(nonce) for nonce in self._waiters.unanswered())
        if self._waiters.comparisons:
            self.compare()

    async def _in_steps(self, steps: Iterator[None]) -> None:
        """Do something to the file, with pauses for others; the service hears of us meanwhile."""
        heard = begun = time.monotonic()
        for _ in steps:
            await asyncio.sleep(self._replica.pause_s(time.monotonic() - begun))
            if time.monotonic() - heard > HEARTBEAT_MS / 1000:
                heard = time.monotonic()
                with suppress(ConnectionClosed):  # what is here is worth applying
                    await self._say(Ping(0))
            begun = time.monotonic()

    async def _tidy(self) -> None:
        """Clean up until something comes."""
        begun = time.monotonic()
        for _ in self._replica.tidy():
            await asyncio.sleep(self._replica.pause_s(time.monotonic() - begun))
            if self._events or not self._frames.empty():
                return
            begun = time.monotonic()

    async def _apply(self, last: DeltaPart) -> None:
        await self._in_steps(self._replica.get_ready(now_ms(), last))
        outcome = self._replica.apply(last, now_ms())
        self._events.append(Took(str(outcome.cursor), outcome.acknowledged, outcome.oldest))
        self._events.append(Sealed(self._replica.seal(now_ms())))
        self._news.applied(outcome)

    def _look_at_file(self) -> None:
        self._close_look()
        self._look = self._replica.look()

    def _close_look(self) -> None:
        if self._look is not None:
            self._look.close()
            self._look = None

    async def _compare(self, answer: Digests | Details) -> None:
        """Compare the file with what the hub had, and ask on, or tell what came of it."""
        comparing, look, self._look = self._comparing, self._look, None
        assert look is not None, "the session has seen to it"
        try:
            question = await asyncio.to_thread(_take, comparing, look, answer)
        except Exception as error:
            _log.exception("comparing failed")
            self._waiters.fail(DeviceError("failed", f"Comparing failed: {error}.", "See the log."))
            return
        if question is not None:
            self.happened(Questioned(question))
        else:
            self._waiters.compared(comparing.comparison)


def _take(comparing: Comparing, look: Look, answer: Digests | Details) -> Compare | None:
    with closing(look):
        return comparing.take(look, answer)


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Time that only goes on."""
    return time.monotonic_ns() // 1_000_000
