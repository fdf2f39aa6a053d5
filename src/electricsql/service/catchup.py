"""Large deltas: each device that needs one has a reading of its own, and takes the parts at its
pace.

A first sync, a device that was away for long, a bulk write at the hub. When the last part is on its
way the device joins the live ones at the cursor that it then has.
"""

import asyncio
from collections.abc import Callable

import structlog

from electricsql.errors import PostgresError
from electricsql.hub import Hub
from electricsql.limits import CATCH_UPS_MAX
from electricsql.protocol import Bye
from electricsql.service.parts import (
    EMPTY_PART,
    Answer,
    Numbering,
    encode_part,
    migration_frames,
)
from electricsql.service.stream import DeviceStream, bye_for

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
        try:
            async with self._places:
                await self._serve(stream)
        except PostgresError as error:
            stream.end(bye_for(error))
        except Exception:
            _log.exception("catching up failed", device=stream.session.device)
            stream.end(Bye("failed", "The service failed to read this device's delta."))
        finally:
            stream.is_catching_up = False
            self._done()

    async def _serve(self, stream: DeviceStream) -> None:
        session = stream.session
        cursor, origin, asked = session.cursor, session.origin, session.asked
        async with self._hub.reading() as reading:
            migrations = migration_frames(await reading.migrations_since(cursor))
            rows_total = await reading.rows_since(cursor)
            acknowledged = await reading.acknowledged([origin])
            refused = await reading.refused_since([origin], cursor)
            numbering = Numbering(reading.cursor, cursor is None, rows_total, migrations)
            async for part in reading.parts_since(cursor):
                encoded = await asyncio.to_thread(encode_part, part)
                await stream.put(numbering.frame(encoded, origin, None))
                if not session.has_room:
                    return  # the stream has ended
        number = max(acknowledged.get(origin, 0), session.acknowledged)
        answer = Answer.of(number, refused.get(origin, ()))
        await stream.put(numbering.frame(EMPTY_PART, origin, answer))
        stream.delivered(numbering.cursor, answer, migrations)
        stream.answer_pings(asked)
