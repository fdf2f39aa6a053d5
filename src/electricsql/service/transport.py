"""What a connection may do before anybody knows whose it is.

uvicorn does HTTP and WebSocket; here is what it leaves open: heads without an end, requests that
never get on, pings nobody reads the answers of, messages in a million pieces, large ones that
nobody takes, and more connections than the process has file descriptors for. None of it is told in
the log: a stranger could fill it.

Not here: bodies (`http.py`), and what a device may say (`protocol/hub_session.py`).
"""

import asyncio
import resource
from typing import Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame

from electricsql.limits import (
    CLOSE_MS_MAX,
    CONNECTIONS_MAX,
    FRAGMENTS_MAX,
    HANDSHAKE_MS_MAX,
    HEAD_BYTES_MAX,
    PIECE_BYTES,
    PIECES_MAX,
    REQUEST_MS_MAX,
    SPARE_DESCRIPTORS,
    UNSENT_PIECES_BYTES,
)

_PIECE_BYTES: Final = 16 << 10
"""So much is parsed in one turn of the event loop: some 2,000 frames, if they are tiny."""


def connections_max() -> int:
    """How many connections this process can take. Raises the limit of file descriptors as far as
    it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = CONNECTIONS_MAX + SPARE_DESCRIPTORS
    if hard == resource.RLIM_INFINITY or hard >= wanted + SPARE_DESCRIPTORS:
        return wanted
    return max(hard - SPARE_DESCRIPTORS, hard // 2)


def streams_max() -> int:
    """How many of them may be devices' streams. There is room to tell others why not."""
    connections = connections_max()
    return min(CONNECTIONS_MAX, max(connections - SPARE_DESCRIPTORS, connections // 2))


class HttpConnection(HttpToolsProtocol):
    """A connection that has to get on with its request, in a bounded number of bytes."""

    _head_bytes = 0
    _in_head = True
    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
        else:
            self._within(HANDSHAKE_MS_MAX)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_alarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._within(HANDSHAKE_MS_MAX)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._within(REQUEST_MS_MAX)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._cancel_alarm()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._cancel_alarm()
        super().handle_websocket_upgrade()

    def _within(self, ms: int) -> None:
        self._cancel_alarm()
        self._alarm = self.loop.call_later(ms / 1000, self.transport.abort)

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket that holds little of what nobody takes, and lets others have their turn."""

    _waiting: bytes = b""
    _pong: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.close_timeout = CLOSE_MS_MAX / 1000

    def data_received(self, data: bytes) -> None:
        """Parse it a piece at a time. Until all is parsed nothing more is read."""
        if self._waiting:
            self._waiting += data
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._waiting = data[_PIECE_BYTES:]
        try:
            super().data_received(data[:_PIECE_BYTES])
        except Exception:  # a handshake that websockets or uvicorn did not think of
            self._waiting = b""
            self.transport.abort()
            return
        if not (self.handshake_initiated or self._waiting):
            self.transport.abort()  # its head comes at once, and is none for websockets
            return
        if self._waiting:
            if not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
            self.loop.call_soon(self._go_on)
        elif self.read_paused and self.queue.empty() and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    def _go_on(self) -> None:
        if not self.transport.is_closing():
            self._parse(self._waiting)

    async def send(self, message: ASGISendEvent) -> None:
        """Send a large message in pieces, so that a peer hears that it comes; some of them when
        those before have left: no connection has a copy of all of it, and others are served in
        between."""
        data = message.get("bytes") if message["type"] == "websocket.send" else None
        if data is None or len(data) <= PIECE_BYTES:
            await super().send(message)
            return
        for start in range(0, len(data), UNSENT_PIECES_BYTES):
            await self.writable.wait()
            if self.disconnected:
                raise ClientDisconnected
            if self.close_sent:
                return
            try:
                self._write_pieces(data, range(len(data))[start : start + UNSENT_PIECES_BYTES])
            except InvalidState:  # the peer closes while much is on its way
                raise ClientDisconnected from None
            await asyncio.sleep(0)

    def _write_pieces(self, data: bytes, places: range) -> None:
        view = memoryview(data)
        piece_bytes = max(PIECE_BYTES, -(-len(data) // PIECES_MAX))
        for start in places[::piece_bytes]:
            send = self.conn.send_continuation if start else self.conn.send_binary
            end = min(start + piece_bytes, places.stop)
            send(view[start:end], end >= len(data))
        self.transport.write(b"".join(self.conn.data_to_send()))

    def handle_ping(self) -> None:
        """Answer; while the peer takes nothing, the last ping is the one that will be answered."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self._pong = b"".join(self.conn.data_to_send())

    def resume_writing(self) -> None:
        pong, self._pong = self._pong, b""
        if pong:
            self.transport.write(pong)
        super().resume_writing()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        else:
            self.transport.abort()
