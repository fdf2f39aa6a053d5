"""A service that takes a connection and then neither reads nor says anything, or nothing that is
understood: the device leaves it and comes back, whatever it has to send."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from electricsql import electrify
from electricsql.device import link
from electricsql.limits import HEARTBEAT_MS
from electricsql.protocol import Hello, Welcome, decode_up, device_session, encode_frame
from tests.device.files import NOTES, bundle

PATIENCE_S = 30
SILENCE_MS = 1_500
LONG_FRAME = bytes([0x82, 126, 0xFF, 0xFF])
"""The header of a frame of 65,535 bytes."""
DELTA = bytes(500)
"""As much as one that comes now and then."""


@pytest.mark.parametrize("size", [10, 30 << 20])
def test_a_device_leaves_a_silent_service_and_connects_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for module in (link, device_session):
        monkeypatch.setattr(module, "SERVICE_SILENCE_MS_MAX", SILENCE_MS)
    asyncio.run(leave_and_come_back(tmp_path / "a.db", secrets.token_hex(size // 2), silent))


def test_a_device_does_not_wait_for_a_frame_whose_length_was_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (link, device_session):
        monkeypatch.setattr(module, "SERVICE_SILENCE_MS_MAX", SILENCE_MS)
    asyncio.run(leave_and_come_back(tmp_path / "a.db", "short", misunderstood))


async def silent(socket: ServerConnection) -> None:
    socket.transport.pause_reading()


async def misunderstood(socket: ServerConnection) -> None:
    """All that is said is taken for a part of a frame that is very long."""
    socket.transport.write(LONG_FRAME)
    with suppress(ConnectionClosed):
        while True:
            await socket.send(DELTA)
            await asyncio.sleep(SILENCE_MS / 3000)


async def leave_and_come_back(
    path: Path, body: str, behave: Callable[[ServerConnection], Awaitable[None]]
) -> None:
    came: asyncio.Queue[Hello] = asyncio.Queue()
    over = asyncio.Event()

    async def accept(socket: ServerConnection) -> None:
        hello = decode_up(await socket.recv(decode=False))
        assert isinstance(hello, Hello)
        await socket.send(encode_frame(Welcome(1, "epoch", 0, 0, 0, HEARTBEAT_MS)))
        await came.put(hello)
        await behave(socket)
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
