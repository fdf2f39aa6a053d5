"""An environment over a hub in memory, and wires to it that can be stopped up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any, cast

from electricsql.hub import Hub
from electricsql.service.auth import Principal
from electricsql.service.environments import DRAINING, Environment
from electricsql.service.memory import DownloadMemory, UploadMemory
from electricsql.service.socket import Socket
from electricsql.service.stream import DeviceStream
from tests.service.player import Player
from tests.service.twin import TwinHub

DEVICE = "device-of-{:022}"


class MemoryWire:
    """Both ends of a connection, as ASGI sees it. Cleared `taking` stops the device from
    reading."""

    def __init__(self) -> None:
        self._up: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._down: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()
        self.lost = False

    async def send(self, data: bytes) -> None:
        self._up.put_nowait({"type": "websocket.receive", "bytes": data})

    async def receive(self) -> bytes | None:
        return await self._down.get()

    def cut(self) -> None:
        """The connection is lost."""
        self.lost = True
        self.taking.set()
        self._up.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self._down.put_nowait(None)

    async def asgi_receive(self) -> dict[str, Any]:
        return await self._up.get()

    async def asgi_send(self, message: MutableMapping[str, Any]) -> None:
        await self.taking.wait()
        if self.lost:
            raise OSError("gone")
        if message["type"] == "websocket.send":
            self._down.put_nowait(message["bytes"])
        elif message["type"] == "websocket.close":
            self._down.put_nowait(None)
            self._up.put_nowait({"type": "websocket.disconnect", "code": message["code"]})


class TestRoom:
    """One environment, its hub, and the devices that come."""

    __test__ = False

    def __init__(self, hub: TwinHub) -> None:
        self.hub = hub
        self.environment = Environment(cast("Hub", hub), UploadMemory(), DownloadMemory())
        self._tasks: list[asyncio.Task[None]] = []

    def connect(
        self, name: int, principal: Principal | None = None
    ) -> tuple[Player, MemoryWire, DeviceStream]:
        """A device, before its hello."""
        wire = MemoryWire()
        socket = Socket(wire.asgi_receive, wire.asgi_send)
        stream = DeviceStream(socket, principal or Principal("someone", False), self.environment)
        self._tasks.append(asyncio.create_task(stream.run()))
        return Player(wire, DEVICE.format(name)), wire, stream

    async def arrive(self, name: int) -> Player:
        """A device that has said hello and has had its first delta."""
        player, _, _ = self.connect(name)
        await player.hello()
        await player.hear_delta()
        return player

    async def stop(self) -> None:
        await self.environment.stop(DRAINING)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def room(hub: TwinHub | None = None) -> AsyncIterator[TestRoom]:
    """An environment that runs."""
    opened = TestRoom(hub or TwinHub())
    try:
        yield opened
    finally:
        await opened.stop()
