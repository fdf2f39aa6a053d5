"""One device's stream as the service sees it: events in, effects out. No I/O, no clock.

The driver (`service/stream.py`) turns bytes and timers into events, and performs the effects of
each step in the order of their fields:

    effects = session.step(Received(data), now_ms)
    send effects.send; look up effects.register, answer with Registered;
    merge effects.submit; remember effects.applied; wake the reader if effects.wake;
    close if effects.close

Rule 1: what is not in `TRANSITIONS` is a violation; it ends this connection and nothing else.
Rule 2: nothing here grows without a limit: parts of an upload, uploads that are not acknowledged,
        deltas that are not applied, pings and questions that are not answered, hellos.
Rule 3: a device that is upgrading is sent no deltas: only that its transactions are in.
Rule 4: a Ping is answered when the device has been sent all that was at the hub when it asked, so
        a device can learn that it is up to date.

Not here: what is in a delta and who reads it (`service/fanout.py`), and what a token may do.
"""

import re
from enum import Enum, auto
from typing import Final, assert_never

import msgspec

from electricsql.errors import ProtocolError
from electricsql.limits import (
    CLOCK_GAP_MS_MAX,
    DEVICE_SILENCE_MS_MAX,
    HANDSHAKE_MS_MAX,
    HEARTBEAT_MS,
    HELLOS_MAX,
    PLACE_MS,
    UNSENT_FRAMES_MAX,
)
from electricsql.protocol.codec import check_staged, decode_up
from electricsql.protocol.messages import (
    PROTOCOL_VERSION,
    Acknowledged,
    Applied,
    Bye,
    Compare,
    Details,
    Digests,
    Down,
    Hello,
    Moment,
    Ping,
    Pong,
    Staged,
    Up,
    Upload,
    Welcome,
)
from electricsql.protocol.uploads import Uploaded, Uploads
from electricsql.replication import Cursor, Fork, Snapshot, Standing

_DEVICE_ID: Final = re.compile(r"[0-9A-Za-z-]{16,64}")


class HubState(Enum):
    """Where the conversation with a device stands."""

    GREETING = auto()
    """The device has to say hello."""
    REGISTERING = auto()
    """The hub is asked for the device's place."""
    STREAMING = auto()
    """Transactions up, deltas down."""
    UPGRADING = auto()
    """Transactions from before an upgrade of the device's schema come up; when they are in, it says
    hello again."""
    STRANDED = auto()
    """The device's cursor can't be used: it starts over, or reconciles, and says hello again. (If
    the hub was put back, the device connects anew.)"""
    CLOSED = auto()
    """Over. What still arrives is dropped."""


# What is not in this table is a violation. docs/protocol.md shows it.
TRANSITIONS: Final[dict[HubState, dict[type[Up], HubState]]] = {
    HubState.GREETING: {Hello: HubState.REGISTERING},
    HubState.REGISTERING: {Ping: HubState.REGISTERING, Pong: HubState.REGISTERING},
    HubState.STREAMING: {
        Upload: HubState.STREAMING,
        Applied: HubState.STREAMING,
        Ping: HubState.STREAMING,
        Pong: HubState.STREAMING,
        Compare: HubState.STREAMING,
    },
    HubState.UPGRADING: {
        Hello: HubState.REGISTERING,
        Upload: HubState.UPGRADING,
        Ping: HubState.UPGRADING,
        Pong: HubState.UPGRADING,
    },
    HubState.STRANDED: {
        Hello: HubState.REGISTERING,
        Ping: HubState.STRANDED,
        Pong: HubState.STRANDED,
    },
    HubState.CLOSED: {},
}


class Received(msgspec.Struct, frozen=True):
    """A frame came in."""

    data: bytes


class Registered(msgspec.Struct, frozen=True):
    """The hub told the device's place. `session` is higher than that of every earlier stream of the
    device."""

    origin: int
    epoch: str
    acknowledged: int
    acknowledged_mark: int = 0
    session: int = 0
    standing: Standing = Standing.HERE
    horizon: int = 0
    """The xid below which the hub has forgotten what happened."""
    fork: Fork | None = None
    """Where the hub left the device's history."""


class Delivered(msgspec.Struct, frozen=True):
    """A whole delta up to `cursor` is on its way to the device, with that acknowledgement."""

    cursor: Cursor
    acknowledged: int


class Unchanged(msgspec.Struct, frozen=True):
    """Nothing changed up to `cursor` that the device has to be told now."""

    cursor: Cursor


class Told(msgspec.Struct, frozen=True):
    """A device that is upgrading is to be told what is in of its transactions."""

    frame: Acknowledged


class Current(msgspec.Struct, frozen=True):
    """All that was at the hub when the device had asked `asked` times has been sent to it."""

    asked: int


class Looking(msgspec.Struct, frozen=True):
    """The hub is looked at to answer `question`, at the cursor that was just delivered."""


class Compared(msgspec.Struct, frozen=True):
    """The answer to what the device wanted to know, as of that moment."""

    answer: Digests | Details


class Ended(msgspec.Struct, frozen=True):
    """The service ends the stream, and says why."""

    bye: Bye


class Tick(msgspec.Struct, frozen=True):
    """Time went by. The driver was not `listening` if it could take no frames of the device, and is
    `speaking` as long as some wait to leave."""

    listening: bool = True
    speaking: bool = False


HubEvent = (
    Received
    | Registered
    | Delivered
    | Unchanged
    | Told
    | Current
    | Looking
    | Compared
    | Ended
    | Tick
)


class HubEffects(msgspec.Struct, frozen=True):
    """What the driver has to do, in this order."""

    send: tuple[Down, ...] = ()
    register: Hello | None = None
    submit: Uploaded | None = None
    applied: Applied | None = None
    wake: bool = False
    """The reader has something to do for this device."""
    close: bool = False


NOTHING: Final = HubEffects()


class HubSession:
    """The state of one device's stream. Small: there are thousands of them."""

    __slots__ = (
        "_applied",
        "_asked",
        "_awaiting",
        "_heard_ms",
        "_hellos",
        "_is_upgrading",
        "_owes_answer",
        "_said_ms",
        "_ticked_ms",
        "_told",
        "_told_ms",
        "_unapplied",
        "_uploads",
        "acknowledged",
        "cursor",
        "device",
        "number",
        "origin",
        "question",
        "staged",
        "state",
    )

    def __init__(self, now_ms: int) -> None:
        self.state = HubState.GREETING
        self.device = ""
        self.origin = 0
        self.number = 0
        """Which of the device's sessions this is."""
        self.acknowledged = 0
        """What the device has been told."""
        self.cursor: Cursor | None = None
        """Up to where the device needs nothing more: what it has been told, or a later one up to
        which nothing changed."""
        self.staged: Staged | None = None
        """What the device has of the delta that it needs first."""
        self.question: Compare | None = None
        """What the device wants to know of the hub's rows, until it is looked at."""
        self._owes_answer = False
        self._told: Cursor | None = None
        self._applied: Cursor | None = None
        self._unapplied: tuple[Cursor, ...] = ()
        self._uploads = Uploads(0)
        self._asked = self._hellos = 0
        self._is_upgrading = False
        self._awaiting: tuple[int, ...] = ()
        self._heard_ms = self._said_ms = now_ms
        self._ticked_ms = self._told_ms = now_ms

    @property
    def has_room(self) -> bool:
        """Whether the device may be sent another delta: it keeps up with applying them."""
        return self.state is HubState.STREAMING and len(self._unapplied) < UNSENT_FRAMES_MAX

    @property
    def is_upgrading(self) -> bool:
        """Whether the device is to be told what is in (`Told`), and nothing else."""
        return self.state is HubState.UPGRADING

    @property
    def asked(self) -> int:
        """How often the device has asked for an answer so far (see `Current`)."""
        return self._asked

    @property
    def is_waiting(self) -> bool:
        """Whether a Ping waits for its answer."""
        return bool(self._awaiting)

    @property
    def has_uploads(self) -> bool:
        """Whether it has uploaded transactions that it doesn't know to be acknowledged."""
        return self._uploads.in_flight

    @property
    def uploading(self) -> int:
        """How many bytes are here of a transaction that isn't whole yet."""
        return self._uploads.open_bytes

    def has_applied(self, cursor: Cursor) -> bool:
        """Whether a cursor that the device was sent doesn't wait to be applied any more."""
        return cursor not in self._unapplied

    def lags(self, now_ms: int) -> bool:
        """Whether it is time to tell the device its cursor although nothing changed."""
        return self._told != self.cursor and now_ms - self._told_ms >= PLACE_MS

    def step(self, event: HubEvent, now_ms: int) -> HubEffects:
        """Fold one event into what we know, and say what follows from it."""
        if self.state is HubState.CLOSED:
            return NOTHING
        try:
            effects = self._step(event, now_ms)
        except ProtocolError as error:
            return self._end(bye_for_violation(error))
        if effects.send:
            self._said_ms = now_ms
        return effects

    def _step(self, event: HubEvent, now_ms: int) -> HubEffects:
        match event:
            case Received(data):
                self._heard_ms = now_ms
                return self._receive(decode_up(data))
            case Registered():
                return self._register(event, now_ms)
            case Delivered(cursor, acknowledged):
                return self._delivered(cursor, acknowledged, now_ms)
            case Unchanged(cursor):
                self.cursor = cursor
                return NOTHING
            case Told(frame):
                if not self.is_upgrading:
                    return NOTHING
                self._acknowledge(frame.number)
                return HubEffects(send=(frame,))
            case Current(asked):
                return self._answer(asked)
            case Looking():
                self.question = None
                return HubEffects(send=(Moment(),))
            case Compared(answer):
                self._owes_answer = False
                return HubEffects(send=(answer,))
            case Ended(bye):
                return self._end(bye)
            case Tick():
                return self._tick(event, now_ms)
            case _:
                assert_never(event)

    def _receive(self, frame: Up) -> HubEffects:
        after = TRANSITIONS[self.state].get(type(frame))
        if after is None:
            raise ProtocolError(
                "unexpected-frame",
                f"A device sent {type(frame).__name__} while {self.state.name.lower()}.",
            )
        self.state = after
        match frame:
            case Hello():
                return self._greet(frame)
            case Upload():
                return HubEffects(submit=self._uploads.add(frame))
            case Applied():
                return self._apply(frame, Cursor.parse(frame.cursor))
            case Ping(nonce):
                return self._ask(nonce)
            case Pong():
                return NOTHING
            case Compare():
                return self._compare(frame)
            case _:
                assert_never(frame)

    def _greet(self, hello: Hello) -> HubEffects:
        if hello.protocol != PROTOCOL_VERSION:
            raise ProtocolError(
                "protocol-version",
                f"The device speaks protocol version {hello.protocol}, the service"
                f" {PROTOCOL_VERSION}.",
                "Use versions of electricsql that belong together on both sides.",
            )
        self._hellos += 1
        if self._hellos > HELLOS_MAX:
            raise ProtocolError("window", "A device says hello again and again.")
        if not _DEVICE_ID.fullmatch(hello.device):
            raise ProtocolError("bad-hello", "A device's id has 16 to 64 letters or digits.")
        self.device = hello.device
        self.cursor = None if hello.cursor is None else Cursor.parse(hello.cursor)
        self.staged = None if hello.staged is None else check_staged(hello.staged)
        self._is_upgrading = hello.upgrading
        for told in filter(None, (hello.oldest, hello.reached)):
            Cursor.parse(told)
        return HubEffects(register=hello)

    def _register(self, place: Registered, now_ms: int) -> HubEffects:
        assert self.state is HubState.REGISTERING, "nobody asked for the device's place"
        self.origin, self.number = place.origin, place.session
        self.acknowledged = place.acknowledged
        self._told = self._applied = self.cursor
        self._told_ms, self._unapplied = now_ms, ()
        self._uploads = Uploads(place.acknowledged)
        if self.staged is not None and _begun(self.staged).xmin < place.horizon:
            self.staged = None
        other = self.cursor is not None and self.cursor.epoch != place.epoch
        stranded = other or place.standing is not Standing.HERE
        welcomed = HubState.UPGRADING if self._is_upgrading else HubState.STREAMING
        self.state = HubState.STRANDED if stranded else welcomed
        welcome = Welcome(
            *(place.origin, place.epoch, place.acknowledged, place.acknowledged_mark),
            *(now_ms, HEARTBEAT_MS, place.standing, place.horizon),
            fork=place.fork,
        )
        return HubEffects(send=(welcome,), wake=not stranded)

    def _apply(self, frame: Applied, cursor: Cursor) -> HubEffects:
        if frame.oldest is not None:
            Cursor.parse(frame.oldest)
        if cursor == self._applied:
            return NOTHING
        if cursor not in self._unapplied:
            raise ProtocolError("unknown-cursor", "A device applied what it was not sent.")
        had_room = self.has_room
        self._unapplied = self._unapplied[self._unapplied.index(cursor) + 1 :]
        self._applied = cursor
        return HubEffects(applied=frame, wake=not had_room)

    def _ask(self, nonce: int) -> HubEffects:
        if len(self._awaiting) >= UNSENT_FRAMES_MAX:
            raise ProtocolError("window", "A device asks faster than it can be answered.")
        self._asked += 1
        self._awaiting = (*self._awaiting, nonce)
        return HubEffects(wake=self.state is HubState.STREAMING)

    def _compare(self, question: Compare) -> HubEffects:
        if self._owes_answer:
            raise ProtocolError("window", "A device asks faster than it can be answered.")
        self.question, self._owes_answer = question, True
        return HubEffects(wake=True)

    def _delivered(self, cursor: Cursor, acknowledged: int, now_ms: int) -> HubEffects:
        assert self.has_room, "the device has to apply what it was sent first"
        self.cursor = self._told = cursor
        self.staged = None
        self._told_ms = self._said_ms = now_ms
        self._unapplied = (*self._unapplied, cursor)
        self._acknowledge(acknowledged)
        return NOTHING

    def _acknowledge(self, number: int) -> None:
        self.acknowledged = max(self.acknowledged, number)
        self._uploads.acknowledge(number)

    def _answer(self, asked: int) -> HubEffects:
        """Answer those of the first `asked` pings that still wait."""
        answered = max(0, len(self._awaiting) - (self._asked - asked))
        nonces, self._awaiting = self._awaiting[:answered], self._awaiting[answered:]
        return HubEffects(send=tuple(Pong(nonce) for nonce in nonces))

    def _tick(self, tick: Tick, now_ms: int) -> HubEffects:
        """Time in which we did not listen does not count. Nor do bytes that are no frame yet: a
        frame whose length was damaged takes in whatever comes, and honest ones are small."""
        away_ms = max(0, now_ms - self._ticked_ms - CLOCK_GAP_MS_MAX)
        self._ticked_ms = now_ms
        self._heard_ms = self._heard_ms + away_ms if tick.listening else now_ms
        if tick.speaking:
            self._said_ms = now_ms
        silent_ms = now_ms - self._heard_ms
        if self.state is HubState.GREETING and silent_ms >= HANDSHAKE_MS_MAX:
            return self._end(Bye("protocol", "The device did not say hello in time."))
        if silent_ms >= DEVICE_SILENCE_MS_MAX:
            return self._end(Bye("silent", "The device has not been heard of for too long."))
        if now_ms - self._said_ms >= HEARTBEAT_MS:
            return HubEffects(send=(Pong(0, self._uploads.parts),))
        return NOTHING

    def _end(self, bye: Bye) -> HubEffects:
        self.state = HubState.CLOSED
        return HubEffects(send=(bye,), close=True)


def bye_for_violation(error: ProtocolError) -> Bye:
    """What a device is told that broke the protocol, or whose frame was damaged on its way."""
    match error.code:
        case "damaged-frame":
            return Bye("damaged", error.problem, error.remedy)
        case "too-large":
            return Bye("too-large", error.problem, error.remedy, definite=True)
        case _:
            return Bye("protocol", error.problem, error.remedy, definite=True)


def _begun(staged: Staged) -> Snapshot:
    """What a device that has staged so much has received for sure."""
    return Cursor.parse(staged.since or staged.cursor).snapshot
