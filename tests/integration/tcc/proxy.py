"""A network that breaks on command: proxies that cut, freeze, lose, delay, slow down and mangle.

    who connects ──up──▶ Proxy ──up──▶ target
                 ◀─down─       ◀─down─

All proxies live on one event loop in a thread of its own; their methods may be called from any
thread, and return when the fault is in force.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, Self

_CHUNK_BYTES: Final = 16 << 10
_BUFFER_BYTES: Final = 16 << 10  # small, so that a slow reader is felt soon
_SLICES_PER_S: Final = 10
_BREAKS: Final = (OSError, asyncio.IncompleteReadError)
_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: a close is a reset


class Mangler(Protocol):
    """What becomes of the bytes of one direction of one connection."""

    def feed(self, data: bytes) -> bytes: ...

    @property
    def ends(self) -> bool:
        """Whether the connection breaks after what was fed."""


@dataclass(eq=False)
class Way:
    """One direction through a proxy."""

    passing: asyncio.Event = field(default_factory=asyncio.Event)
    delay_s: float = 0
    bytes_per_s: int | None = None
    mangler: Callable[[], Mangler] | None = None
    """Makes one for each connection."""


class _Conversation:
    """One connection, and the one that was made for it to the target."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.lost: set[Way] = set()
        """The directions in which nothing arrives any more, without anybody noticing."""

    def abort(self) -> None:
        """Both ends get a reset."""
        for writer in (self.near, self.far):
            _abort(writer)


class Network:
    """The thread in which proxies work."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._proxies: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for proxy in self._proxies:
            self.run(proxy.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def proxy(self, port: int) -> "Proxy":
        """A new proxy before a port of this machine."""
        proxy = Proxy(self, port)
        self.run(proxy.start())
        self._proxies.append(proxy)
        return proxy

    def run(self, doing: Coroutine[Any, Any, None]) -> None:
        """Have the thread do something, and wait until it is done."""
        asyncio.run_coroutine_threadsafe(doing, self._loop).result()


class Proxy:
    """Listens on `port`, and passes on to the target what the faults in force let pass."""

    def __init__(self, network: Network, target: int) -> None:
        self.port = 0
        self._network = network
        self._target = target
        self._server: asyncio.Server | None = None
        self._conversations: set[_Conversation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut = False
        self._losing: set[Way] = set()
        self.up = Way()
        self.down = Way()

    def heal(self) -> None:
        """End all faults. What was lost stays lost."""
        self._do(self._set(passing=True, cut=False))

    def cut(self) -> None:
        """Break all connections, and refuse new ones."""
        self._do(self._set(passing=True, cut=True))

    def flap(self) -> None:
        """Break all connections; new ones are welcome."""
        self._do(self._abort_all())

    def freeze(self, *ways: Way) -> None:
        """Nothing passes (in these directions, or at all) until healed; nothing is lost either."""
        self._do(self._freeze(ways or (self.up, self.down)))

    def lose(self, *ways: Way) -> None:
        """All connections, old and new, are dead from now on without anybody being told (in these
        directions). After healing new ones work; the old ones stay half-open."""
        self._do(self._lose(ways or (self.up, self.down)))

    def _do(self, doing: Coroutine[Any, Any, None]) -> None:
        self._network.run(doing)

    async def start(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.up.passing.set()
        self.down.passing.set()
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=_BUFFER_BYTES)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._abort_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set(self, *, passing: bool, cut: bool) -> None:
        self._cut = cut
        self._losing.clear()
        for way in (self.up, self.down):
            way.delay_s, way.bytes_per_s, way.mangler = 0, None, None
            if passing:
                way.passing.set()
        if cut:
            await self._abort_all()

    async def _freeze(self, ways: tuple[Way, ...]) -> None:
        for way in ways:
            way.passing.clear()

    async def _lose(self, ways: tuple[Way, ...]) -> None:
        self._losing.update(ways)
        for conversation in self._conversations:
            conversation.lost.update(ways)

    async def _abort_all(self) -> None:
        for conversation in list(self._conversations):
            conversation.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (*_BREAKS, asyncio.CancelledError):
            pass  # nobody waits for this task: the server that began it only logs how it ended
        finally:
            self._tasks.discard(task)
            _abort(writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            return
        far_reader, far_writer = await asyncio.open_connection(
            "127.0.0.1", self._target, limit=_BUFFER_BYTES
        )
        conversation = _Conversation(writer, far_writer)
        conversation.lost.update(self._losing)
        self._conversations.add(conversation)
        try:
            await asyncio.gather(
                self._pump(conversation, self.up, reader, far_writer),
                self._pump(conversation, self.down, far_reader, writer),
            )
        finally:
            self._conversations.discard(conversation)
            conversation.abort()

    async def _pump(
        self,
        conversation: _Conversation,
        way: Way,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        mangler = way.mangler() if way.mangler else None
        with suppress(*_BREAKS):
            while data := await reader.read(_CHUNK_BYTES):
                await way.passing.wait()
                if way.delay_s:
                    await asyncio.sleep(way.delay_s)
                if way in conversation.lost:
                    continue
                data = mangler.feed(data) if mangler else data
                await _send(writer, data, way)
                if mangler is not None and mangler.ends:
                    conversation.abort()
        await way.passing.wait()
        if way in conversation.lost:
            await asyncio.Event().wait()  # the other end never learns that this one has gone
        with suppress(*_BREAKS):
            if writer.can_write_eof():
                writer.write_eof()


async def _send(writer: asyncio.StreamWriter, data: bytes, way: Way) -> None:
    """All of it, at the pace that the way has meanwhile."""
    while data:
        size = len(data)
        if way.bytes_per_s is not None:
            size = max(1, way.bytes_per_s // _SLICES_PER_S)
            await asyncio.sleep(1 / _SLICES_PER_S)
        writer.write(data[:size])
        await writer.drain()
        data = data[size:]


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset."""
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
