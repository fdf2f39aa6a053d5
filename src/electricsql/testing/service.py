"""The service as the simulation has it: the real sessions and encodings, over a hub store.

It does what `service/fanout.py`, `merging.py` and `environments.py` do, one thing after the other:
a delta for each cursor that some device has, read in one snapshot, with the acknowledgement of that
moment; uploads in one queue, each device's in order.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

from electricsql.hub import Claim
from electricsql.protocol import (
    Bye,
    Current,
    Delivered,
    Ended,
    Hello,
    HubEffects,
    HubEvent,
    HubSession,
    HubState,
    Received,
    Tick,
    Unchanged,
    Uploaded,
    encode_frame,
    read_transaction,
    unfold_transaction,
)
from electricsql.replication import Cursor
from electricsql.service.parts import Answer, EncodedDelta, encode_part, migration_frames
from electricsql.testing.network import Wire
from electricsql.testing.stores import HubStore, Reading, Submitted

RESET: Final = Bye("reset", "The environment was reset.")
SUPERSEDED: Final = Bye("superseded", "A newer stream of this device has taken over.")


class Stream:
    """The service's end of a wire."""

    __slots__ = ("served", "session", "wire")

    def __init__(self, wire: Wire, now_ms: int) -> None:
        self.wire = wire
        self.session = HubSession(now_ms)
        self.served = False


class Service:
    """One environment's service. What it keeps is lost when it crashes."""

    def __init__(self, hub: HubStore, now_ms: Callable[[], int]) -> None:
        self._hub = hub
        self._now_ms = now_ms
        self._streams: dict[Wire, Stream] = {}
        self._by_device: dict[str, Stream] = {}
        self._queue: deque[tuple[Stream, Submitted]] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be merged."""
        return not self._queue

    @property
    def connected(self) -> Collection[str]:
        """The devices that have a stream."""
        return self._by_device.keys()

    def accept(self, wire: Wire) -> None:
        """A device has connected."""
        self._streams[wire] = Stream(wire, self._now_ms())

    def receive(self, wire: Wire, data: bytes) -> None:
        """A frame arrives."""
        stream = self._streams.get(wire)
        if stream is None:
            return
        effects = self._step(stream, Received(data))
        if effects.register is not None:
            self._register(stream, effects.register)
        if effects.applied is not None:
            session, applied = stream.session, effects.applied
            claim = _claim(applied.cursor, applied.oldest)
            self._hub.applied(session.device, session.number, claim)
        if effects.submit is not None:
            self._submit(stream, effects.submit)

    def lose(self, wire: Wire) -> None:
        """A connection is known to be gone."""
        stream = self._streams.pop(wire, None)
        if stream is not None:
            if self._by_device.get(stream.session.device) is stream:
                del self._by_device[stream.session.device]
            wire.leave_hub()

    def merge(self, count: int, now_ms: int) -> None:
        """Merge the next so many uploads in one Postgres transaction, if nobody is in the way."""
        batch = [submitted for _, submitted in list(self._queue)[:count]]
        if batch and self._hub.merge(batch, now_ms):
            for _ in batch:
                self._queue.popleft()

    def look(self) -> None:
        """Read what is new, and send it."""
        ready = [each for each in self._streams.values() if each.session.has_room]
        if not ready:
            return
        now_ms = self._now_ms()
        asked = [(each, each.session.asked) for each in ready if each.session.is_waiting]
        reading = self._hub.reading()
        groups: defaultdict[Cursor | None, list[Stream]] = defaultdict(list)
        for stream in ready:
            groups[stream.session.cursor].append(stream)
        for cursor, group in groups.items():
            if cursor != reading.cursor or any(self._is_due(each, now_ms) for each in group):
                self._serve(reading, cursor, group)
        for stream, count in asked:
            self._step(stream, Current(count))

    def stop(self, bye: Bye) -> None:
        """End all streams."""
        for stream in list(self._streams.values()):
            self._step(stream, Ended(bye))

    def tick(self) -> None:
        """Time went by."""
        for stream in list(self._streams.values()):
            self._step(stream, Tick())

    def _is_due(self, stream: Stream, now_ms: int) -> bool:
        """Whether a stream that has it all is told something nevertheless."""
        return not stream.served or stream.session.has_uploads or stream.session.lags(now_ms)

    def _serve(self, reading: Reading, cursor: Cursor | None, group: Sequence[Stream]) -> None:
        migrations = migration_frames(reading.migrations_since(cursor))
        parts = [encode_part(part) for part in reading.parts_since(cursor)]
        delta = EncodedDelta(reading.cursor, cursor is None, migrations, parts)
        acknowledged = reading.acknowledged([stream.session.origin for stream in group])
        for stream in group:
            self._tell(reading, stream, delta, acknowledged[stream.session.origin])

    def _tell(self, reading: Reading, stream: Stream, delta: EncodedDelta, number: int) -> None:
        session = stream.session
        number = max(number, session.acknowledged)
        refused = reading.refused_since([session.origin], session.cursor).get(session.origin, ())
        news = refused or not stream.served or number != session.acknowledged
        if not news and delta.is_empty and not session.lags(self._now_ms()):
            self._step(stream, Unchanged(delta.cursor))
            return
        answer = Answer.of(number, refused)
        stream.wire.down.extend(delta.frames(session.origin, answer))
        stream.served = True
        self._step(stream, Delivered(delta.cursor, number))

    def _register(self, stream: Stream, hello: Hello) -> None:
        device = hello.device
        before = self._by_device.get(device)
        if before is not None and before is not stream:
            self._step(before, Ended(SUPERSEDED))
        for other in [each for each, held in self._by_device.items() if held is stream]:
            del self._by_device[other]  # it has started over, as another device
        self._by_device[device] = stream
        stream.served = False
        claim = _claim(hello.cursor, hello.oldest, offered=hello.offered)
        self._step(stream, self._hub.register(device, claim))

    def _submit(self, stream: Stream, uploaded: Uploaded) -> None:
        frame = read_transaction(uploaded.data)
        tables = self._hub.schema_at(frame.schema_version).tables
        transaction = unfold_transaction(frame, tables)
        session = stream.session
        submitted = Submitted(session.origin, session.number, transaction, uploaded.data)
        self._queue.append((stream, submitted))

    def _step(self, stream: Stream, event: HubEvent) -> HubEffects:
        effects = stream.session.step(event, self._now_ms())
        if effects.send:
            stream.wire.down.extend(map(encode_frame, effects.send))
        if effects.close:
            self.lose(stream.wire)
        return effects

    def has_stream(self, wire: Wire) -> bool:
        """Whether a stream goes on at this end."""
        stream = self._streams.get(wire)
        return stream is not None and stream.session.state is not HubState.CLOSED


def _claim(cursor: str | None, oldest: str | None, *, offered: int = 0) -> Claim:
    return Claim(_cursor(cursor), _cursor(oldest), offered=offered)


def _cursor(text: str | None) -> Cursor | None:
    return Cursor.parse(text) if text is not None else None
