"""What an environment's devices are sent: one reader for all of them.

The reader polls the hub cheaply, and looks at once after the service's own merges. In one snapshot
it reads, for every cursor that some device has, the delta up to it, encodes it once for each schema
version that devices there have, and gives it to each with the acknowledgement of its own
transactions.

Rule 1: a device that does not keep up is left out, and later sent one delta from its own cursor.
Rule 2: a delta too large to be held is read again for each device alone (`catchup.py`), so that it
        holds up nobody else. So is one for a device that wants to compare its rows.
Rule 3: a device that is upgrading is only told what is in of its transactions.
Rule 4: a ping is answered after everything that a snapshot taken after it shows.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import structlog

from electricsql.errors import ElectricError, PostgresError, ServiceError
from electricsql.hub import Hub, Reading
from electricsql.lenses import View
from electricsql.limits import (
    HELD_DELTA_BYTES_MAX,
    HUB_POLL_MS_MAX,
    HUB_POLL_MS_MIN,
    LIVE_DELTA_BYTES_MAX,
    LIVE_DELTA_ROWS_MAX,
    PART_BYTES,
    RECONNECT_MS_MIN,
)
from electricsql.protocol import Bye
from electricsql.replication import Cursor
from electricsql.service.catchup import CatchUps
from electricsql.service.metrics import DELTA_ROWS, DELTAS
from electricsql.service.parts import (
    Answer,
    EncodedDelta,
    EncodedPart,
    encode_part,
    step_from,
)
from electricsql.service.stream import DeviceStream, bye_for, is_outage, now_ms

_log = structlog.get_logger("electric.fanout")
_FAILED: Final = Bye("failed", "The service failed to read this device's delta.")


class Fanout:
    """The reader of one environment."""

    def __init__(self, hub: Hub, streams: Collection[DeviceStream]) -> None:
        self._hub = hub
        self._streams = streams
        self._catch_ups = CatchUps(hub, self.wake)
        self._cursor: Cursor | None = None
        """What the live devices have."""
        self._merged = False
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """A device can be sent something."""
        self._awake.set()

    def merged(self) -> None:
        """The hub has something new from one of our devices."""
        self._merged = True
        self._awake.set()

    async def run(self) -> None:
        """Read and send until cancelled. Trouble with Postgres is waited out."""
        delay_ms = HUB_POLL_MS_MIN
        try:
            while True:
                try:
                    busy = await self._look()
                except PostgresError as error:
                    _log.warning("can't read", code=error.code, problem=error.problem)
                    self._merged = True
                    await asyncio.sleep(RECONNECT_MS_MIN / 1000)
                    continue
                delay_ms = HUB_POLL_MS_MIN if busy else min(delay_ms * 2, HUB_POLL_MS_MAX)
                await self._sleep(delay_ms if self._streams else None)
        finally:
            await self._catch_ups.stop()

    async def _sleep(self, delay_ms: int | None) -> None:
        """Until woken, or for so long at most."""
        if delay_ms is None:
            await self._awake.wait()
        else:
            alarm = asyncio.get_running_loop().call_later(delay_ms / 1000, self._awake.set)
            await self._awake.wait()
            alarm.cancel()
        self._awake.clear()

    async def _look(self) -> bool:
        """Serve the devices if there is something to say; says whether there was."""
        ready = [stream for stream in self._streams if stream.is_ready]
        upgrading = [stream for stream in self._streams if stream.session.is_upgrading]
        if not (ready or upgrading):
            return False
        asked = {stream: stream.session.asked for stream in ready if stream.session.is_waiting}
        merged, self._merged = self._merged, False
        if upgrading and (merged or not all(stream.was_served for stream in upgrading)):
            await self._tell_upgrading(upgrading)
        if not ready:
            return False
        due = merged or self._cursor is None or any(map(self._is_behind, ready))
        busy = due or await self._hub.has_news(self._cursor)
        if busy:
            await self._serve_all(ready)
        for stream, count in asked.items():
            if not stream.is_catching_up:
                stream.answer_pings(count)
        return busy

    async def _tell_upgrading(self, streams: Sequence[DeviceStream]) -> None:
        async with self._hub.reading() as reading:
            origins = [stream.session.origin for stream in streams]
            acknowledged = await reading.acknowledged(origins)
            refused = await reading.refused_since(origins, None)
        for stream in streams:
            origin = stream.session.origin
            stream.tell(Answer.of(acknowledged.get(origin, 0), refused.get(origin, ())))

    def _is_behind(self, stream: DeviceStream) -> bool:
        return (
            not stream.was_served
            or stream.session.question is not None
            or stream.session.cursor is not self._cursor
            or stream.session.lags(now_ms())
        )

    async def _serve_all(self, streams: Sequence[DeviceStream]) -> None:
        """Serve the devices in one snapshot. If that fails for another reason than an outage, find
        out whose cursor it is, and end those streams alone."""
        if await self._try(streams) is None:
            return
        for group in _by_cursor(streams).values():
            error = await self._try(group)
            for stream in group if error else ():
                stream.end(bye_for(error) if isinstance(error, ElectricError) else _FAILED)

    async def _try(self, streams: Sequence[DeviceStream]) -> Exception | None:
        try:
            await self._serve(streams)
        except Exception as error:
            if isinstance(error, ElectricError) and is_outage(error):
                raise
            devices = [stream.session.device for stream in streams[:9]]
            if isinstance(error, ServiceError):
                _log.error("can't read", devices=devices, code=error.code, problem=error.problem)
            else:
                _log.error("reading failed", devices=devices, exc_info=error)
            return error
        return None

    async def _serve(self, streams: Sequence[DeviceStream]) -> None:
        async with self._hub.reading(self._cursor) as reading:
            waiting: list[tuple[EncodedDelta, list[DeviceStream]]] = []
            groups = _by_cursor(streams).items()
            for cursor, group in sorted(groups, key=lambda each: each[0] is not self._cursor):
                deltas = await self._read(reading, cursor, group)
                for stream in group:
                    if deltas is None or stream.session.question is not None:
                        self._catch_ups.start(stream)
                for version, delta in (deltas or {}).items():
                    there = [stream for stream in group if stream.told_version == version]
                    live = [stream for stream in there if not stream.is_catching_up]
                    uploaders = [stream for stream in live if stream.session.has_uploads]
                    others = [stream for stream in live if not stream.session.has_uploads]
                    await _tell(reading, delta, others, {})
                    if uploaders:
                        waiting.append((delta, uploaders))
            # Who only waits for an acknowledgement has time: what the others get leaves first.
            await asyncio.sleep(0)
            origins = [stream.session.origin for _, uploaders in waiting for stream in uploaders]
            acknowledged = await reading.acknowledged(origins) if origins else {}
            for delta, uploaders in waiting:
                await _tell(reading, delta, uploaders, acknowledged)
            self._cursor = reading.cursor

    async def _read(
        self, reading: Reading, cursor: Cursor | None, streams: Sequence[DeviceStream]
    ) -> Mapping[str | None, EncodedDelta] | None:
        """The delta since a cursor, for the versions of devices that are there; None if it is too
        large to be held. Who comes back, or was skipped, has one that few others share."""
        comes_back = cursor is None or cursor is not self._cursor
        if comes_back and await reading.rows_since(cursor) > LIVE_DELTA_ROWS_MAX:
            return None
        held_max = min(HELD_DELTA_BYTES_MAX, PART_BYTES * len(streams))
        if not comes_back:
            held_max = max(held_max, LIVE_DELTA_BYTES_MAX)
        steps = {each.told_version: step_from(reading, each.told_version) for each in streams}
        parts: dict[View, list[EncodedPart]] = {step.view: [] for step in steps.values()}
        size = 0
        async with aclosing(reading.parts_since(cursor)) as unread:
            async for part in unread:
                encoded = {view: encode_part(part, view) for view in parts}
                for view, each in encoded.items():
                    parts[view] += [each] * bool(each.blocks)
                size += sum(each.size for each in encoded.values())
                if size > held_max:
                    return None
        DELTAS.inc()
        DELTA_ROWS.inc(max(sum(each.rows for each in read) for read in parts.values()))
        return {
            version: EncodedDelta(reading.cursor, cursor is None, step.migrations, parts[step.view])
            for version, step in steps.items()
        }


async def _tell(
    reading: Reading,
    delta: EncodedDelta,
    streams: Sequence[DeviceStream],
    acknowledged: Mapping[int, int],
) -> None:
    """Send devices with one cursor their delta, unless that would say nothing."""
    numbers = {
        stream: max(acknowledged.get(stream.session.origin, 0), stream.session.acknowledged)
        for stream in streams
    }
    origins = [stream.session.origin for stream in streams]
    since = streams[0].session.cursor if streams else None
    refused = await reading.refused_since(origins, since) if streams else {}
    for stream, number in numbers.items():
        told = refused.get(stream.session.origin, ())
        news = told or not stream.was_served or number != stream.session.acknowledged
        if news or not delta.is_empty or stream.session.lags(now_ms()):
            stream.deliver(delta, Answer.of(number, told))
        else:
            stream.unchanged(delta.cursor)


def _by_cursor(streams: Sequence[DeviceStream]) -> dict[Cursor | None, list[DeviceStream]]:
    groups: defaultdict[Cursor | None, list[DeviceStream]] = defaultdict(list)
    for stream in streams:
        groups[stream.session.cursor].append(stream)
    return groups
