"""The ids of transactions that reached a hub.

An id is a Postgres transaction id (xid8) shifted by ten bits, and a number below it: 0 for what a
Postgres client wrote directly, 1 and up for the device transactions that were merged in that one
Postgres transaction. So an id tells at once whether a cursor has it, without a look-up.

In a row's registers the sign is the rank: a negative id is the same transaction's made-up value (a
default), which loses against everything that anybody wrote (see lenses in docs/words.md: rank).
In a key, which is never merged, it says that its writer counts the lives of the row otherwise.
0 is nobody: a register that no known transaction wrote.
"""

from typing import Final

NOBODY: Final = 0
MERGED_BITS: Final = 10
_MERGED_MASK: Final = (1 << MERGED_BITS) - 1

UNSENT: Final = 1 << 62
"""Added to a device's own transaction number to name it before it has an id at the hub."""


def transaction_id(xid: int, merged: int = 0) -> int:
    """The id of the `merged`-th device transaction (from 1) merged in Postgres transaction `xid`;
    of a direct write when 0."""
    assert 0 <= merged <= _MERGED_MASK
    return xid << MERGED_BITS | merged


def xid_of(transaction: int) -> int:
    """The Postgres transaction that an id (of either rank) was written in."""
    return abs(transaction) >> MERGED_BITS


def is_direct(transaction: int) -> bool:
    """Whether the hub itself wrote it: a Postgres client, not a device."""
    return not abs(transaction) & _MERGED_MASK
