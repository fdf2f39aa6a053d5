"""Strangers to a running service: an HTTP caller, and a device's wire. Real sockets."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.service.player import Player


@dataclass(frozen=True)
class Caller:
    """Calls the HTTP API with a secret (None: with none)."""

    url: str
    secret: str | None

    async def call(
        self, method: str, path: str, body: object = None, *, raw: bytes | None = None
    ) -> tuple[int, Any]:
        """The status, and the body as JSON (as text if it isn't)."""
        return await asyncio.to_thread(self._call, method, path, body, raw)

    async def get(self, path: str) -> Any:  # noqa: ANN401
        """The body of a GET that has to succeed."""
        status, body = await self.call("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: object) -> Any:  # noqa: ANN401
        """The body of a POST that has to succeed."""
        status, answer = await self.call("POST", path, body)
        assert status in (200, 201), answer
        return answer

    def _call(self, method: str, path: str, body: object, raw: bytes | None) -> tuple[int, Any]:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.headers.get_content_type() == "application/json":
                return answer.status, json.loads(content)
            return answer.status, content.decode()
        finally:
            connection.close()


class SocketWire:
    """A device's WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, data: bytes) -> None:
        await self.connection.send(data)

    async def receive(self) -> bytes | None:
        try:
            data = await self.connection.recv()
        except ConnectionClosed:
            return None
        assert isinstance(data, bytes)
        return data


@contextlib.asynccontextmanager
async def device(
    url: str, path: str, *, token: str | None, name: str = "d"
) -> AsyncIterator[Player]:
    """A device that is connected to `/ws/<path>`, before its hello."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = f"{url.replace('http', 'ws', 1)}/ws/{path}"
    async with connect(
        address, additional_headers=headers, compression=None, max_size=None, ping_interval=None
    ) as connection:
        yield Player(SocketWire(connection), f"device-{name:0>22}")
