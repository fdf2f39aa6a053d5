"""The service as a device sees it: events in, effects out. No I/O, no clock, no dice.

The driver (`device/link.py`) turns the socket, the file and the time into events, and performs
the effects of each step in the order of their fields:

    effects = session.step(Came(frame), now_ms)
    stage effects.stage; apply effects.apply and report with Took; look at the file for
    effects.look, and compare that with effects.compare; send effects.send; load effects.load and
    report with Loaded; tell whoever waits of effects.answered; …

Rule 1: `_decide` is the only place that wants to upload anything. It reads what is known, never
        what has just happened, so no order of events can make it forget to.
Rule 2: transactions go up in the order of their numbers, from the one after the acknowledged; after
        a reconnection from there again. The hub takes each once.
Rule 3: what is not in `TRANSITIONS` is a violation; the connection ends, and another is tried.
Rule 4: what was written before an upgrade of the schema is at the hub before any delta is taken:
        until then nothing else goes up, and only acknowledgements come down.
Rule 5: who has said nothing for a while says that it is there. A service that says nothing at all
        is given up, however much it owes; one that is there may be slow, and is given up only if it
        owes us something for a long time. Time in which we did not listen does not count.

Not here: when to reconnect (`engine.py`), and what applying means (`device/apply.py`).
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, assert_never

import msgspec

from electricsql.errors import ProtocolError
from electricsql.limits import (
    CLOCK_GAP_MS_MAX,
    HEARTBEAT_MS,
    IN_FLIGHT_BYTES_MAX,
    IN_FLIGHT_TRANSACTIONS_MAX,
    SERVICE_SILENCE_MS_MAX,
    STUCK_MS_MAX,
    UPLOAD_PART_BYTES,
)
from electricsql.protocol.messages import (
    HEARTBEAT,
    PROTOCOL_VERSION,
    Acknowledged,
    Applied,
    Bye,
    Compare,
    DeltaPart,
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
from electricsql.replication import Standing


class DeviceState(Enum):
    """Where the conversation with the service stands."""

    CLOSED = auto()
    GREETING = auto()
    """Hello was said; the service has to welcome us."""
    STREAMING = auto()
    """Transactions up, deltas down."""
    UPGRADING = auto()
    """Transactions from before an upgrade go up; that they are in comes down, and nothing else."""
    STRANDED = auto()
    """Our cursor is no use at the hub: we start over, or reconcile, and say hello again. Or all
    from before an upgrade is in: we say hello again, to be sent everything."""


# What is not in this table is a violation.
TRANSITIONS: Final[dict[DeviceState, dict[type[Down], DeviceState]]] = {
    DeviceState.CLOSED: {},
    DeviceState.GREETING: {
        Welcome: DeviceState.STREAMING,
        Pong: DeviceState.GREETING,
        Bye: DeviceState.CLOSED,
    },
    DeviceState.STREAMING: {
        DeltaPart: DeviceState.STREAMING,
        Pong: DeviceState.STREAMING,
        Moment: DeviceState.STREAMING,
        Digests: DeviceState.STREAMING,
        Details: DeviceState.STREAMING,
        Bye: DeviceState.CLOSED,
    },
    DeviceState.UPGRADING: {
        Acknowledged: DeviceState.UPGRADING,
        Pong: DeviceState.UPGRADING,
        Bye: DeviceState.CLOSED,
    },
    DeviceState.STRANDED: {Pong: DeviceState.STRANDED, Bye: DeviceState.CLOSED},
}


_UPLOADING: Final = (DeviceState.STREAMING, DeviceState.UPGRADING)


class Opened(msgspec.Struct, frozen=True):
    """A connection is there. This is what the device's file says of itself."""

    device: str
    cursor: str | None
    schema_version: str | None
    sealed: int
    unsent: Mapping[int, int] = {}
    """The marks of the transactions that are not known to be at the hub, by number."""
    staged: Staged | None = None
    """What is kept of a delta that was broken off."""
    oldest: str | None = None
    """The cursor of the oldest unsent transaction; that of the file if there is none."""
    offered: int = 0
    """The horizon behind which what that transaction may need was offered to the hub."""
    origin: int = 0
    acknowledged: int = 0
    """The last transaction that is known to be at the hub."""
    wants_all: bool = False
    """Whether the hub is to send all that it has, whatever the cursor."""
    upgrade: str | None = None
    """The last migration of the file that does more than add."""
    older: int = 0
    """The last unsent transaction from before an upgrade of the schema (0: there is none)."""


class Came(msgspec.Struct, frozen=True):
    """A frame came in."""

    frame: Down


class Sealed(msgspec.Struct, frozen=True):
    """The transactions up to this number are sealed in the file."""

    number: int


class Loaded(msgspec.Struct, frozen=True):
    """The bytes of the transaction that was asked for."""

    number: int
    data: bytes


class Took(msgspec.Struct, frozen=True):
    """The delta that was to be applied is, durably."""

    cursor: str
    acknowledged: int
    oldest: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """Somebody wants to know when all that is at the hub now is here."""

    nonce: int


class Questioned(msgspec.Struct, frozen=True):
    """Somebody wants to know what the hub has."""

    question: Compare


class Clocked(msgspec.Struct, frozen=True):
    """Time went by. `heard`: pieces came meanwhile, if no whole frame."""

    heard: bool = False


class Lost(msgspec.Struct, frozen=True):
    """The connection is gone."""


DeviceEvent = Opened | Came | Sealed | Loaded | Took | Asked | Questioned | Clocked | Lost


class DeviceEffects(msgspec.Struct, frozen=True):
    """What the driver has to do, in this order."""

    place: Welcome | None = None
    """Remember the origin that the hub gave us."""
    start_over: str | None = None
    """The hub's history is another one, of this epoch: give up ours, then report `Opened` again."""
    reconcile: Welcome | None = None
    """The hub has forgotten too much of what we have not received: offer it what the
    transactions after the acknowledged one need, ask for everything, and report `Opened` again."""
    put_back: Welcome | None = None
    """The hub was put back to an older backup, and lacks what we have received from its fork on:
    become another device that offers it all that is here, and connect anew."""
    renew: bool = False
    """The hub has transactions of this device that are not ours, or another stream of it has taken
    over: the file is a copy, or was restored. Take a new identity, and connect anew. (Not while
    something is on its way: whether it is in has to be known first, or it would be in twice.)"""
    acknowledge: Acknowledged | None = None
    """Note what became of our transactions."""
    reopen: bool = False
    """All from before an upgrade are in: report `Opened` again."""
    stage: DeltaPart | None = None
    """Keep this part until the delta's last one comes."""
    apply: DeltaPart | None = None
    """Apply the delta that this part completes, and report `Took`."""
    answered: tuple[int, ...] = ()
    """These questions are answered: all that was at the hub is here."""
    look: bool = False
    """Remember the file as it is now: it is to be compared with the hub of this moment."""
    compare: Digests | Details | None = None
    """Compare the file, as it was at that moment, with what the hub had."""
    send: tuple[Up, ...] = ()
    load: int | None = None
    """Read this transaction, and report `Loaded`."""
    close: Bye | None = None


NOTHING: Final = DeviceEffects()


class DeviceSession:
    """The device's side of one stream."""

    def __init__(self) -> None:
        self.state = DeviceState.CLOSED
        self.sealed = 0
        self.acknowledged = 0
        self._sent = 0
        self._loading: int | None = None
        self._in_flight: dict[int, int] = {}
        self._due_part = 0
        self._asking: set[int] = set()
        self._has_come = False
        self._heartbeat = HEARTBEAT
        """The service's last one; another one says that parts of what we send have come."""
        self._said_ms = self._heard_ms = self._clocked_ms = self._progress_ms = 0
        self._epoch: str | None = None
        self._greeted = 0
        self._unsent: Mapping[int, int] = {}
        self._is_looking = False
        self._staged: Staged | None = None
        self._older = 0

    def step(self, event: DeviceEvent, now_ms: int) -> DeviceEffects:
        """Fold one event into what we know, and say what follows from it.

        Raises:
            ProtocolError: the service broke the protocol; the connection is to be closed.
        """
        effects = self._fold(event, now_ms)
        if effects.send:
            self._said_ms = now_ms
        return effects

    def _fold(self, event: DeviceEvent, now_ms: int) -> DeviceEffects:
        match event:
            case Opened():
                return self._greet(event, now_ms)
            case Came(frame):
                self._heard_ms, self._has_come = now_ms, True
                if frame != self._heartbeat:
                    self._progress_ms = now_ms
                if isinstance(frame, Pong) and not frame.nonce:
                    self._heartbeat = frame
                return self._receive(frame)
            case Sealed(number):
                self.sealed = max(self.sealed, number)
                return self._decide()
            case Loaded(number, data):
                return self._upload(number, data)
            case Took(cursor, acknowledged, oldest):
                self._acknowledge(acknowledged)
                return self._decide(Applied(cursor, oldest))
            case Asked(nonce):
                return self._ask(nonce)
            case Questioned(question):
                streaming = self.state is DeviceState.STREAMING
                return DeviceEffects(send=(question,)) if streaming else NOTHING
            case Clocked(heard):
                return self._clock(now_ms, heard)
            case Lost():
                self.state = DeviceState.CLOSED
                return NOTHING
            case _:
                assert_never(event)

    def _greet(self, opened: Opened, now_ms: int) -> DeviceEffects:
        self.state = DeviceState.GREETING
        self.sealed = self._greeted = opened.sealed
        self._heard_ms = self._clocked_ms = self._progress_ms = now_ms
        self._in_flight.clear()
        self._asking.clear()
        self._epoch = opened.cursor.partition("/")[0] if opened.cursor else None
        self._due_part, self._loading, self._is_looking = 0, None, False
        self._unsent = opened.unsent
        self._staged = opened.staged
        self._older = opened.older
        cursor = None if opened.wants_all else opened.cursor
        hello = Hello(
            *(PROTOCOL_VERSION, opened.device, cursor),
            *(opened.schema_version, opened.sealed, opened.staged),
            *(opened.oldest, opened.offered),
            reached=opened.cursor if opened.wants_all else None,
            origin=opened.origin,
            acknowledged=opened.acknowledged,
            upgrading=bool(opened.older),
            upgrade=opened.upgrade,
        )
        return DeviceEffects(send=(hello,))

    def _receive(self, frame: Down) -> DeviceEffects:
        after = TRANSITIONS[self.state].get(type(frame))
        if after is None:
            raise ProtocolError(
                "unexpected-frame",
                f"The service sent {type(frame).__name__} while {self.state.name.lower()}.",
            )
        self.state = after
        match frame:
            case Welcome():
                return self._welcome(frame)
            case DeltaPart():
                return self._part(frame)
            case Acknowledged(number):
                return self._acknowledged(frame, number)
            case Pong(nonce):
                self._asking.discard(nonce)
                return DeviceEffects(answered=(nonce,)) if nonce else NOTHING
            case Moment():
                self._is_looking = True
                return DeviceEffects(look=True)
            case Digests() | Details():
                return self._compare(frame)
            case Bye(code="superseded") if not self._in_flight:
                return DeviceEffects(renew=True)
            case Bye():
                return DeviceEffects(close=frame)
            case _:
                assert_never(frame)

    def _welcome(self, welcome: Welcome) -> DeviceEffects:
        if self._epoch is not None and welcome.epoch != self._epoch:
            self.state = DeviceState.STRANDED
            return DeviceEffects(start_over=welcome.epoch)
        if welcome.fork is not None:
            self.state = DeviceState.CLOSED
            return DeviceEffects(put_back=welcome)
        last, mark = welcome.acknowledged, welcome.acknowledged_mark
        # What was sealed since we said hello can't be at the hub: a number beyond is another's.
        if last > self._greeted or (mark and self._unsent.get(last, mark) != mark):
            self.state = DeviceState.CLOSED
            return DeviceEffects(renew=True)
        if welcome.standing != Standing.HERE:
            self.state = DeviceState.STRANDED
            return DeviceEffects(reconcile=welcome)
        self.acknowledged = self._sent = welcome.acknowledged
        if self._older:
            self.state = DeviceState.UPGRADING
        following = self._decide()
        return DeviceEffects(place=welcome, send=following.send, load=following.load)

    def _acknowledged(self, frame: Acknowledged, number: int) -> DeviceEffects:
        self._acknowledge(number)
        if number >= self._older:
            self.state = DeviceState.STRANDED
            return DeviceEffects(acknowledge=frame, reopen=True)
        return DeviceEffects(acknowledge=frame, load=self._decide().load)

    def _part(self, part: DeltaPart) -> DeviceEffects:
        if part.part != self._due_part:
            raise ProtocolError(
                "unexpected-part",
                f"Part {part.part} of a delta came where {self._due_part} was due.",
            )
        if part.follows and (part.part or self._staged is None):
            raise ProtocolError("unexpected-part", "A delta goes on with what is not staged.")
        self._staged = None
        self._due_part = 0 if part.last else part.part + 1
        return DeviceEffects(apply=part) if part.last else DeviceEffects(stage=part)

    def _compare(self, answer: Digests | Details) -> DeviceEffects:
        if not self._is_looking:
            raise ProtocolError("unexpected-frame", "The service told its rows of no moment.")
        self._is_looking = False
        return DeviceEffects(compare=answer)

    def _upload(self, number: int, data: bytes) -> DeviceEffects:
        """Send one transaction, in parts."""
        if number != self._loading or self.state not in _UPLOADING:
            return NOTHING  # read for a connection that is gone
        self._loading = None
        self._sent = number
        self._in_flight[number] = len(data)
        step = UPLOAD_PART_BYTES
        pieces = [data[start : start + step] for start in range(0, len(data), step)]
        frames = (
            Upload(number, part, part == len(pieces) - 1, piece)
            for part, piece in enumerate(pieces)
        )
        return self._decide(*frames)

    def _acknowledge(self, number: int) -> None:
        self.acknowledged = max(self.acknowledged, number)
        self._sent = max(self._sent, number)
        for done in [each for each in self._in_flight if each <= number]:
            del self._in_flight[done]

    def _decide(self, *frames: Up) -> DeviceEffects:
        """The next transaction to read, if there is one and the window has room for it."""
        idle = self.state in _UPLOADING and self._loading is None
        last = self._older if self.state is DeviceState.UPGRADING else self.sealed
        if idle and self._sent < last and self._has_room:
            self._loading = self._sent + 1
            return DeviceEffects(send=frames, load=self._loading)
        return DeviceEffects(send=frames) if frames else NOTHING

    @property
    def _has_room(self) -> bool:
        return (
            len(self._in_flight) < IN_FLIGHT_TRANSACTIONS_MAX
            and sum(self._in_flight.values()) <= IN_FLIGHT_BYTES_MAX
        )

    def _ask(self, nonce: int) -> DeviceEffects:
        if self.state is not DeviceState.STREAMING:
            return NOTHING
        self._asking.add(nonce)
        return DeviceEffects(send=(Ping(nonce),))

    def _clock(self, now_ms: int, heard: bool) -> DeviceEffects:
        """Half-open connections are noticed by their silence."""
        if self.state is DeviceState.CLOSED:
            return NOTHING
        away_ms = max(0, now_ms - self._clocked_ms - CLOCK_GAP_MS_MAX)
        self._clocked_ms = now_ms
        self._heard_ms = now_ms if heard else self._heard_ms + away_ms
        is_upgrading = self.state is DeviceState.UPGRADING
        owed = self._due_part or self._asking or self._in_flight or is_upgrading
        a_piece = heard and not self._has_come
        self._has_come = False
        self._progress_ms = now_ms if a_piece or not owed else self._progress_ms + away_ms
        if now_ms - self._heard_ms >= SERVICE_SILENCE_MS_MAX:
            return self._give_up(Bye("silent", "The service has not answered for too long."))
        if now_ms - self._progress_ms >= STUCK_MS_MAX:
            return self._give_up(Bye("stuck", "The service does not get on with what it has."))
        if now_ms - self._said_ms >= HEARTBEAT_MS:
            return DeviceEffects(send=(HEARTBEAT,))
        return self._decide()

    def _give_up(self, bye: Bye) -> DeviceEffects:
        self.state = DeviceState.CLOSED
        return DeviceEffects(close=bye)
