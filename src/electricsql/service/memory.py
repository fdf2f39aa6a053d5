"""What all devices may hold together, on its way in or out: their number must not matter.

A transaction is held while its parts come, and takes several times its size while it is read. So
all that is held together has a limit, and large ones are read one at a time. Small transactions
never wait here, nor does anybody who is not in the middle of a large one.

A frame is held until it has left for all devices that it waits for. When all of them together are
too much, whoever has not taken anything for the longest time is given up.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, Protocol

from electricsql.errors import ServiceError
from electricsql.hub import Submitted
from electricsql.limits import (
    CHANGE_BYTES,
    DOWNLOADS_BYTES_MAX,
    PART_BYTES,
    UPLOADS_BYTES_MAX,
)
from electricsql.protocol import unpacked_bytes

_SMALL_BYTES: Final = 2 * PART_BYTES


class UploadMemory:
    """The uploads of one service process."""

    def __init__(self) -> None:
        self._held = 0
        self._reading = asyncio.Lock()

    @property
    def held(self) -> int:
        """How many bytes all devices hold."""
        return self._held

    def change(self, before: int, now: int) -> None:
        """A device holds another amount than before.

        Raises:
            ServiceError: `overloaded`: it is more than there is room for.
        """
        self._held += now - before
        if self._held > UPLOADS_BYTES_MAX and now > max(before, _SMALL_BYTES):
            raise ServiceError(
                "overloaded",
                "The service holds as much of large transactions as it can.",
                "Nothing is lost: it is sent again later.",
            )

    @contextlib.asynccontextmanager
    async def reading(self, data: bytes) -> AsyncIterator[None]:
        """While a transaction is read and queued: a large one alone."""
        if unpacked_bytes(data) <= _SMALL_BYTES:
            yield
        else:
            async with self._reading:
                yield


class Taker(Protocol):
    """A device for which frames wait."""

    def give_up(self) -> None:
        """Let go of all that waits."""


class DownloadMemory:
    """The frames that wait for the devices of one service process."""

    def __init__(self) -> None:
        self._held = 0
        self._users: dict[int, int] = {}
        self._takers: dict[Taker, None] = {}
        """Who has taken nothing for the longest time comes first."""

    @property
    def held(self) -> int:
        """How many bytes all frames have."""
        return self._held

    def hold(self, taker: Taker, frame: bytes) -> None:
        """A frame waits for a device."""
        self._takers.setdefault(taker)
        users = self._users.get(id(frame), 0)
        self._users[id(frame)] = users + 1
        if not users:
            self._held += len(frame)

    def let_go(self, taker: Taker, frame: bytes, *, is_last: bool) -> None:
        """It has left, or never will; it may have been the last that waits for that device."""
        self._takers.pop(taker, None)
        if not is_last:
            self._takers[taker] = None
        users = self._users.pop(id(frame)) - 1
        if users:
            self._users[id(frame)] = users
        else:
            self._held -= len(frame)

    def keep_to_limit(self) -> None:
        """Give up devices until what waits for the others is not too much."""
        while self._held > DOWNLOADS_BYTES_MAX:
            next(iter(self._takers)).give_up()


def weight(submitted: Submitted) -> int:
    """How much memory a transaction takes while it waits to be merged, about."""
    changes = len(submitted.transaction.changes)
    return max(len(submitted.encoded), unpacked_bytes(submitted.encoded)) + CHANGE_BYTES * changes
