"""A simulated device: its file, the engine's part with the real session, and a process that may end
between any two of its effects."""

from collections.abc import Callable
from typing import Final

from electricsql.protocol import (
    Asked,
    Bye,
    Came,
    Clocked,
    DeltaPart,
    DeviceEffects,
    DeviceEvent,
    DeviceSession,
    Loaded,
    Lost,
    Sealed,
    Welcome,
    decode_down,
    encode_frame,
)
from electricsql.testing.example import transactions_in
from electricsql.testing.network import Wire
from electricsql.testing.stores import DeviceStore

_EXPECTED: Final = frozenset({"silent", "lost", "superseded", "draining", "reset"})
"""Reasons to end a stream that are nobody's mistake."""


def _ignore(_: "Device") -> None:
    pass


class Crash(Exception):
    """The process ends here."""


class Mistake(AssertionError):
    """A rule is broken: which one, and how."""

    def __init__(self, rule: str, problem: str) -> None:
        super().__init__(f"{rule}: {problem}")
        self.rule: Final = rule


class Device:
    """One device, and its part of a connection. Its wall clock may be wrong by `skew_ms`."""

    def __init__(self, name: str, store: DeviceStore, now_ms: Callable[[], int]) -> None:
        self.name = name
        self.store = store
        self.skew_ms = 0
        self.wire: Wire | None = None
        self.asked: dict[int, int] = {}
        """Questions that are not answered, with what was at the hub when they were asked."""
        self.crash_in: int | None = None
        """After how many steps the process ends."""
        self.sealed: Callable[[Device], None] = _ignore
        """Called when what the app has committed may have been sealed."""
        self.started_over: Callable[[Device], None] = _ignore
        """Called when the file was emptied."""
        self._now_ms = now_ms
        self._session = DeviceSession()
        self._nonces = 0

    def wall_ms(self) -> int:
        """What time it is, as far as the device knows."""
        return self._now_ms() + self.skew_ms

    def connect(self) -> Wire:
        """Open a connection (the one before is gone)."""
        self.wire = Wire()
        self._session = DeviceSession()
        self._happens(self.store.opened())
        return self.wire

    def seal(self) -> None:
        self._happens(self._seal())

    def ask(self, reached: int) -> None:
        """Ask to be told when all is here that is at the hub now."""
        self._nonces += 1
        self.asked[self._nonces] = reached
        self._happens(Asked(self._nonces))

    def hear(self, data: bytes) -> None:
        """A frame arrives."""
        self._happens(Came(decode_down(data)))

    def tick(self) -> None:
        if self.wire is not None:
            self._happens(Clocked())

    def lose(self) -> None:
        """The connection is known to be gone."""
        if self.wire is not None:
            self.wire.leave_device(None)
            self.wire = None
            self._happens(Lost())

    def crash(self) -> None:
        """The process ends, and another one begins. Nobody waits any more."""
        if self.wire is not None:
            self.wire.leave_device(None)
        self.wire = None
        self._session = DeviceSession()
        self.asked.clear()
        self.store.crash()
        self.crash_in = None

    def _happens(self, event: DeviceEvent) -> None:
        events, now_ms = [event], self._now_ms()
        for each in events:  # what follows from one comes behind the others
            events += self._perform(self._session.step(each, now_ms))

    def _perform(self, effects: DeviceEffects) -> list[DeviceEvent]:
        """As `device/link.py` does. The process may end before each effect."""
        following: list[DeviceEvent] = []
        if effects.place is not None:
            self._may_crash()
            following += self._welcomed(effects.place)
        if effects.start_over is not None:
            self._may_crash()
            self.store.start_over(effects.start_over)
            self.started_over(self)
            following.append(self.store.opened())
        if effects.reconcile is not None:
            self._may_crash()
            forgotten = effects.reconcile
            self.store.reconcile(forgotten.acknowledged, forgotten.horizon, self.wall_ms())
            self.sealed(self)
            following.append(self.store.opened())
        if effects.renew:
            self._may_crash()
            self.store.renew()
            self._leave()
        if effects.stage is not None:
            self.store.stage(effects.stage)
        if effects.apply is not None:
            self._may_crash()
            following += self._apply(effects.apply)
        for nonce in effects.answered:
            if self.asked.pop(nonce, 0) & ~transactions_in(self.store.shown()):
                raise Mistake("answered-early", f"{self.name} is told that it has all, and has not")
        for frame in effects.send:
            self._may_crash()
            if self.wire is not None:
                self.wire.up.append(encode_frame(frame))
        if effects.load is not None:
            following.append(Loaded(effects.load, self.store.load(effects.load)))
        if effects.close is not None:
            self._end(effects.close)
        return following

    def _welcomed(self, welcome: Welcome) -> list[DeviceEvent]:
        self.store.place(welcome.origin)
        return [Asked(nonce) for nonce in self.asked]

    def _apply(self, last: DeltaPart) -> list[DeviceEvent]:
        took = self.store.apply(last, self.wall_ms())
        self.sealed(self)
        self._may_crash()
        return [took, self._seal()]

    def _seal(self) -> Sealed:
        number = self.store.seal(self.wall_ms())
        self.sealed(self)
        return Sealed(number)

    def _end(self, bye: Bye) -> None:
        is_late = bye.code == "protocol" and not bye.definite  # its hello is still under way
        if bye.code not in _EXPECTED and not is_late:
            raise Mistake("turned-away", f"{self.name} is told {bye.code}: {bye.problem}")
        self._leave()

    def _leave(self) -> None:
        if self.wire is not None:
            self.wire.leave_device(None)
            self.wire = None

    def _may_crash(self) -> None:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                raise Crash
