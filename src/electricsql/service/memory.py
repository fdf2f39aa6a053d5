"""What the uploads of all devices may hold together: their number must not matter.

A transaction is held while its parts come, and takes several times its size while it is read. So
all that is held together has a limit, and large ones are read one at a time. Small transactions
never wait here, nor does anybody who is not in the middle of a large one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from electricsql.errors import ServiceError
from electricsql.hub import Submitted
from electricsql.limits import CHANGE_BYTES, PART_BYTES, UPLOADS_BYTES_MAX
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


def weight(submitted: Submitted) -> int:
    """How much memory a transaction takes while it waits to be merged, about."""
    changes = len(submitted.transaction.changes)
    return max(len(submitted.encoded), unpacked_bytes(submitted.encoded)) + CHANGE_BYTES * changes
