"""A device that costs next to nothing: the protocol over a bare socket, and no file.

It takes what it is sent, says that it has applied it, sends heartbeats, comes back where it was. It
reads as fast or as slowly as it is told; a connection's buffers at its end are then so small that
the service notices. Some look into what they are sent; most only count it.
"""

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from electricsql.limits import HEARTBEAT_MS
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Applied,
    Bye,
    DeltaPart,
    Hello,
    Ping,
    Pong,
    Staged,
    Up,
    Upload,
    Welcome,
    decode_block,
    decode_down,
    encode_frame,
    encode_transaction,
)
from electricsql.replication import Change, Cursor, Op, Transaction, hlc_at
from tests.service.twin import NOTES

BULK: Final = "bulk"
STAMPED: Final = "stamp"
_BUFFER_BYTES: Final = 4 << 10
_READ_BYTES: Final = 256 << 10
_SLOW_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """Where devices connect: the address of the stream, a token, the schema version."""

    url: str
    token: str
    version: str


@dataclass(eq=False)
class Client:
    """One device. `bytes_per_s` is None for one that reads all it can, 0 for one that reads
    nothing. One that `looks` decodes what it is sent."""

    place: Place
    name: str
    bytes_per_s: int | None = None
    looks: bool = False
    flaps: bool = False
    """It loses its connection every few seconds."""
    cursor: str | None = None
    number: int = 0
    byes: list[str] = field(default_factory=list)
    connections: int = 0
    parts: int = 0
    bulk: set[str] = field(default_factory=set)
    latencies_ms: list[float] = field(default_factory=list)
    acknowledged: int = 0
    _staged: Staged | None = None
    _version: str | None = None
    _socket: socket.socket | None = None
    _protocol: ClientProtocol | None = None
    _fragments: list[bytes] = field(default_factory=list)
    _streaming: bool = False
    _hangs_up: bool = False
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    _answers: dict[int, asyncio.Event] = field(default_factory=dict)

    async def run(self) -> None:
        """Be connected, again and again, until cancelled."""
        while True:
            try:
                if self.flaps:
                    async with asyncio.timeout(random.uniform(1, 4)):
                        await self._connection()
                else:
                    await self._connection()
            except (OSError, TimeoutError, EOFError):
                pass
            self._streaming = False
            await asyncio.sleep(random.uniform(0.5, 2))

    def read_all(self) -> None:
        """Be slow no longer. Some come back for it, with larger buffers."""
        self._hangs_up = self.bytes_per_s is not None and not self.looks
        self.bytes_per_s, self.flaps = None, False
        if self._socket is not None and self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_BYTES)

    async def write(self, rows: int) -> None:
        """Upload a transaction that inserts stamped rows, if there is a stream."""
        if not self._streaming:
            return
        self.number += 1
        stamp = f"{STAMPED} {time.monotonic_ns()}"
        keys = [f"{self.name} {self.number} {row}" for row in range(rows)]
        changes = [Change("notes", Op.INSERT, (key,), {"id": key, "body": stamp}) for key in keys]
        cursor = Cursor.parse(self.cursor) if self.cursor else None
        clock = hlc_at(time.time_ns() // 1_000_000)
        transaction = Transaction(self.number, clock, cursor, self.place.version, changes)
        data = encode_transaction(transaction, {NOTES.name: NOTES})
        await self._say(Upload(self.number, 0, True, data))

    async def synced(self) -> None:
        """Wait until all that is at the hub now is here, over however many connections."""
        nonce = random.getrandbits(31)
        answer = self._answers[nonce] = asyncio.Event()
        asked = 0
        while not answer.is_set():
            if self._streaming and asked != self.connections:
                asked = self.connections
                with suppress(OSError):
                    await self._say(Ping(nonce))
            await asyncio.sleep(0.05)

    async def _connection(self) -> None:
        address = urlsplit(self.place.url)
        with socket.socket() as self._socket:
            self._socket.setblocking(False)
            if self.bytes_per_s is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(self._socket, (address.hostname, address.port))
            self._protocol = ClientProtocol(parse_uri(self.place.url), max_size=None)
            request = self._protocol.connect()
            request.headers["Authorization"] = f"Bearer {self.place.token}"
            self._protocol.send_request(request)
            self._fragments.clear()
            await self._flush()
            await self._receive_some()
            hello = (PROTOCOL_VERSION, self.name, self.cursor, self._version, self.number)
            self.connections += 1
            await self._say(Hello(*hello, self._staged))
            beating = asyncio.create_task(self._beat())
            try:
                while True:
                    await self._receive_some()
            finally:
                beating.cancel()

    async def _receive_some(self) -> None:
        """Take some bytes, at our pace, and what is in them."""
        assert self._socket is not None
        assert self._protocol is not None
        while self.bytes_per_s == 0 and self._streaming:
            await asyncio.sleep(_SLOW_S)
        slow = self.bytes_per_s if self._streaming else None
        if slow:
            await asyncio.sleep(_SLOW_S)
        count = int(slow * _SLOW_S) if slow else _READ_BYTES
        data = await asyncio.get_running_loop().sock_recv(self._socket, count)
        if not data or self._hangs_up:
            self._hangs_up = False
            raise EOFError
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.CONT):
                self._fragments.append(bytes(event.data))
                if event.fin:
                    message = b"".join(self._fragments)
                    self._fragments.clear()
                    await self._take(message)
        await self._flush()

    async def _take(self, message: bytes) -> None:
        match decode_down(message):
            case Welcome(acknowledged=acknowledged):
                self.number = self.acknowledged = acknowledged
                self._streaming = True
            case DeltaPart() as part:
                await self._take_part(part)
            case Pong(nonce):
                if (answer := self._answers.pop(nonce, None)) is not None:
                    answer.set()
            case Bye(code=code):
                self.byes.append(code)
            case _:
                pass

    async def _take_part(self, part: DeltaPart) -> None:
        self.parts += 1
        if part.migrations:
            self._version = part.migrations[-1].name
        self._staged = part.staged or (self._staged if not part.last else None)
        if self.looks:
            self._look(part)
        if part.last:
            self.cursor, self._staged = part.cursor, None
            self.acknowledged = max(self.acknowledged, part.acknowledged)
            await self._say(Applied(part.cursor))

    def _look(self, part: DeltaPart) -> None:
        now = time.monotonic_ns()
        for key, body in self._rows(part):
            if key.startswith(BULK):
                self.bulk.add(key)
            elif body.startswith(STAMPED):
                self.latencies_ms.append((now - int(body.split()[1])) / 1e6)

    def _rows(self, part: DeltaPart) -> Iterator[tuple[str, str]]:
        for data in part.blocks:
            block = decode_block(data)
            yield from zip(*block.values, strict=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_MS / 1000)
            await self._say(Pong(0))

    async def _say(self, frame: Up) -> None:
        assert self._protocol is not None
        self._protocol.send_binary(encode_frame(frame))
        await self._flush()

    async def _flush(self) -> None:
        assert self._socket is not None
        assert self._protocol is not None
        async with self._sending:
            data = b"".join(self._protocol.data_to_send())
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
