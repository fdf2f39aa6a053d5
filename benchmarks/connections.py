"""What an idle device connection costs in memory: how much the service's process grows by 2,000 of
them.

The service is one for this alone. Its size is taken when some devices have come and gone, and again
when all are connected, have their first delta, and have been idle for longer than a heartbeat. The
devices are sockets of this process that say what a device says, and answer heartbeats. There is no
baseline: the target is an amount.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.measuring import Result, scaled
from benchmarks.stage import Environment, Service, Stage
from electricsql.limits import HEARTBEAT_MS
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Applied,
    Bye,
    DeltaPart,
    Hello,
    Pong,
    Up,
    decode_down,
    encode_frame,
)

_DEVICES = 2_000
_WARM_UP = 20
_AT_A_TIME = 50
_IDLE_S: Final = 1.5 * HEARTBEAT_MS / 1000
_LEAVE_S: Final = 2.0


def run(stage: Stage) -> Iterator[Result]:
    """The row of this subject."""
    count = scaled(_DEVICES, stage.scale)
    with stage.own_service() as service:
        environment = service.environment("connections")
        kib = uvloop.run(_grown_by(service, environment, count)) / 1024 / count
    what = f"memory of an idle device connection, {count:,} of them"
    yield Result(what, "", 64.0, [kib], unit="KiB")


async def _grown_by(service: Service, environment: Environment, count: int) -> int:
    """How many bytes the service has grown by when so many devices are connected."""
    async with _Crowd(environment) as crowd:
        await crowd.come(_WARM_UP)
    await asyncio.sleep(_LEAVE_S)
    before = _resident_bytes(service.pid)
    async with _Crowd(environment) as crowd:
        await crowd.come(count)
        await asyncio.sleep(_IDLE_S)
        assert crowd.present == count, "a device has lost its connection"
        return _resident_bytes(service.pid) - before


class _Crowd:
    """Idle devices."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._sockets: list[ClientConnection] = []
        self._listening: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "_Crowd":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in self._sockets))

    @property
    def present(self) -> int:
        """How many are connected."""
        return sum(not task.done() for task in self._listening)

    async def come(self, count: int) -> None:
        """Connect so many, and bring each up to date."""
        for start in range(0, count, _AT_A_TIME):
            numbers = range(start, min(count, start + _AT_A_TIME))
            await asyncio.gather(*map(self._connect, numbers))

    async def _connect(self, number: int) -> None:
        socket = await connect(
            self._environment.stream_url,
            additional_headers={"Authorization": f"Bearer {self._environment.token}"},
            compression=None,
            ping_interval=None,
        )
        self._sockets.append(socket)
        await _send(socket, Hello(PROTOCOL_VERSION, f"{number:032}", None, None, 0))
        ready = asyncio.Event()
        self._listening.append(asyncio.create_task(_listen(socket, ready)))
        await ready.wait()


async def _listen(socket: ClientConnection, ready: asyncio.Event) -> None:
    """Do what a device does that has nothing to say."""
    try:
        async for message in socket:
            assert isinstance(message, bytes)
            match decode_down(message):
                case Pong():
                    await _send(socket, Pong(0))
                case DeltaPart(last=True, cursor=cursor):
                    await _send(socket, Applied(cursor))
                    ready.set()
                case Bye() as bye:
                    raise RuntimeError(f"the service ended a connection: {bye}")
                case _:
                    pass
    except ConnectionClosed:
        pass


async def _send(socket: ClientConnection, frame: Up) -> None:
    await socket.send(encode_frame(frame))


def _resident_bytes(pid: int) -> int:
    """How much memory a process occupies (VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
