"""What an environment's devices upload: one worker merges it, in batches.

The transactions of all devices wait in one queue, each device's in its order. While a batch commits
the next one gathers, so batches grow with the load. When Postgres is down the batch is tried again
until it is up; devices wait, and nothing is acknowledged before it is committed.

If a batch fails for another reason, its devices are merged one by one, and only the stream of the
one that fails ends.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from electricsql.errors import ElectricError, PostgresError
from electricsql.hub import Hub, Submitted
from electricsql.limits import (
    MERGE_CHANGES_MAX,
    MERGE_QUEUE_BYTES_MAX,
    MERGE_TRANSACTIONS_MAX,
    POSTGRES_RETRY_MS_MAX,
    RECONNECT_MS_MIN,
)
from electricsql.protocol import Bye
from electricsql.service.memory import weight
from electricsql.service.metrics import MERGED, MERGES
from electricsql.service.stream import DeviceStream, bye_for, is_outage

_log = structlog.get_logger("electric.merging")


class Waiting(NamedTuple):
    """A transaction in the queue, and whose stream ends if it can't be merged."""

    stream: DeviceStream
    submitted: Submitted


class Merges:
    """The queue and the worker of one environment. `merged` is called after each commit."""

    def __init__(self, hub: Hub, merged: Callable[[], None]) -> None:
        self._hub = hub
        self._merged = merged
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._stopping = False

    async def put(self, stream: DeviceStream, submitted: Submitted) -> None:
        """Queue a transaction; waits while too much is queued."""
        await self._room.wait()
        self._queue.append(Waiting(stream, submitted))
        self._bytes += weight(submitted)
        if self._bytes >= MERGE_QUEUE_BYTES_MAX:
            self._room.clear()
        self._filled.set()

    def forget(self, stream: DeviceStream) -> None:
        """Forget what a stream has queued: it has ended."""
        rest = [waiting for waiting in self._queue if waiting.stream is not stream]
        self._queue = deque(rest)
        self._bytes = sum(weight(waiting.submitted) for waiting in rest)
        if self._bytes < MERGE_QUEUE_BYTES_MAX:
            self._room.set()

    def stop(self) -> None:
        """Let `run` end after the batch that is under way."""
        self._stopping = True
        self._filled.set()

    async def run(self) -> None:
        """Merge until stopped."""
        while not self._stopping:
            await self._filled.wait()
            batch = self._take()
            if batch:
                await self._merge(batch)
            else:
                self._filled.clear()

    def _take(self) -> list[Waiting]:
        """The next batch."""
        batch: list[Waiting] = []
        changes = 0
        while self._queue and len(batch) < MERGE_TRANSACTIONS_MAX:
            submitted = self._queue[0].submitted
            changes += len(submitted.transaction.changes)
            if batch and changes > MERGE_CHANGES_MAX:
                break
            waiting = self._queue.popleft()
            self._bytes -= weight(submitted)
            batch.append(waiting)
        if self._bytes < MERGE_QUEUE_BYTES_MAX:
            self._room.set()
        return batch

    async def _merge(self, batch: Sequence[Waiting]) -> None:
        """Merge a batch; if it fails for a reason of its own, each of its devices alone."""
        streams = list(dict.fromkeys(waiting.stream for waiting in batch))
        try:
            await self._commit([waiting.submitted for waiting in batch])
        except Exception as error:
            if len(streams) == 1:
                self._give_up(streams[0], error)
                return
            for stream in streams:
                await self._merge([waiting for waiting in batch if waiting.stream is stream])

    async def _commit(self, batch: Sequence[Submitted]) -> None:
        """Have the hub merge it; while Postgres is down, again and again."""
        delay_ms = RECONNECT_MS_MIN
        while True:
            try:
                await self._hub.merge(batch)
                break
            except PostgresError as error:
                if not is_outage(error):
                    raise
                if self._stopping:
                    return
                _log.warning("can't merge", code=error.code, waiting=len(batch))
                await asyncio.sleep(delay_ms / 1000)
                delay_ms = min(delay_ms * 2, POSTGRES_RETRY_MS_MAX)
        MERGES.inc()
        MERGED.inc(len(batch))
        self._merged()

    def _give_up(self, stream: DeviceStream, error: Exception) -> None:
        """End the stream whose transaction can't be merged. Nothing is lost: the device has it."""
        device = stream.session.device
        if isinstance(error, ElectricError):
            _log.warning("a device's transaction was not taken", device=device, code=error.code)
            stream.end(bye_for(error))
        else:
            _log.error("merging failed", device=device, exc_info=error)
            stream.end(Bye("failed", "The service failed to merge this device's transaction."))
        self.forget(stream)
