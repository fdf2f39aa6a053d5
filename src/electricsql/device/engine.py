"""The sync engine: a thread that keeps one file and one hub in step, for as long as it takes.

All that it knows can be read again from the file, so it may end at any moment. One engine syncs a
file at a time, in whatever process; the others wait for their turn (`turn.py`).

Not here: the rules of the conversation (`protocol/device_session.py`), one connection (`link.py`),
what is done to the file (`replica.py`).
"""

import asyncio
import logging
import random
import sqlite3
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidURI

from electricsql.device.comparing import Comparison
from electricsql.device.link import Connection, Link, monotonic_ms, now_ms
from electricsql.device.news import News
from electricsql.device.replica import Replica
from electricsql.device.turn import Turn
from electricsql.device.waiting import Waiters
from electricsql.errors import DeviceError, ElectricError, ServiceError
from electricsql.limits import (
    CONNECT_MS_MAX,
    FRAME_BYTES_MAX,
    LOCAL_POLL_MS,
    RECONNECT_HOPELESS_MS_MAX,
    RECONNECT_MS_MAX,
    RECONNECT_MS_MIN,
    RECONNECT_REFUSED_MS_MAX,
)
from electricsql.protocol import Asked, Bye, Sealed

_TURN_S: Final = 1.0
_CLOSE_S: Final = 1.0
_STOP_S: Final = 10.0
_JITTER_MIN: Final = 0.5
_HOPELESS: Final = frozenset({"unauthorized", "unknown-version", "unknown-environment"})
"""Reasons that somebody has to do something about: there is no use in waiting for them to pass."""
_ANEW: Final = Bye("anew", "The connection is made anew, to take all that the hub has.")
_REFUSED: Final = frozenset({"overloaded", "failed"})
"""Reasons of a service that is there, and would be busy with nothing but us."""
_DEAD: Final = frozenset({"silent", "stuck"})
_NEWER: Final = "newer-schema"
_log = logging.getLogger("electricsql")


class Engine:
    """Syncs a file from `start` to `stop`; these, `committed` and `ask` may be called from any
    thread."""

    def __init__(
        self,
        path: Path,
        url: str,
        token: Callable[[], str],
        news: News,
        known: Collection[str] | None = None,
    ) -> None:
        self._path = path
        self._known = known
        """The migrations that the app has (None: whichever there are)."""
        self._url = url
        self._token = token
        self._news = news
        self._turn = Turn(path)
        self._waiters = Waiters()
        self._link: Link | None = None
        self._replica: Replica | None = None
        self._delay_ms = RECONNECT_MS_MIN
        self._loop = asyncio.new_event_loop()
        self._nudged = asyncio.Event()
        self._is_unsealed = False
        self._task: asyncio.Task[None] | None = None
        self._ending = threading.Lock()
        self._has_ended = False
        self._end: ElectricError = _closed()
        """Why nobody gets anything any more, when it has ended."""
        self._thread = threading.Thread(target=self._run, name="electricsql", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the connection and the thread. What is not sent yet stays in the file."""
        self._call(self._cancel)
        if not self.is_caller():
            self._thread.join(_STOP_S)

    def committed(self) -> None:
        """The app has committed something: no need to wait for the next look at the file."""
        self._call(self._committed)

    def ask(self, number: int) -> Future[None]:
        """Done when transaction `number` is acknowledged, and what the hub has now is here."""
        done: Future[None] = Future()
        if not self._call(lambda: self._wait(number, done)):
            done.set_exception(self._end)
        return done

    def compare(self) -> Future[Comparison]:
        """Done when it is known in which rows the file differs from what the hub has."""
        done: Future[Comparison] = Future()
        if not self._call(lambda: self._compare(done)):
            done.set_exception(self._end)
        return done

    def take_all(self) -> None:
        """Have the hub send all that it has: what the file has otherwise, and is not unsent, is
        gone then. What is asked from now on is answered after that."""
        self._call(self._take_all)

    def is_caller(self) -> bool:
        """Whether the engine's own thread asks: a callback of the app does something."""
        return threading.current_thread() is self._thread

    def _call(self, function: Callable[[], object]) -> bool:
        """Have the thread call it, unless it ends; whether it will."""
        with self._ending:
            if not self._has_ended:
                self._loop.call_soon_threadsafe(function)
            return not self._has_ended

    def _committed(self) -> None:
        self._is_unsealed = True
        with suppress(ElectricError, sqlite3.Error):  # then `_watch` tries again
            self._seal()

    def _seal(self) -> None:
        """Seal what was committed, and have it sent."""
        if self._replica is not None:
            number = self._replica.seal(now_ms())
            self._is_unsealed = False
            if self._link is not None:
                self._link.happened(Sealed(number))

    def _wait(self, number: int, done: Future[None]) -> None:
        if self._replica is not None:  # it may have become another device since `number` was read
            with suppress(ElectricError, sqlite3.Error):
                number = self._replica.number()
        nonce = self._waiters.add(number, done)
        self._delay_ms = RECONNECT_MS_MIN
        self._nudged.set()
        if self._link is not None:
            self._link.happened(Asked(nonce))

    def _compare(self, done: Future[Comparison]) -> None:
        is_first = not self._waiters.comparisons
        self._waiters.comparisons.append(done)
        self._nudged.set()
        if is_first and self._link is not None and self._link.has_been_welcome:
            self._link.compare()

    def _take_all(self) -> None:
        assert self._replica is not None, "nobody has asked anything yet"
        self._replica.wants_all = True
        self._nudged.set()
        if self._link is not None:
            self._link.end(_ANEW)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._sync())
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        finally:
            with self._ending:
                self._has_ended = True
            self._loop.run_until_complete(asyncio.sleep(0))  # who has asked meanwhile, waits now
            self._waiters.fail(self._end)
            self._turn.give_back()
            self._loop.close()

    async def _sync(self) -> None:
        """Wait for our turn, then keep the file in step until cancelled; or until a newer version
        of the app has upgraded it, whose turn comes then."""
        while (replica := self._open()) is None:
            await asyncio.sleep(_TURN_S)
        self._replica = replica
        self._news.read_status = lambda: replica.status(self._news.connection)
        watching = asyncio.create_task(self._watch(replica))
        try:
            while self._end.code != _NEWER:
                await self._connect(replica)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            replica.close()

    def _open(self) -> Replica | None:
        """The file, if it is our turn and it can be opened."""
        try:
            if self._turn.take():
                return Replica(self._path, self._known)
            raise DeviceError(
                "synced-elsewhere",
                f"Another program syncs {self._path} already.",
                "Nothing needs to be done: this one takes over when the other ends.",
            )
        except DeviceError as error:
            self._news.disconnected(error)
        except sqlite3.Error as error:
            self._news.disconnected(_failed(error))
        return None

    async def _watch(self, replica: Replica) -> None:
        """Seal what other programs commit, soon after they do, whether there is a connection or
        not."""
        while True:
            try:
                if replica.has_changed() or self._is_unsealed:
                    self._is_unsealed = True
                    self._seal()
                    if self._link is not None and replica.was_upgraded:
                        self._link.end(_ANEW)
            except (ElectricError, sqlite3.Error) as error:
                _log.warning("what was committed could not be sealed: %s", error)
                await asyncio.sleep(_TURN_S)
            await asyncio.sleep(LOCAL_POLL_MS / 1000)

    async def _connect(self, replica: Replica) -> None:
        """One connection, from before it is there until after it is gone, and the pause then."""
        try:
            error = await self._converse(replica)
        except ElectricError as failure:
            error = failure
            if error.code == _NEWER:
                self._end = error
        except (OSError, TimeoutError, InvalidHandshake) as failure:
            error = ServiceError(
                "service-unreachable",
                f"The service at {self._url} can't be reached: {str(failure) or 'time is up'}.",
                "See whether `electric start` runs there, and whether the URL is right.",
            )
        except InvalidURI as failure:
            error = DeviceError("bad-url", f"{self._url} is not a URL: {failure}.", "Correct it.")
        except Exception as failure:
            _log.exception("the sync engine failed")
            error = _failed(failure)
        self._news.disconnected(error)
        if error is not self._end:
            await self._pause(error)

    async def _converse(self, replica: Replica) -> ElectricError:
        """Connect, and stay connected as long as it goes; gives the reason why it ended."""
        replica.check()
        token = await asyncio.to_thread(self._token)
        async with connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            compression=None,
            max_size=FRAME_BYTES_MAX,
            open_timeout=CONNECT_MS_MAX / 1000,
            create_connection=Connection,
            ping_interval=None,
            close_timeout=_CLOSE_S,
        ) as socket:
            assert isinstance(socket, Connection)
            self._link = Link(socket, replica, self._waiters, self._news)
            started_ms = monotonic_ms()
            try:
                bye = await self._link.run()
            finally:
                # One that ends at once each time is no reason to hurry.
                lasted = monotonic_ms() - started_ms >= self._delay_ms
                if self._link.has_been_welcome and lasted:
                    self._delay_ms = RECONNECT_MS_MIN
                self._link = None
            if bye.code in _DEAD:
                socket.transport.abort()  # a farewell would have to wait for what can't leave
        error = _reason(bye)
        if _is_hopeless(error):
            self._waiters.fail(error)
        return error

    async def _pause(self, error: ElectricError) -> None:
        """Longer after each failure, never the same for all devices; none when someone waits."""
        delay_ms = self._delay_ms * random.uniform(_JITTER_MIN, 1)
        self._delay_ms = min(2 * self._delay_ms, _delay_ms_max(error))
        self._nudged.clear()
        with suppress(TimeoutError):  # `wait_for` may take the cancellation for a nudge
            async with asyncio.timeout(delay_ms / 1000):
                await self._nudged.wait()


def _is_hopeless(error: ElectricError) -> bool:
    return (isinstance(error, ServiceError) and error.definite) or error.code in _HOPELESS


def _delay_ms_max(error: ElectricError) -> int:
    """How long to wait at most before the next connection: who can't be reached may be back any
    moment."""
    if _is_hopeless(error):
        return RECONNECT_HOPELESS_MS_MAX
    return RECONNECT_REFUSED_MS_MAX if error.code in _REFUSED else RECONNECT_MS_MAX


def _closed() -> DeviceError:
    return DeviceError("closed", "The database was closed.", "Open it again.")


def _failed(failure: Exception) -> DeviceError:
    return DeviceError("failed", f"Syncing failed: {failure}.", "See the log.")


def _reason(bye: Bye) -> ElectricError:
    return ServiceError(bye.code, bye.problem, bye.remedy, definite=bye.definite)
