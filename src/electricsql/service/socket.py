"""A device's WebSocket, and the frames that wait for it.

The socket is the two callables of ASGI and nothing more, so an idle connection stays small. What is
to be sent is put into the outbox without waiting; a task that lives only while something is in it
does the sending, at the pace of the device.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from starlette.types import Receive, Send

from electricsql.errors import ProtocolError
from electricsql.limits import CLOSE_MS_MAX, UNSENT_BYTES_MAX, UNSENT_FRAMES_MAX
from electricsql.service.memory import DownloadMemory

_LOST: Final = 1006  # never sent: the connection was gone first


class Socket:
    """One accepted WebSocket. Binary frames only."""

    __slots__ = ("_receive", "_send")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def accept(self) -> None:
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def receive(self) -> bytes | None:
        """The next frame; None when the connection is gone.

        Raises:
            ProtocolError: it was a text frame.
        """
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        data: bytes | None = message.get("bytes")
        if data is None:
            raise ProtocolError("bad-frame", "A text frame came; all frames are binary.")
        return data

    async def send(self, data: bytes) -> None:
        """
        Raises:
            OSError: the connection is gone.
        """
        await self._send({"type": "websocket.send", "bytes": data})

    async def close(self, code: int) -> None:
        """
        Raises:
            OSError: the connection is gone.
        """
        await self._send({"type": "websocket.close", "code": code})


class Outbox:
    """Frames on their way to one device.

    `drained` is called when all have left after there was no room, `gone` when the connection turns
    out to be lost, `given_up` when the `memory` of all devices has no room and this one stands
    still.
    """

    __slots__ = (
        "_bytes",
        "_closing",
        "_drained",
        "_frames",
        "_given_up",
        "_gone",
        "_left",
        "_memory",
        "_socket",
        "_task",
        "_was_full",
    )

    def __init__(
        self,
        socket: Socket,
        memory: DownloadMemory,
        *,
        drained: Callable[[], None],
        gone: Callable[[], None],
        given_up: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._memory = memory
        self._given_up = given_up
        self._drained = drained
        self._gone = gone
        self._frames: deque[bytes] | None = None
        self._bytes = 0
        self._was_full = False
        self._task: asyncio.Task[None] | None = None
        self._left: asyncio.Event | None = None
        self._closing: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything has left."""
        return not self._frames

    @property
    def is_closed(self) -> bool:
        """Whether nothing that is put will leave any more."""
        return self._closing is not None

    @property
    def has_room(self) -> bool:
        """Whether another delta may be put: the device takes what it is sent. Once it has not, not
        before all has left."""
        return not self._was_full

    def put(self, frames: Iterable[bytes]) -> None:
        """Send these frames after those that wait; nothing once the outbox is closed."""
        if self._closing is not None:
            return
        if self._frames is None:
            self._frames = deque()
        for frame in frames:
            self._frames.append(frame)
            self._bytes += len(frame)
            self._memory.hold(self, frame)
        waiting = len(self._frames)
        self._was_full |= waiting >= UNSENT_FRAMES_MAX or self._bytes >= UNSENT_BYTES_MAX
        self._start()
        self._memory.keep_to_limit()

    async def wait_for_room(self) -> None:
        """Wait until little is left (or the connection is gone): the pace of a large delta."""
        while self._bytes >= UNSENT_BYTES_MAX:
            await self._wait()

    async def wait_until_empty(self) -> None:
        """Wait until nothing is left."""
        while self._frames:
            await self._wait()

    async def _wait(self) -> None:
        self._left = self._left or asyncio.Event()
        self._left.clear()
        await self._left.wait()

    def close(self, code: int) -> None:
        """Close the connection once what waits has left, or could not leave in time."""
        if self._closing is None:
            self._closing = code
            self._start()
            asyncio.get_running_loop().call_later(CLOSE_MS_MAX / 1000, self._cut)

    async def closed(self) -> None:
        """Wait until a `close` is done."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def drop(self) -> None:
        """The connection is gone: forget what waits."""
        self._closing = self._closing or _LOST
        self._forget()

    def give_up(self) -> None:
        """Forget what waits, and end the stream."""
        self._forget()
        self._given_up()

    def _forget(self) -> None:
        frames, self._frames, self._bytes = self._frames or (), None, 0
        for frame in frames:
            self._memory.let_go(self, frame, is_last=True)
        self._signal()

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Send until nothing is left. Nothing awaits between the last look and the end, so what is
        put later finds no task and starts one."""
        try:
            await self._send_all()
        except (OSError, RuntimeError, asyncio.CancelledError):
            self.drop()
            self._gone()
        self._task = None
        if self._was_full and self._closing is None:
            self._was_full = False
            self._drained()

    async def _send_all(self) -> None:
        while self._frames:
            frame = self._frames[0]
            await self._socket.send(frame)
            if self._frames and self._frames[0] is frame:
                self._frames.popleft()
                self._bytes -= len(frame)
                self._memory.let_go(self, frame, is_last=not self._frames)
            self._signal()
        self._frames = None
        if self._closing not in (None, _LOST):
            await self._socket.close(self._closing)

    def _cut(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _signal(self) -> None:
        if self._left is not None:
            self._left.set()
