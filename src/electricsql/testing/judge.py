"""What must be true of a simulated world after every event, and at its end.

A database shows which transactions it has (the rows of `log`), so most of the promise is a
statement about sets: whoever sees a transaction sees all that its author had seen, and all of the
transaction itself; and nobody ever sees less than before. Of a register (a pair that nobody
deletes) everybody shows the value of the latest of its writers that it has seen, by their clocks.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from electricsql.replication import NOBODY, RowId, is_direct
from electricsql.testing.device import Device, Mistake
from electricsql.testing.dict_hub import DictHub, Quarantined
from electricsql.testing.example import PAIRS_KEPT, Shown, Statement, Verb, transactions_in
from electricsql.testing.stores import DeviceStore, TransactionId

HUB: Final = "the hub"
_UNSEALED: Final = 1 << 63


@dataclass(slots=True)
class Seen:
    """What a database has shown until now: transactions as bits, by their serial numbers."""

    transactions: int = 0
    unsealed: tuple[int, ...] = ()
    """Those of the app that have no clock yet."""
    shown: Shown | None = None
    """What it was that was looked at last."""


class _Sight(msgspec.Struct):
    """What a database shows just now."""

    transactions: int = 0
    lefts: dict[object, object] = {}
    rights: dict[object, object] = {}
    parents: set[object] = set()
    referred: set[object] = set()


class Judge:
    """Keeps the book of who has written and seen what."""

    def __init__(self, hub: DictHub) -> None:
        self._hub = hub
        self._pasts: dict[int, int] = {}
        self._authors: dict[int, str] = {}
        self._clocks: dict[int, int] = {}
        self._takers: dict[int, int] = {}
        """As which transaction the hub took each first."""
        self._cut_back = 0
        self._writers: defaultdict[int, int] = defaultdict(int)
        self._together: dict[int, int] = {}
        self._never = self._puts = self._removes = 0
        self._may_be_refused = False
        """Whether Postgres has refused anything: what is retried in vain says something else."""
        self._has_copies = self._is_disordered = self._is_forgetful = False
        """Whether some deletes were made by who knew less than it seems, came late, or never."""
        self._committed = 0
        self._maybe = 0
        self._epochs: dict[int, str | None] = {}
        self._refused = self._waiting = self._discarded = 0
        self._decided: dict[TransactionId, str] = {}
        self.seen: defaultdict[str, Seen] = defaultdict(Seen)

    # What happens.

    def writes(self, name: str, serial: int, made: list[Statement], shown: Shown) -> None:
        """Somebody who sees this writes transaction `serial`."""
        bit = 1 << serial
        self._authors[serial] = name
        self._epochs[serial] = self._hub.epoch
        self._pasts[serial] = transactions_in(shown)
        self._clocks[serial] = _UNSEALED
        for each in made:
            if each.table != "lefts":
                continue
            if each.key[0] in PAIRS_KEPT:
                self._writers[PAIRS_KEPT.index(each.key[0])] |= bit
            elif each.verb is not Verb.REMOVE:
                self._puts |= bit
            elif RowId("lefts", each.key) in shown:
                self._removes |= bit

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
            bits = sum(1 << serial for serial in seen.unsealed)
            self._together.update(dict.fromkeys(seen.unsealed, bits))
            seen.unsealed = ()

    def is_based_on(self, serial: int, cursor: str | None) -> None:
        """A device that is there has written it. What is based on another history may be lost."""
        self._epochs[serial] = epoch = cursor.partition("/")[0] if cursor else None
        if epoch not in (None, self._hub.epoch):
            self._maybe |= 1 << serial

    def resets(self, hub: DictHub) -> None:
        """The hub is another one. What was there, or based on that, is gone."""
        self._hub = hub
        self._takers.clear()
        self._maybe |= self._committed
        self.seen[HUB] = Seen()

    def starts_over(self, name: str) -> None:
        """A device's file was emptied. Only a copy has what was not at the hub."""
        self._maybe |= self._own(name)
        self.seen[name] = Seen()

    def forgets(self) -> None:
        """The hub forgets something. For devices that are new, or were away for too long, it never
        was: their writes win over it, and their deletes need not have observed it."""
        self._is_disordered = self._is_forgetful = True

    def restores(self, name: str, seen: Seen) -> None:
        """A device's file is an earlier one: what it has not sent since is lost."""
        self._has_copies = self._is_disordered = True
        lost = self.seen[name].transactions & ~seen.transactions
        self._maybe |= lost & self._own(name)
        self.seen[name] = Seen(seen.transactions)

    def _own(self, name: str) -> int:
        return sum(1 << serial for serial, author in self._authors.items() if author == name)

    # What must be true.

    def look_at_hub(self) -> None:
        """The hub has changed."""
        self._look_at_quarantine()
        sight = _look(self._hub.shown())
        for serial in _bits(sight.transactions & ~self.seen[HUB].transactions):
            if self._epochs[serial] not in (None, self._hub.epoch):
                raise Mistake("resurrected", f"the hub has {serial}, of before it was reset")
            row_id = RowId("log", (serial,))
            self._takers[serial] = self._hub.rows[row_id].touched
            hlc = self._hub.clock_of(row_id)
            if self._clocks[serial] not in (hlc, _UNSEALED):
                self._cut_back |= 1 << serial
            self._clocks[serial] = hlc
            past = _bits(self._pasts[serial] & sight.transactions & ~self._together[serial])
            later = [each for each in past if self._clocks[each] >= hlc]
            if later:
                raise Mistake("clock", f"{serial} is not later than {later}, which it had seen")
        self._check(HUB, sight)
        self._check_deletes(sight)
        self._check_fates(sight)

    def _look_at_quarantine(self) -> None:
        """What was refused is nobody's any more, and nobody's later writes are without it."""
        decided = {id: each.told.fate for id, each in self._hub.quarantine.items()}
        if decided == self._decided:
            return
        refused = self._hub.quarantine.values()
        self._may_be_refused |= any(each.told.code == "postgres-refused" for each in refused)
        if refused and not self._may_be_refused:
            told = [each.told for each in refused]
            raise Mistake("refused", f"the hub refuses {told}, and nothing is forbidden")
        self._is_disordered |= bool(decided)
        self._decided, bits = decided, dict.fromkeys(("waiting", "retried", "discarded"), 0)
        for id, fate in decided.items():
            bits[fate] |= _serials(self._hub.quarantine[id])
        self._waiting, self._discarded = bits["waiting"], bits["discarded"]
        self._refused |= sum(bits.values())

    def _check_fates(self, sight: _Sight) -> None:
        """What was refused and not taken after all is not there. (Of a file that was copied
        nobody knows which of its writes are the same.)"""
        refused = (self._waiting | self._discarded) & sight.transactions
        if refused and not self._has_copies:
            raise Mistake("taken", f"the hub has {_names(refused)}, which it refused")

    def look_at(self, device: Device) -> None:
        """A device may have changed."""
        shown, seen = device.store.shown(), self.seen[device.name]
        if shown is not seen.shown:
            self._check(device.name, _look(shown))
            seen.shown = shown

    def _check(self, name: str, sight: _Sight) -> None:
        seen = self.seen[name]
        now, before = sight.transactions, seen.transactions
        vanished = before & ~now & (~self._refused if name != HUB else -1)
        if vanished:
            raise Mistake("vanished", f"{name} sees {_names(vanished)} no more")
        if sight.lefts != sight.rights:
            raise Mistake("torn", f"{name} sees half: {sight.lefts}, {sight.rights}")
        if sight.referred - sight.parents:
            raise Mistake("foreign-key", f"{name} lacks {sight.referred - sight.parents}")
        if now & self._never:
            raise Mistake("aborted", f"{name} sees {_names(now & self._never)}, rolled back")
        for serial in _bits(now & ~before):
            missing = (self._pasts[serial] | self._together.get(serial, 0)) & ~now
            if missing & ~self._refused:
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
            if self._cut_back & writers and name != HUB:
                continue
            if self._is_forgetful:
                continue
            later = [s for s in _bits(writers) if self._clocks[s] > self._clocks[shown]]
            if later:
                raise Mistake("register", f"{name} shows pair {key} of {shown}, not of {later}")

    def _check_deletes(self, sight: _Sight) -> None:
        """The hub's last pair is there if somebody wrote it of whom no deleter had known."""
        puts, removes = self._puts & sight.transactions, self._removes & sight.transactions
        if self._is_disordered or not puts:
            return
        pasts = [self._pasts[serial] for serial in _bits(removes)]
        for serial, past in zip(_bits(removes), pasts, strict=True):
            puts &= ~(self._together[serial] & past)  # it comes to nothing
        if not puts:
            return
        is_there = (PAIRS_KEPT[-1] + 1,) in sight.lefts
        # To send a row back, the hub touches it: no later deleter has observed that.
        is_echoed = RowId("lefts", (PAIRS_KEPT[-1] + 1,)) in self._hub.echoed
        if is_there and not is_echoed and any(not puts & ~past for past in pasts):
            raise Mistake("undeleted", "the hub has a pair that was deleted after all its writes")
        has_one_life = not any(self._pasts[serial] & removes for serial in _bits(puts))
        unseen = [serial for serial in _bits(puts) if not any(p >> serial & 1 for p in pasts)]
        is_last = any(not removes & ~self._pasts[serial] for serial in unseen)
        if not is_there and (is_last or (has_one_life and all(puts & ~past for past in pasts))):
            raise Mistake("overdeleted", "the hub lacks a pair that no deleter had seen")

    def _check_once(self) -> None:
        """Nobody but its transaction touches a row of `log`. (What was refused, or has another
        clock than it was sealed with, may be taken again if a copy sends it.)"""
        again = self._refused | self._cut_back
        for (table, key), row in self._hub.rows.items():
            if table == "log" and not again >> (serial := cast("int", key[0])) & 1:
                known = {self._takers.get(serial, NOBODY), row.touched, row.touched_before}
                if sum(id != NOBODY and not is_direct(id) for id in known) > 1:
                    raise Mistake("twice", f"the hub has taken {serial} more than once")

    def look_at_the_end(self, devices: list[Device]) -> str | None:
        """Why the world has not come to rest; None if it has."""
        self._check_once()
        hub = self._hub.shown()
        refused = self._waiting | self._discarded
        lost = self._committed & ~self._maybe & ~refused & ~_look(hub).transactions
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


def _serials(quarantined: Quarantined) -> int:
    """What was refused, as bits."""
    changes = quarantined.submitted.transaction.changes
    return sum(1 << cast("int", change.key[0]) for change in changes if change.table == "log")


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


def _bits(number: int) -> list[int]:
    places = []
    while number:
        low = number & -number
        places.append(low.bit_length() - 1)
        number ^= low
    return places


def _names(number: int) -> str:
    return ", ".join(map(str, _bits(number)))
