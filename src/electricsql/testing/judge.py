"""What must be true of a simulated world after every event, and at its end.

A database shows which transactions it has (the rows of `log`), so most of the promise is a
statement about sets: whoever sees a transaction sees all that its author had seen, and all of the
transaction itself; and nobody ever sees less than before. Of a register (a pair that nobody
deletes) everybody shows the value of the latest of its writers that it has seen, by their clocks.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from electricsql.replication import RowId
from electricsql.testing.device import Device, Mistake
from electricsql.testing.dict_hub import DictHub
from electricsql.testing.example import PAIRS_KEPT, Shown, Statement
from electricsql.testing.stores import DeviceStore

HUB: Final = "the hub"
_UNSEALED: Final = 1 << 63


@dataclass(slots=True)
class Seen:
    """What a database has shown until now: transactions as bits, by their serial numbers."""

    transactions: int = 0
    unsealed: tuple[int, ...] = ()
    """Those of the app that have no clock yet."""


@dataclass(slots=True)
class _Sight:
    """What a database shows just now."""

    transactions: int = 0
    lefts: dict[object, object] = field(default_factory=dict)
    rights: dict[object, object] = field(default_factory=dict)
    parents: set[object] = field(default_factory=set)
    referred: set[object] = field(default_factory=set)


class Judge:
    """Keeps the book of who has written and seen what."""

    def __init__(self, hub: DictHub) -> None:
        self._hub = hub
        self._pasts: dict[int, int] = {}
        self._authors: dict[int, str] = {}
        self._clocks: dict[int, int] = {}
        self._cut_back = 0
        self._writers: defaultdict[int, int] = defaultdict(int)
        self._together: dict[int, int] = {}
        self._never = 0
        self._committed = 0
        self._maybe = 0
        self.seen: defaultdict[str, Seen] = defaultdict(Seen)

    # What happens.

    def writes(self, name: str, serial: int, statements: list[Statement], past: int) -> None:
        """Somebody writes transaction `serial`, having seen `past`."""
        bit = 1 << serial
        self._authors[serial] = name
        self._pasts[serial] = past
        self._clocks[serial] = _UNSEALED
        for each in statements:
            if each.table == "lefts" and each.key[0] in PAIRS_KEPT:
                self._writers[PAIRS_KEPT.index(each.key[0])] |= bit

    def commits(self, *serials: int) -> None:
        """They are committed, all together."""
        bits = sum(1 << serial for serial in serials)
        self._committed |= bits
        self._together.update(dict.fromkeys(serials, bits))

    def aborts(self, *serials: int) -> None:
        """They are rolled back: nobody may ever see them."""
        self._never |= sum(1 << serial for serial in serials)
        for key in self._writers:
            self._writers[key] &= ~self._never

    def seals(self, name: str, store: DeviceStore) -> None:
        """What the app has committed has a clock now."""
        seen = self.seen[name]
        if seen.unsealed:
            clocks = store.pending
            hlc = clocks[max(clocks)]
            self._clocks.update(dict.fromkeys(seen.unsealed, hlc))
            seen.unsealed = ()

    def restores(self, name: str, seen: Seen) -> None:
        """A device's file is an earlier one: what it has not sent since is lost."""
        lost = self.seen[name].transactions & ~seen.transactions
        own = (serial for serial, author in self._authors.items() if author == name)
        self._maybe |= lost & sum(1 << serial for serial in own)
        self.seen[name] = Seen(seen.transactions)

    # What must be true.

    def look_at_hub(self) -> None:
        """The hub has changed."""
        if self._hub.refusals:
            raise Mistake("refused", f"the hub refuses {self._hub.refusals}")
        sight = _look(self._hub.shown())
        for serial in _bits(sight.transactions & ~self.seen[HUB].transactions):
            hlc = self._hub.clock_of(RowId("log", (serial,)))
            if self._clocks[serial] not in (hlc, _UNSEALED):
                self._cut_back |= 1 << serial
            self._clocks[serial] = hlc
        self._check(HUB, sight)

    def look_at(self, device: Device) -> None:
        """A device has changed."""
        sight = _look(device.store.shown())
        self._check(device.name, sight)
        for reached in device.answers:
            if reached & ~sight.transactions:
                raise Mistake("answered-early", f"{device.name} is told too early to have it all")
        device.answers.clear()

    def _check(self, name: str, sight: _Sight) -> None:
        seen = self.seen[name]
        now, before = sight.transactions, seen.transactions
        if before & ~now:
            raise Mistake("vanished", f"{name} sees {_names(before & ~now)} no more")
        if sight.lefts != sight.rights:
            raise Mistake("torn", f"{name} sees half: {sight.lefts}, {sight.rights}")
        if sight.referred - sight.parents:
            raise Mistake("foreign-key", f"{name} lacks {sight.referred - sight.parents}")
        if now & self._never:
            raise Mistake("aborted", f"{name} sees {_names(now & self._never)}, rolled back")
        for serial in _bits(now & ~before):
            missing = (self._pasts[serial] | self._together.get(serial, 0)) & ~now
            if missing:
                raise Mistake("causality", f"{name} sees {serial} without {_names(missing)}")
        self._check_registers(name, sight)
        seen.transactions = now

    def _check_registers(self, name: str, sight: _Sight) -> None:
        for place, key in enumerate(PAIRS_KEPT):
            writers = self._writers[place] & sight.transactions
            value = sight.lefts.get((key,))
            if value is None:
                if writers:
                    raise Mistake("register", f"{name} sees no pair {key} of {_names(writers)}")
                continue
            shown = int(str(value)[1:])
            if not sight.transactions >> shown & 1:
                raise Mistake("register", f"{name} sees a value of {shown}, and not {shown}")
            if self._cut_back & writers:
                continue
            later = [s for s in _bits(writers) if self._clocks[s] > self._clocks[shown]]
            if later:
                raise Mistake("register", f"{name} shows pair {key} of {shown}, not of {later}")

    def look_at_the_end(self, devices: list[Device]) -> str | None:
        """Why the world has not come to rest; None if it has."""
        hub = self._hub.shown()
        lost = self._committed & ~self._maybe & ~_look(hub).transactions
        if lost:
            return f"{_names(lost)} is not at the hub"
        for device in devices:
            if device.store.pending:
                return f"{device.name} has not sent {device.store.pending}"
            if device.asked:
                return f"{device.name} waits for answers"
            shown = device.store.shown()
            if shown != hub:
                other = {row_id: (shown.get(row_id), hub.get(row_id)) for row_id in {*shown, *hub}}
                differences = {row_id: two for row_id, two in other.items() if two[0] != two[1]}
                return f"{device.name} and the hub differ: {differences}"
        return None


def _look(shown: Shown) -> _Sight:
    sight = _Sight()
    transactions = 0
    for (table, key), values in shown.items():
        match table:
            case "log":
                transactions |= 1 << key[0]  # type: ignore[operator]
            case "lefts":
                sight.lefts[key] = values["value"]
            case "rights":
                sight.rights[key] = values["value"]
            case "parents":
                sight.parents.add(key[0])
            case _:
                sight.referred.add(values["parent"])
    sight.transactions = transactions
    return sight


def transactions_in(shown: Shown) -> int:
    """The transactions that a database has."""
    return _look(shown).transactions


def _bits(number: int) -> list[int]:
    places = []
    while number:
        low = number & -number
        places.append(low.bit_length() - 1)
        number ^= low
    return places


def _names(number: int) -> str:
    return ", ".join(map(str, _bits(number)))
