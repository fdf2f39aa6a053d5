"""Which write comes later: hybrid logical clocks, and the order of two writes to one register.

An hlc is one integer: 48 bits of milliseconds since 1970 and 16 bits of counter (Kulkarni et al.,
"Logical Physical Clocks", 2014). It follows the wall clock, never goes back, and runs ahead of
every hlc its owner has received; so a write always has a higher hlc than everything its author
knew.

A transaction has one clock, `(hlc, origin)`: with one clock a change, two concurrent transactions
could each win a column of a row, and tear it. A register's clock is `(incarnation, rank, hlc,
origin)`. The incarnation is kept once for the whole row (`row.py`), so what is compared here is
`(rank, hlc, origin)`.

Not here: the wall clock itself. Time is an argument.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from electricsql.limits import CLOCK_AHEAD_MS_MAX

COUNTER_BITS: Final = 16
HUB_ORIGIN: Final = 0


class Clock(NamedTuple):
    """A transaction's clock. Compares as a tuple: hlc first, the origin breaks ties."""

    hlc: int
    origin: int


NO_HLC: Final = 0
"""The hlc of what is offered as older than everything (`Op.OFFER`)."""

OLDEST: Final = Clock(NO_HLC, HUB_ORIGIN)
"""The clock of what nobody knows the writer of any more: older than everything."""

Clocks = Mapping[int, Clock]
"""The clock of each transaction, by its id (`ids.py`); one that is missing is `OLDEST`."""


def hlc_at(now_ms: int) -> int:
    """The lowest hlc of a millisecond."""
    return now_ms << COUNTER_BITS


def milliseconds(hlc: int) -> int:
    """The wall-clock part of an hlc, in milliseconds since 1970."""
    return hlc >> COUNTER_BITS


def tick(last: int, now_ms: int) -> int:
    """The next hlc of an owner whose highest known one is `last`. Always greater than `last`."""
    return max(last + 1, hlc_at(now_ms))


def is_ahead(hlc: int, now_ms: int) -> bool:
    """Whether a clock is so far ahead of the hub's time that the hub doesn't take it."""
    return hlc > hlc_at(now_ms + CLOCK_AHEAD_MS_MAX)


def cut_back(hlcs: Sequence[int], now_ms: int, known: int) -> list[int]:
    """The clocks under which a hub takes transactions, in their order; `known` is its highest so
    far. One too far ahead becomes the hub's next: so it is later than all that its author had
    received, and than its author's earlier ones, and nobody else's clock follows it."""
    taken = []
    for hlc in hlcs:
        taken.append(tick(known, now_ms) if is_ahead(hlc, now_ms) else hlc)
        known = max(known, taken[-1])
    return taken
