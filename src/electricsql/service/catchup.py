"""Large deltas: each device that needs one has a reading of its own, and takes the parts at its
pace.

A first sync, a device that was away for long, a bulk write at the hub. When the last part is on its
way the device joins the live ones at the cursor that it then has. What it wants to know of the
hub's rows at that cursor is found out by the same reading, and told it later.

Rows come in an order, so that a device which loses its connection has to be sent only what it does
not have yet. In the same way one that reads slowly is served: it gives its place to another until
it has taken all that it was sent, and a new reading goes on from there, with the same delta.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from electricsql.errors import ElectricError, ServiceError
from electricsql.hub import Hub, Reading
from electricsql.limits import CATCH_UPS_MAX
from electricsql.protocol import Bye, HubSession, Staged
from electricsql.replication import Cursor, Place
from electricsql.service.comparing import answer_to
from electricsql.service.parts import (
    EMPTY_PART,
    Answer,
    Numbering,
    Step,
    encode_part,
    step_from,
)
from electricsql.service.stream import DeviceStream, bye_for

_OVERTAKEN = ServiceError(
    "overloaded",
    "The device reads too slowly: the schema changed while it was sent a large delta.",
    "Connect again: it begins anew.",
)
_log = structlog.get_logger("electric.catchup")


class CatchUps:
    """The devices of one environment that are served alone."""

    def __init__(self, hub: Hub, done: Callable[[], None]) -> None:
        self._hub = hub
        self._done = done
        self._places = asyncio.Semaphore(CATCH_UPS_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, stream: DeviceStream) -> None:
        """Serve a device alone; it is not ready for anything else until that is done."""
        stream.is_catching_up = True
        task = asyncio.create_task(self._run(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Break off what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, stream: DeviceStream) -> None:
        is_alone, numbering = True, None
        try:
            while is_alone:
                async with self._places, self._hub.reading() as reading:
                    numbering = await self._serve(stream, reading, numbering)
                    if numbering is None:
                        question = stream.take_question()
                        self._let_go(stream)
                        is_alone = False
                        if question is not None:
                            version = stream.told_version
                            stream.answer_question(await answer_to(question, reading, version))
                if is_alone:
                    await stream.has_read()
        except ElectricError as error:
            if error.code == "row-too-large":
                _log.error("can't read", devices=[stream.session.device], problem=error.problem)
            stream.end(bye_for(error))
        except Exception:
            _log.exception("catching up failed", device=stream.session.device)
            stream.end(Bye("failed", "The service failed to read this device's delta."))
        finally:
            if is_alone:
                self._let_go(stream)

    def _let_go(self, stream: DeviceStream) -> None:
        """The device joins the others again."""
        stream.is_catching_up = False
        self._done()

    async def _serve(
        self, stream: DeviceStream, reading: Reading, numbering: Numbering | None
    ) -> Numbering | None:
        """Send a delta, or the rest of the one that is numbered. If the device does not take it,
        gives how far that is."""
        session = stream.session
        origin, asked = session.origin, session.asked
        passes = await _passes(reading, session, numbering.staged if numbering else session.staged)
        acknowledged = await reading.acknowledged([origin])
        refused = await reading.refused_since([origin], session.cursor)
        step = step_from(reading, stream.told_version)
        if numbering is None:
            numbering = await _begin(reading, session, passes, step)
        elif len(passes) == 1:
            raise _OVERTAKEN
        numbering.cursor = reading.cursor
        for each in passes:
            numbering.begun, numbering.since = each.begun, each.since
            unread = reading.parts_since(each.cursor, each.after, view=step.view, in_order=True)
            async for part in unread:
                encoded = await asyncio.to_thread(encode_part, part, step.view)
                goes_on = await stream.put(numbering.frame(encoded, each.reader, None))
                if stream.is_over:
                    return None
                if not goes_on:
                    return numbering
        number = max(acknowledged.get(origin, 0), session.acknowledged)
        answer = Answer.of(number, refused.get(origin, ()))
        await stream.put(numbering.frame(EMPTY_PART, origin, answer))
        stream.delivered(numbering.cursor, answer, numbering.migrations)
        stream.answer_pings(asked)
        return None


@dataclass(frozen=True, slots=True)
class _Pass:
    """The rows changed since `cursor`, behind a place, for a pass that has `begun` then. What the
    device with origin `reader` has by itself is left out."""

    cursor: Cursor | None
    begun: Cursor
    reader: int
    after: Place | None = None
    since: Cursor | None = None


async def _passes(reading: Reading, session: HubSession, staged: Staged | None) -> list[_Pass]:
    """What a device is to be sent: all at once, or the rest of what was broken off as it is now,
    and then what has changed since that had begun.

    In the second pass nothing is left out: it is to go over rows that came before.
    """
    if staged is not None and staged.whole == (session.cursor is None):
        begun, place = Cursor.parse(staged.cursor), Place(staged.table, staged.key)
        if await reading.can_follow(begun, place):
            since = Cursor.parse(staged.since) if staged.since is not None else None
            if since is None:
                rest = _Pass(session.cursor, begun, session.origin, place)
            else:
                rest = _Pass(since, begun, 0, place, since)
            return [rest, _Pass(begun, reading.cursor, 0, since=begun)]
    return [_Pass(session.cursor, reading.cursor, session.origin)]


async def _begin(
    reading: Reading, session: HubSession, passes: Sequence[_Pass], step: Step
) -> Numbering:
    cursors = {each.cursor for each in passes}
    totals = [await reading.rows_since(cursor, step.view) for cursor in cursors]
    follows = len(passes) > 1
    numbering = Numbering(
        reading.cursor, session.cursor is None, sum(totals), step.migrations, follows=follows
    )
    if follows and session.staged is not None:
        numbering.rows = session.staged.rows
    return numbering
