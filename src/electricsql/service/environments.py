"""The environments that devices are connected to: for each a merge worker, a reader, a ticker.

An environment starts with its first use and stays until the service stops or the environment is
reset. Nothing here outlives the process: all of it can be rebuilt from the hub.
"""

import asyncio
import contextlib
import random

import structlog

from electricsql.errors import PostgresError
from electricsql.hub import Claim, Cluster, Hub, Submitted
from electricsql.limits import (
    CLEANED_ROWS_MAX,
    CLEANING_MS,
    DRAIN_MS_MAX,
    PLACE_MS,
    REGISTRATIONS_MAX,
)
from electricsql.protocol import Bye, Registered
from electricsql.schema import Schema
from electricsql.service.fanout import Fanout
from electricsql.service.memory import DownloadMemory, UploadMemory
from electricsql.service.merging import Merges
from electricsql.service.stream import DeviceStream, now_ms

_TICK_S = 1.0
_CLEANING_PAUSE_S = 0.1
_log = structlog.get_logger("electric.environment")

DRAINING = Bye("draining", "The service is going down.", "Connect again in a moment.")
RESET = Bye("reset", "The environment was reset.", "Connect again to start over.")
REPLACED = Bye("reset", "The environment's database was replaced.", "Connect again.")
SUPERSEDED = Bye("superseded", "A newer stream of this device has taken over.")


class Environment:
    """One environment's devices, and the tasks that serve them. The `Room` of their streams."""

    def __init__(self, hub: Hub, uploads: UploadMemory, downloads: DownloadMemory) -> None:
        self.uploads = uploads
        self.downloads = downloads
        self._hub = hub
        self._streams: dict[DeviceStream, None] = {}
        self._by_device: dict[str, DeviceStream] = {}
        self._fanout = Fanout(hub, self._streams.keys())
        self._merges = Merges(hub, self._fanout.merged)
        self._registering = asyncio.Semaphore(REGISTRATIONS_MAX)
        self._applied: dict[DeviceStream, Claim] = {}
        self._merging = asyncio.create_task(self._merges.run())
        self._others = [
            asyncio.create_task(self._fanout.run()),
            asyncio.create_task(self._keep_time()),
            asyncio.create_task(self._clean()),
        ]

    @property
    def connected(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def is_over(self) -> bool:
        """Whether the hub's history has ended: it has to be opened anew."""
        return self._hub.is_over

    def join(self, stream: DeviceStream) -> None:
        self._streams[stream] = None

    def leave(self, stream: DeviceStream) -> None:
        self._streams.pop(stream, None)
        device = stream.session.device
        if self._by_device.get(device) is stream:
            del self._by_device[device]

    async def register(self, stream: DeviceStream, claim: Claim) -> Registered:
        device = stream.session.device
        before = self._by_device.get(device)
        if before is not None and before is not stream:
            before.end(SUPERSEDED)
            self._merges.forget(before)
        self._by_device[device] = stream
        async with self._registering:
            place = await self._hub.register(device, claim)
        return Registered(
            *(place.origin, self._hub.epoch, place.acknowledged, place.mark),
            session=place.session,
            standing=place.standing,
            horizon=place.horizon,
            fork=place.fork,
        )

    async def schema_at(self, version: str | None) -> Schema:
        return await self._hub.schema_at(version)

    async def merge(self, stream: DeviceStream, submitted: Submitted) -> None:
        await self._merges.put(stream, submitted)

    def note_applied(self, stream: DeviceStream, claim: Claim) -> None:
        self._applied[stream] = claim

    def wake(self) -> None:
        self._fanout.wake()

    def changed(self) -> None:
        """The hub has something new for its devices: tell them at once."""
        self._fanout.merged()

    async def stop(self, bye: Bye) -> None:
        """End all streams, finish the merge under way, stop the tasks."""
        for stream in list(self._streams):
            stream.end(bye)
        self._merges.stop()
        await asyncio.wait([self._merging], timeout=DRAIN_MS_MAX / 1000)
        tasks = [self._merging, *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(PostgresError):
            await self.record_applied()

    async def _keep_time(self) -> None:
        """Heartbeats of all streams; now and then, how far the devices are."""
        ticks = 0
        while True:
            await asyncio.sleep(_TICK_S)
            now, ticks = now_ms(), ticks + 1
            for stream in list(self._streams):
                if self.is_over:
                    stream.end(REPLACED)
                stream.tick(now)
            if ticks * _TICK_S * 1000 % PLACE_MS == 0:
                try:
                    await self.record_applied()
                except PostgresError as error:
                    _log.warning("can't record how far the devices are", code=error.code)
                except Exception:
                    _log.exception("recording how far the devices are failed")

    async def record_applied(self) -> None:
        """Note at the hub how far the devices are. Who has gone on at another service is told."""
        applied, self._applied = self._applied, {}
        for stream, claim in applied.items():
            if not await self._hub.applied(stream.session.device, stream.session.number, claim):
                stream.end(SUPERSEDED)

    async def _clean(self) -> None:
        """Forget what all live devices have passed, now and then; at once what has piled up."""
        while True:
            await asyncio.sleep(CLEANING_MS * random.uniform(0.5, 1) / 1000)
            try:
                while await self._hub.clean(self._by_device) >= CLEANED_ROWS_MAX:
                    await asyncio.sleep(_CLEANING_PAUSE_S)
            except PostgresError as error:
                _log.warning("can't clean up", code=error.code)
            except Exception:
                _log.exception("cleaning up failed")


class Environments:
    """All environments of a cluster that are in use."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._memory = UploadMemory(), DownloadMemory()
        self._open: dict[tuple[str, str], Environment] = {}
        self._lock = asyncio.Lock()
        self._draining = False

    @property
    def is_draining(self) -> bool:
        return self._draining

    @property
    def connected(self) -> int:
        """How many streams are open, in all environments."""
        return sum(environment.connected for environment in self._open.values())

    def at(self, app: str, env: str) -> Environment | None:
        """The environment if it is in use."""
        return self._open.get((app, env))

    async def open(self, app: str, env: str) -> Environment:
        """The environment, in use from now on.

        Raises:
            ServiceError: there is no such environment.
            PostgresError: Postgres can't be reached.
        """
        async with self._lock:
            environment = self._open.get((app, env))
            if environment is not None and environment.is_over:
                del self._open[app, env]
                await environment.stop(REPLACED)
                environment = None
            if environment is None:
                hub = await self._cluster.hub(app, env)
                environment = self._open[app, env] = Environment(hub, *self._memory)
            return environment

    async def reset(self, app: str, env: str) -> None:
        """Delete the environment's data and start it anew; its devices are told.

        Raises:
            ServiceError: there is no such environment.
            PostgresError: Postgres can't be reached.
        """
        async with self._lock:
            environment = self._open.pop((app, env), None)
            if environment is not None:
                await environment.stop(RESET)
            await self._cluster.reset(app, env)

    async def drain(self) -> None:
        """End everything in good order."""
        self._draining = True
        async with self._lock:
            stopping = [environment.stop(DRAINING) for environment in self._open.values()]
            self._open.clear()
            await asyncio.gather(*stopping)
