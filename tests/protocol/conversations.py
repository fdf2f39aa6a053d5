"""A device and a hub that talk over a connection that may break between any two frames.

Both sessions are the real ones; the file, the hub and the wire are the simplest things that could
be right. Whatever must always hold is asserted as soon as it could be broken.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from random import Random

from electricsql.protocol import (
    Acknowledged,
    Asked,
    Bye,
    Came,
    Clocked,
    Current,
    Delivered,
    DeltaPart,
    DeviceEffects,
    DeviceEvent,
    DeviceSession,
    HubEffects,
    HubEvent,
    HubSession,
    HubState,
    Loaded,
    Lost,
    Opened,
    Received,
    Registered,
    Sealed,
    Tick,
    Told,
    Took,
    Uploaded,
    decode_down,
    encode_frame,
)
from electricsql.replication import Cursor, Snapshot

QUIET_STEPS_MAX = 2_000
QUESTIONS_MAX = 20


@dataclass(frozen=True)
class File:
    """What a device keeps: its transactions by number, and what it has applied; those up to `older`
    are from before its last upgrade, after which it has not received all rows yet if it
    `wants_all`."""

    device: str
    cursor: Cursor | None = None
    acknowledged: int = 0
    transactions: tuple[bytes, ...] = ()
    older: int = 0
    wants_all: bool = False

    @property
    def is_upgrading(self) -> bool:
        return self.acknowledged < self.older

    def opened(self) -> Opened:
        numbers = range(self.acknowledged + 1, len(self.transactions) + 1)
        unsent = {number: mark(self.transactions[number - 1]) for number in numbers}
        cursor = None if self.cursor is None else str(self.cursor)
        return Opened(
            *(self.device, cursor, None, len(self.transactions), unsent),
            wants_all=self.wants_all,
            older=self.older if self.is_upgrading else 0,
        )


def mark(transaction: bytes) -> int:
    return int(transaction.partition(b":")[0])


@dataclass
class Hub:
    """Takes each device's transactions; `version` grows with everything that happens in it."""

    epoch: str = "e1"
    version: int = 1
    taken: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, Snapshot(1, self.version))

    def place(self, device: str) -> Registered:
        taken = self.taken.setdefault(device, [])
        return Registered(1, self.epoch, len(taken), mark(taken[-1]) if taken else 0)

    def take(self, device: str, uploaded: Uploaded) -> None:
        taken = self.taken[device]
        if uploaded.number <= len(taken):
            assert taken[uploaded.number - 1] == uploaded.data, "another one under its number"
            return
        assert uploaded.number == len(taken) + 1, "one is missing"
        taken.append(uploaded.data)
        self.version += 1


class Conversation:
    """One file and one hub; the connection between them comes and goes."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now_ms = 0
        self.file = File("device-" + "0" * 16)
        self.backup = self.file
        self.hub = Hub()
        self.renewed = 0
        self.started_over = 0
        self.answered = 0
        self._written = 0
        self._staged: list[DeltaPart] = []
        self._nonce = 0
        self._asked: dict[int, int] = {}
        self._device = DeviceSession()
        self._session: HubSession | None = None
        self._up: deque[bytes] = deque()
        self._down: deque[bytes] = deque()
        self._merging: deque[Uploaded] = deque()
        self._told = False

    # What may happen, in any order.

    def write(self) -> None:
        self._written += 1
        text = f"{self._written}:{'x' * self.random.randrange(40)}".encode()
        self.file = replace(self.file, transactions=(*self.file.transactions, text))
        self._step(Sealed(len(self.file.transactions)))

    def connect(self) -> None:
        """Connect, again if need be; maybe in another process."""
        self.disconnect()
        if self.random.random() < 0.5:
            self._device = DeviceSession()
        self._session = HubSession(self.now_ms)
        self._step(self.file.opened())

    def disconnect(self) -> None:
        """What is under way is lost, and so is what the hub had not merged yet."""
        self._session = None
        for queue in (self._up, self._down, self._merging):
            queue.clear()
        self._step(Lost())

    def carry_up(self) -> None:
        if self._up:
            self._hub(Received(self._up.popleft()))

    def carry_down(self) -> None:
        if self._down:
            self._step(Came(decode_down(self._down.popleft())))

    def merge(self) -> None:
        if self._merging:
            self.hub.take(self.file.device, self._merging.popleft())

    def direct(self) -> None:
        self.hub.version += 1

    def deliver(self) -> None:
        """Send the device what it doesn't have, in parts; or that it has everything."""
        session = self._session
        if session is None or not session.has_room:
            self._tell()
            return
        if session.cursor == self.hub.cursor:
            self._hub(Current(session.asked))
            return
        taken = len(self.hub.taken[session.device])
        last = self.random.randrange(3)
        for part in range(last + 1):
            whole = session.cursor is None
            frame = DeltaPart(part, part == last, whole, str(self.hub.cursor), taken, part, last)
            self._down.append(encode_frame(frame))
        self._hub(Delivered(self.hub.cursor, taken))

    def _tell(self) -> None:
        """Tell a device that is upgrading what is in, if it does not know."""
        if self._session is not None and self._session.is_upgrading:
            taken = len(self.hub.taken[self._session.device])
            if not self._told or taken > self._session.acknowledged:
                self._told = True
                self._hub(Told(Acknowledged(taken)))

    def upgrade(self) -> None:
        """The app is updated: another process opens the file."""
        self.disconnect()
        self._device = DeviceSession()
        older = len(self.file.transactions)
        self.file = replace(self.file, older=older, wants_all=True)
        self._staged = []

    def ask(self) -> None:
        """Ask whether all is here; on a new connection that is asked again."""
        if len(self._asked) < QUESTIONS_MAX:
            self._nonce += 1
            self._asked[self._nonce] = self.hub.version
            self._step(Asked(self._nonce))

    def wait(self) -> None:
        self.now_ms += self.random.randrange(4_000)
        self._step(Clocked())
        if self._session is not None:
            self._hub(Tick())

    def back_up(self) -> None:
        self.backup = self.file

    def restore(self) -> None:
        """The file is what it was some time ago."""
        self.disconnect()
        self.file = self.backup
        self._staged = []

    def reset(self) -> None:
        """The hub is emptied, and all connections with it."""
        self.disconnect()
        self.hub = Hub(f"e{int(self.hub.epoch[1:]) + 1}")
        self._asked = dict.fromkeys(self._asked, self.hub.version)

    # What the drivers do.

    def _step(self, event: DeviceEvent) -> None:
        events: deque[DeviceEvent] = deque([event])
        while events:
            events.extend(self._perform(self._device.step(events.popleft(), self.now_ms)))

    def _perform(self, effects: DeviceEffects) -> list[DeviceEvent]:
        following: list[DeviceEvent] = []
        if effects.place is not None:
            following.extend(map(Asked, self._asked))
        if effects.start_over is not None:
            self.file = File(self.file.device)
            self.started_over += 1
            following.append(self.file.opened())
        if effects.renew:
            self._renew()
        if effects.acknowledge is not None:
            number = max(self.file.acknowledged, effects.acknowledge.number)
            self.file = replace(self.file, acknowledged=number)
        if effects.reopen:
            following.append(self.file.opened())
        if effects.stage is not None:
            self._staged = [*self._staged[: effects.stage.part], effects.stage]
        if effects.apply is not None:
            following.append(self._apply(effects.apply))
        for nonce in effects.answered:
            self._answer(nonce)
        self._up.extend(map(encode_frame, effects.send))
        if effects.load is not None:
            data = self.file.transactions[effects.load - 1]
            following.append(Loaded(effects.load, data))
        if effects.close is not None:
            self._ended(effects.close)
        return following

    def _apply(self, last: DeltaPart) -> Took:
        parts = [*self._staged[: last.part], last]
        expected = {(last.cursor, place) for place in range(last.part + 1)}
        assert {(part.cursor, part.part) for part in parts} == expected, "a part is missing"
        self._staged = []
        cursor = Cursor.parse(last.cursor)
        before = self.file.cursor
        assert before is None or before.snapshot.xmax <= cursor.snapshot.xmax, "it went back"
        assert self.file.acknowledged <= last.acknowledged <= len(self.file.transactions)
        assert not self.file.is_upgrading, "rows over what is of an older version"
        assert last.whole or not self.file.wants_all, "the rows of before are not replaced"
        self.file = replace(
            self.file, cursor=cursor, acknowledged=last.acknowledged, wants_all=False
        )
        return Took(last.cursor, last.acknowledged)

    def _answer(self, nonce: int) -> None:
        if nonce in self._asked:  # not a heartbeat, and not answered before
            assert self.file.cursor is not None
            assert self.file.cursor.snapshot.xmax >= self._asked.pop(nonce), "answered too early"
            self.answered += 1

    def _renew(self) -> None:
        self.renewed += 1
        unsent = self.file.transactions[self.file.acknowledged :]
        older = max(0, self.file.older - self.file.acknowledged)
        self.file = replace(
            self.file,
            device=f"device-{self.renewed:016}",
            acknowledged=0,
            transactions=unsent,
            older=older,
        )
        self.disconnect()

    def _ended(self, bye: Bye) -> None:
        assert bye.code == "silent" or "hello in time" in bye.problem, bye
        self.disconnect()

    def _hub(self, event: HubEvent) -> None:
        if self._session is not None:
            self._perform_hub(self._session.step(event, self.now_ms))

    def _perform_hub(self, effects: HubEffects) -> None:
        self._down.extend(map(encode_frame, effects.send))
        if effects.register is not None:
            self._told = False
            self._hub(self.hub.place(effects.register.device))
        if effects.submit is not None:
            self._merging.append(effects.submit)

    # What must be true in the end.

    def heal(self) -> None:
        """Let everything go well from now on, until there is nothing left to do."""
        self.disconnect()
        for _ in range(QUIET_STEPS_MAX):
            if self._session is None or self._session.state is HubState.CLOSED:
                self.connect()
            for act in (self.carry_up, self.merge, self.deliver, self.carry_down):
                act()
            if self._is_quiet():
                return
        raise AssertionError("it does not come to rest")

    def _is_quiet(self) -> bool:
        return (
            self.file.cursor == self.hub.cursor
            and self.file.acknowledged == len(self.file.transactions)
            and not self.file.wants_all
            and not (self._asked or self._up or self._down or self._merging)
        )
