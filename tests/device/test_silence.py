"""A service that takes a connection and then neither reads nor says anything: the device leaves it
and comes back, whatever it has to send."""

import asyncio
import secrets
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from electricsql import electrify
from electricsql.device import link
from electricsql.limits import HEARTBEAT_MS
from electricsql.protocol import Hello, Welcome, decode_up, device_session, encode_frame
from tests.device.files import NOTES, bundle

PATIENCE_S = 30
SILENCE_MS = 1_500


@pytest.mark.parametrize("size", [10, 30 << 20])
def test_a_device_leaves_a_silent_service_and_connects_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for module in (link, device_session):
        monkeypatch.setattr(module, "SERVICE_SILENCE_MS_MAX", SILENCE_MS)
    asyncio.run(leave_and_come_back(tmp_path / "a.db", secrets.token_hex(size // 2)))


async def leave_and_come_back(path: Path, body: str) -> None:
    came: asyncio.Queue[Hello] = asyncio.Queue()
    over = asyncio.Event()

    async def accept(socket: ServerConnection) -> None:
        hello = decode_up(await socket.recv(decode=False))
        assert isinstance(hello, Hello)
        await socket.send(encode_frame(Welcome(1, "epoch", 0, 0, 0, HEARTBEAT_MS)))
        socket.transport.pause_reading()
        await came.put(hello)
        await over.wait()

    async with serve(accept, "127.0.0.1", 0, max_size=None, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}/ws/shop/default"
        with electrify(path, bundle(NOTES), url, lambda: "") as database:
            with database.transaction():
                database.execute("INSERT INTO notes (id, body) VALUES ('a', ?)", (body,))
            async with asyncio.timeout(PATIENCE_S):
                first, second = await came.get(), await came.get()
            assert first.device == second.device
        over.set()
