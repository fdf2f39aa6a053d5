"""Somebody without a token, at the socket: nothing to hold, nothing to fill, nothing to read."""

import asyncio
import base64
import contextlib
import os
import time
from collections.abc import AsyncIterator

import pytest

from electricsql.limits import HANDSHAKE_MS_MAX, HEAD_BYTES_MAX
from tests.integration.hostile.stage import Target, bye_of
from tests.integration.service.strangers import Caller

pytestmark = pytest.mark.anyio
MIB = 1 << 20
UPGRADE = (
    "GET /ws/notes/x{more} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)


@contextlib.asynccontextmanager
async def line(target: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection to the service."""
    host, port = target.service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def ends(reader: asyncio.StreamReader, within_s: float) -> bytes:
    """What comes until the service closes the connection."""
    async with asyncio.timeout(within_s):
        try:
            return await reader.read(-1)
        except ConnectionError:
            return b""


NONSENSE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    "a long head": b"GET / HTTP/1.1\r\nX: " + b"x" * (HEAD_BYTES_MAX + 200_000),
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * HEAD_BYTES_MAX,
    "a long path": b"GET /" + b"x" * (HEAD_BYTES_MAX + 200_000),
    "a length that is none": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a path that is no ASCII": "GET /ws/é/x HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "an upgrade to a path that is no ASCII": UPGRADE.format(more="é").encode() + b"\r\n",
    "an upgrade with a long header": UPGRADE.format(more="").encode()
    + b"Authorization: Bearer "
    + b"x" * 20_000
    + b"\r\n\r\n",
    "an upgrade with many headers": UPGRADE.format(more="").encode() + b"X: x\r\n" * 200 + b"\r\n",
    "an upgrade without a key": b"GET /ws/notes/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n\r\n",
    "an unmasked frame": UPGRADE.format(more="").encode() + b"\r\n\x82\x01x",
}


async def test_nonsense_at_the_socket_harms_nobody(target: Target) -> None:
    async with target.undisturbed():
        for name, data in NONSENSE.items():
            async with line(target) as (reader, writer):
                writer.write(data)
                answer = await ends(reader, 15)
                assert answer[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 101"), name
                assert b"Traceback" not in answer


async def test_a_token_that_is_nested_json_is_a_bad_token(target: Target) -> None:
    head = base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=")
    token = f"{head}.e30.AAAA"
    assert (await Caller(target.service.url, token).call("GET", target.api))[0] == 401
    async with target.undisturbed(), target.cheat(token=token) as cheat:
        assert (await bye_of(cheat)).code == "unauthorized"


PATHS = ["..%2f..%2fpostgres/x", "notes/%00", "notes/x%2fy", "notes/'; DROP DATABASE postgres; --"]
PATHS += ["notes/" + "x" * 4_000, "notes/\N{SNOWMAN}".encode().decode("latin-1"), "%ff%fe/x"]


async def test_paths_lead_nowhere_else(target: Target) -> None:
    token, admin = await target.token(), target.admin
    async with target.undisturbed():
        for path in PATHS:
            async with line(target) as (reader, writer):
                head = (
                    f"GET /api/v1/environments/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                )
                writer.write(
                    f"{head}Authorization: Bearer {admin.secret}\r\n\r\n".encode("latin-1")
                )
                assert (await ends(reader, 10))[9:12] in (b"400", b"404"), path
            async with line(target) as (reader, writer):
                head = UPGRADE.replace("/ws/notes/x{more}", f"/ws/{path}")
                writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode("latin-1"))
                answer = await ends(reader, 15)
                assert b"HTTP/1.1 101" not in answer or b"unauthorized" in answer, path


async def test_who_says_nothing_is_left_and_others_come_in(target: Target) -> None:
    """Slowloris: hundreds of connections that say nothing, half a head, or half a handshake."""
    halves = [b"", b"GET /", b"GET / HTTP/1.1\r\nX", UPGRADE.format(more="").encode()]
    async with target.undisturbed(), contextlib.AsyncExitStack() as stack:
        lines = []
        for number in range(200):
            reader, writer = await stack.enter_async_context(line(target))
            writer.write(halves[number % len(halves)])
            lines.append(reader)
        start = time.monotonic()
        await asyncio.gather(*(ends(reader, 60) for reader in lines))
        assert time.monotonic() - start > HANDSHAKE_MS_MAX / 2000


async def test_a_body_that_does_not_come_ends(target: Target) -> None:
    async with line(target) as (reader, writer):
        writer.write(
            b"POST /api/v1/environments HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer " + str(target.admin.secret).encode() + b"\r\n\r\n{"
        )
        writer.write_eof()
        await ends(reader, 15)


async def test_pings_whose_answers_nobody_reads_fill_nothing(target: Target) -> None:
    ping = b"\x89\xfd" + b"\0\0\0\0" + b"x" * 125
    async with target.undisturbed(), target.streaming() as cheat:
        transport = cheat.wire.connection.transport  # type: ignore[attr-defined]
        transport.pause_reading()
        before = target.resident_bytes()
        deadline = time.monotonic() + 3
        sent, pings = 0, ping * 1_000
        descriptor = transport.get_extra_info("socket").fileno()
        while time.monotonic() < deadline and sent < 64 * MIB:
            with contextlib.suppress(BlockingIOError):
                sent += os.write(descriptor, pings[sent % len(ping) :])
            await asyncio.sleep(0)
        assert sent > 8 * MIB
        assert target.resident_bytes() - before < 16 * MIB
