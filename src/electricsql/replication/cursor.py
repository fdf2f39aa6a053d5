"""Cursors: a point in a hub's history is a Postgres snapshot, and the epoch of that history.

A snapshot `xmin:xmax:xip,…` names exactly the transactions that its reader saw: all below xmin, and
those below xmax that are not in the list of the ones still running. What is not visible in the old
snapshot and visible in the new one is the delta between them; it misses nothing when a long
transaction commits late, which a sequence number would.
"""

import re
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import msgspec

from electricsql.errors import ProtocolError
from electricsql.limits import SNAPSHOTS_KEPT_MAX

_SNAPSHOT: Final = re.compile(r"([0-9]{1,19}):([0-9]{1,19}):((?:[0-9]{1,19},)*[0-9]{1,19})?")
_MARK: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.[0-9a-f]{16}")
_XID_END: Final = 1 << 63


class Snapshot(msgspec.Struct, frozen=True):
    """Which Postgres transactions a reader sees (`pg_current_snapshot()`)."""

    xmin: int
    xmax: int
    running: frozenset[int] = frozenset()

    @classmethod
    @lru_cache(maxsize=SNAPSHOTS_KEPT_MAX)
    def parse(cls, text: str) -> "Snapshot":
        """Read Postgres' text form.

        Raises:
            ProtocolError: it isn't one.
        """
        match = _SNAPSHOT.fullmatch(text)
        if match is not None:
            xmin, xmax = int(match[1]), int(match[2])
            running = [int(xid) for xid in match[3].split(",")] if match[3] else []
            in_order = running == sorted(set(running))
            within = not running or xmin <= running[0] <= running[-1] < xmax
            if 1 <= xmin <= xmax < _XID_END and in_order and within:
                return cls(xmin, xmax, frozenset(running))
        raise ProtocolError("bad-cursor", f"{text[:80]!r} is not a snapshot of Postgres.")

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.running)))}"

    def sees(self, xid: int) -> bool:
        """Whether the transaction had committed (or ended) when the snapshot was taken."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)

    def before(self, xid: int) -> "Snapshot":
        """What it sees of the transactions below `xid`."""
        running = frozenset(each for each in self.running if each < xid)
        return Snapshot(min(self.xmin, xid), min(self.xmax, xid), running)

    def covers(self, earlier: "Snapshot") -> bool:
        """Whether it sees all that an earlier one may see. In one history a later one always
        does."""
        return earlier.xmax <= self.xmax and not any(map(earlier.sees, self.running))


class Cursor(msgspec.Struct, frozen=True, dict=True):
    """Up to where a device has a hub's history.

    The mark tells what the hub had then from what it may have under the same numbers, once it was
    put back to a backup (`hub/marks.py`): its highest clock, when the newest transaction was
    committed, and a digest. It is empty as long as there was nothing to tell.
    """

    epoch: str
    snapshot: Snapshot
    mark: str = ""

    @classmethod
    @lru_cache(maxsize=SNAPSHOTS_KEPT_MAX)
    def parse(cls, text: str) -> "Cursor":
        """Read `epoch/snapshot` or `epoch/snapshot/mark`; the inverse of `str()`.

        Raises:
            ProtocolError: it isn't one.
        """
        epoch, *rest = text.split("/")
        if len(rest) == 1:
            return cls(epoch, Snapshot.parse(rest[0]))
        if len(rest) == 2 and _MARK.fullmatch(rest[1]):
            return cls(epoch, Snapshot.parse(rest[0]), rest[1])
        raise ProtocolError("bad-cursor", f"{text[:80]!r} is not a cursor.")

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        return f"{self.epoch}/{self.snapshot}" + (f"/{self.mark}" if self.mark else "")

    @property
    def hlc(self) -> int:
        """The highest clock that the hub had."""
        return int(self.mark.split(".")[0]) if self.mark else 0

    @property
    def at_us(self) -> int:
        """When the newest transaction was committed."""
        return int(self.mark.split(".")[1]) if self.mark else 0


class Fork(NamedTuple):
    """Where a hub that was put back to a backup left the history that a device knows: no
    transaction from `xid` on is known to it. What was written there since then has higher clocks
    than `hlc`."""

    xid: int
    hlc: int


class Standing(IntEnum):
    """How a device's cursor stands to a hub's history."""

    HERE = 0
    """It is a point of it."""
    FORGOTTEN = 1
    """It was one, but the hub has forgotten something that the device did not receive."""
    LOST = 2
    """It is of a history that this hub is not on any more: it was put back to an older backup."""
