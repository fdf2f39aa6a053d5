"""One device's stream: performs what its session (`protocol/hub_session.py`) says.

    Socket --bytes--> HubSession --effects--> Outbox, hub, merges, fan-out

Whatever goes wrong with one device ends here, with a reason, and harms no other. Not here: which
deltas it is sent, and when (`fanout.py`).
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Final, Protocol

import structlog

from electricsql.errors import ElectricError, PostgresError, ProtocolError, ServiceError
from electricsql.hub import Claim, Submitted
from electricsql.limits import CATCH_UP_PATIENCE_MS, FRAMES_IN_A_TURN
from electricsql.protocol import (
    Acknowledged,
    Applied,
    Bye,
    Compare,
    Compared,
    Current,
    Delivered,
    Details,
    Digests,
    Ended,
    Hello,
    HubEffects,
    HubEvent,
    HubSession,
    Looking,
    MigrationFrame,
    Received,
    Registered,
    Tick,
    Told,
    Unchanged,
    Uploaded,
    bye_for_violation,
    encode_frame,
)
from electricsql.replication import Cursor
from electricsql.schema import Schema
from electricsql.service.auth import Principal
from electricsql.service.memory import DownloadMemory, UploadMemory
from electricsql.service.parts import Answer, EncodedDelta
from electricsql.service.socket import Outbox, Socket
from electricsql.service.uploads import read_upload

_CLOSE_CODES: Final = {"protocol": 1002, "too-large": 1009, "unauthorized": 1008, "draining": 1012}
_TOO_SLOW: Final = Bye("overloaded", "The service holds as much for slow devices as it can.")
_log = structlog.get_logger("electric.stream")


def now_ms() -> int:
    """The wall clock, in ms since 1970."""
    return time.time_ns() // 1_000_000


class Room(Protocol):
    """What a stream needs of its environment."""

    uploads: UploadMemory
    downloads: DownloadMemory

    def join(self, stream: "DeviceStream") -> None: ...

    def leave(self, stream: "DeviceStream") -> None: ...

    async def register(self, stream: "DeviceStream", claim: Claim) -> Registered:
        """The device's place at the hub. An older stream of the same device ends."""

    async def schema_at(self, version: str | None) -> Schema:
        """The schema that a transaction was written in."""

    async def merge(self, stream: "DeviceStream", submitted: Submitted) -> None:
        """Queue a transaction; waits while too much is queued."""

    def note_applied(self, stream: "DeviceStream", claim: Claim) -> None: ...

    def wake(self) -> None:
        """There is something to do for a device."""


class DeviceStream:
    """A connection from accept to close."""

    __slots__ = (
        "_blocked",
        "_held",
        "_migrated",
        "_outbox",
        "_principal",
        "_room",
        "_socket",
        "_task",
        "is_catching_up",
        "schema_version",
        "session",
        "told_version",
        "was_served",
    )

    def __init__(self, socket: Socket, principal: Principal, room: Room) -> None:
        self.session = HubSession(now_ms())
        self.schema_version: str | None = None
        """What the device has applied."""
        self.told_version: str | None = None
        """What it will have when it has applied all that it was sent: rows are sent as that has
        them."""
        self.was_served = False
        """Whether it has had its first delta in this stream."""
        self.is_catching_up = False
        """A large delta of its own is under way: it takes no part in the others."""
        self._room = room
        self._principal = principal
        self._socket = socket
        self._outbox = Outbox(
            socket,
            room.downloads,
            drained=room.wake,
            gone=self._gone,
            given_up=lambda: self.end(_TOO_SLOW),
        )
        self._task: asyncio.Task[object] | None = None
        self._migrated: tuple[Cursor, str] | None = None
        self._blocked = False
        self._held = 0

    @property
    def is_ready(self) -> bool:
        """Whether the device can take a delta now."""
        return self.session.has_room and self._outbox.has_room and not self.is_catching_up

    @property
    def is_over(self) -> bool:
        """Whether there is nobody left to be sent anything."""
        return not self.session.has_room or self._outbox.is_closed

    async def run(self) -> None:
        """Serve the device until the connection ends. Raises nothing."""
        self._task = asyncio.current_task()
        self._room.join(self)
        try:
            turns = itertools.cycle(range(FRAMES_IN_A_TURN))
            while (data := await self._socket.receive()) is not None:
                await self._take(data)
                if not next(turns):
                    await asyncio.sleep(0)  # frames that are there already come without a wait
        except ElectricError as error:
            self.end(bye_for(error))
        except asyncio.CancelledError:
            pass  # the connection is lost
        except Exception:
            _log.exception("stream failed", device=self.session.device)
            self.end(Bye("failed", "The service failed at this device's stream."))
        finally:
            self._room.leave(self)
            self._hold(0)
            with contextlib.suppress(asyncio.CancelledError):
                await self._outbox.closed()
            self._outbox.drop()

    def tick(self, now: int) -> None:
        """Time went by: heartbeats, silence, and the end of the token."""
        expires_at = self._principal.expires_at
        if expires_at is not None and now >= expires_at * 1000:
            self.end(Bye("unauthorized", "The token has expired.", "Connect with a fresh token."))
        else:
            self._step(Tick(listening=not self._blocked, speaking=not self._outbox.is_empty))

    def end(self, bye: Bye) -> None:
        """End the stream and tell the device why."""
        self._step(Ended(bye))

    def deliver(self, delta: EncodedDelta, answer: Answer) -> None:
        """Send a delta that is held whole."""
        self._outbox.put(delta.frames(self.session.origin, answer))
        self.delivered(delta.cursor, answer, delta.migrations)

    async def put(self, frame: bytes) -> bool:
        """Send one part of a large delta; waits until the device can be sent the next one, if that
        is soon. Says whether it is."""
        self._outbox.put((frame,))
        try:
            async with asyncio.timeout(CATCH_UP_PATIENCE_MS / 1000):
                await self._outbox.wait_for_room()
        except TimeoutError:
            return False
        return True

    async def has_read(self) -> None:
        """Wait until the device has taken all that it was sent."""
        await self._outbox.wait_until_empty()

    def delivered(
        self, cursor: Cursor, answer: Answer, migrations: tuple[MigrationFrame, ...]
    ) -> None:
        """The last part of a delta is on its way."""
        self.was_served = True
        if migrations:
            self.told_version = migrations[-1].name
            self._migrated = (cursor, self.told_version)
        self._step(Delivered(cursor, answer.acknowledged))

    def tell(self, answer: Answer) -> None:
        """Tell a device that is upgrading what is in, if it doesn't know."""
        known = self.session.acknowledged if self.was_served else 0
        if answer.acknowledged > known or not self.was_served:
            self.was_served = True
            refused = tuple(each for each in answer.refused if each.number > known)
            self._step(Told(Acknowledged(answer.acknowledged, refused)))

    def unchanged(self, cursor: Cursor) -> None:
        """Nothing that the device must be told happened up to that cursor."""
        self._step(Unchanged(cursor))

    def answer_pings(self, asked: int) -> None:
        """The device has been sent all that there was when it had asked so often."""
        self._step(Current(asked))

    def take_question(self) -> Compare | None:
        """What the device wants to know of the hub, at the cursor that was just delivered."""
        question = self.session.question
        return question if question is not None and self._step(Looking()).send else None

    def answer_question(self, answer: Digests | Details) -> None:
        """Tell the device what the hub had then."""
        self._step(Compared(answer))

    async def _take(self, data: bytes) -> None:
        effects = self._step(Received(data))
        if effects.register is not None:
            await self._register(effects.register)
        if effects.submit is not None:
            self._hold(len(effects.submit.data))
            await self._submit(effects.submit)
        self._hold(self.session.uploading)
        if effects.applied is not None:
            if self._migrated and self.session.has_applied(self._migrated[0]):
                self.schema_version, self._migrated = self._migrated[1], None
            self._room.note_applied(self, self._claim(effects.applied))

    async def _register(self, hello: Hello) -> None:
        self.schema_version = self.told_version = hello.schema_version
        self._migrated = None
        self.was_served = False
        with self._deaf():
            place = await self._room.register(self, self._claim(hello))
            if _is_of(hello, place.epoch):
                await self._room.schema_at(hello.upgrade)
        self._step(place)

    def _claim(self, frame: Hello | Applied) -> Claim:
        cursor = Cursor.parse(frame.cursor) if frame.cursor is not None else None
        oldest = Cursor.parse(frame.oldest) if frame.oldest is not None else None
        if isinstance(frame, Applied):
            return Claim(cursor, oldest, self.schema_version)
        reached = Cursor.parse(frame.reached) if frame.reached is not None else cursor
        version = None if frame.upgrading else self.schema_version
        return Claim(
            *(cursor, oldest, version, frame.offered),
            *(reached, frame.origin, frame.acknowledged),
        )

    async def _submit(self, uploaded: Uploaded) -> None:
        """Read a transaction in the schema it was written in, and queue it."""
        with self._deaf():
            async with self._room.uploads.reading(uploaded.data):
                transaction, refusal = await read_upload(uploaded, self._room.schema_at)
                origin, number = self.session.origin, self.session.number
                submitted = Submitted(origin, transaction, uploaded.data, number, refusal)
                await self._room.merge(self, submitted)

    @contextlib.contextmanager
    def _deaf(self) -> Iterator[None]:
        """No frame is taken from the device meanwhile, so its silence doesn't count."""
        self._blocked = True
        try:
            yield
        finally:
            self._blocked = False

    def _hold(self, size: int) -> None:
        """Note how much is held of the device's uploads that are not queued yet.

        Raises:
            ServiceError: `overloaded`.
        """
        before, self._held = self._held, size
        self._room.uploads.change(before, size)

    def _step(self, event: HubEvent) -> HubEffects:
        effects = self.session.step(event, now_ms())
        if effects.send:
            self._outbox.put(encode_frame(frame) for frame in effects.send)
        if effects.wake:
            self._room.wake()
        if effects.close:
            last = effects.send[-1]
            assert isinstance(last, Bye), "a stream ends with a reason"
            _log.info("stream ends", device=self.session.device, code=last.code)
            self._outbox.close(_CLOSE_CODES.get(last.code, 1000))
        return effects

    def _gone(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _is_of(hello: Hello, epoch: str) -> bool:
    """Whether a device has nothing of another history."""
    told = hello.cursor or hello.reached
    return told is None or Cursor.parse(told).epoch == epoch


def is_outage(error: ElectricError) -> bool:
    """Whether Postgres can't be reached now: a reason to wait, and nobody's fault."""
    return isinstance(error, PostgresError) and error.code == "postgres-unavailable"


def bye_for(error: ElectricError) -> Bye:
    """What a device is told when an error ends its stream."""
    match error:
        case ProtocolError():
            return bye_for_violation(error)
        case PostgresError() if is_outage(error):
            return Bye("unavailable", "The service can't reach Postgres.", "Try again later.")
        case PostgresError():
            return Bye("failed", "The service failed at its database.", "See its log.")
        case ServiceError(status=401 | 403):
            return Bye("unauthorized", error.problem, error.remedy)
        case ServiceError(code="unknown-version"):
            remedy = "Run `electric sync` for this environment."
            return Bye("unknown-version", error.problem, error.remedy or remedy)
        case ServiceError():
            return Bye(error.code, error.problem, error.remedy, error.definite)
        case _:
            return Bye(error.code, error.problem, error.remedy)
