"""Cursors: a point in a hub's history is a Postgres snapshot, and the epoch of that history.

A snapshot `xmin:xmax:xip,…` names exactly the transactions that its reader saw: all below xmin, and
those below xmax that are not in the list of the ones still running. What is not visible in the old
snapshot and visible in the new one is the delta between them; it misses nothing when a long
transaction commits late, which a sequence number would.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from electricsql.errors import ProtocolError
from electricsql.limits import SNAPSHOTS_KEPT_MAX

_SNAPSHOT: Final = re.compile(r"([0-9]{1,19}):([0-9]{1,19}):((?:[0-9]{1,19},)*[0-9]{1,19})?")
_XID_END: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Snapshot:
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


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where a device has a hub's history."""

    epoch: str
    snapshot: Snapshot

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read `epoch/snapshot`; the inverse of `str()`.

        Raises:
            ProtocolError: it isn't one.
        """
        epoch, separator, snapshot = text.partition("/")
        if not separator:
            raise ProtocolError("bad-cursor", f"{text[:80]!r} is not a cursor.")
        return cls(epoch, Snapshot.parse(snapshot))

    def __str__(self) -> str:
        return f"{self.epoch}/{self.snapshot}"


class Standing(IntEnum):
    """How a device's cursor stands to a hub's history."""

    HERE = 0
    """It is a point of it."""
    FORGOTTEN = 1
    """It was one, but the hub has forgotten something that the device did not receive."""
