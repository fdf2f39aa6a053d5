"""Somebody who has got hold of what is not theirs: a token that is over, the bytes of an earlier
session, a browser with somebody else's page in it, the service's log."""

import asyncio
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.client import connect

from electricsql.protocol import Bye, decode_down
from tests.integration.hostile.stage import SYNC_S_MAX, Target, bye_of, events, heartbeats
from tests.integration.service.strangers import SocketWire
from tests.service.player import Player, Wire

pytestmark = pytest.mark.anyio
EVIL = "https://evil.example"


async def test_a_stream_ends_with_its_token_and_goes_on_with_a_fresh_one(target: Target) -> None:
    short = await target.token(ttl_s=3)
    async with target.undisturbed():
        async with target.cheat("aging", short) as player:
            await player.hello()
            await player.hear_delta()
            await player.write(1, before="written in time")
            await player.hear_acknowledgement()
            async with heartbeats(player):
                bye = await player.hear_bye()
            assert (bye.code, bye.definite) == ("unauthorized", False)
            number, cursor = player.number, player.cursor
        async with target.cheat("aging") as player:
            player.number, player.cursor = number, cursor
            assert (await player.hello()).acknowledged == 1
            await player.hear_delta()
            await player.write(1, after="written later")
            await player.hear_acknowledgement()
    assert await target.query("SELECT count(*) FROM notes WHERE id IN ('before', 'after')") == 2


@dataclass
class Recorder:
    """A wire that remembers what was sent over it."""

    wire: Wire
    sent: list[bytes] = field(default_factory=list)

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        await self.wire.send(data)

    async def receive(self) -> bytes | None:
        return await self.wire.receive()


async def test_the_bytes_of_an_earlier_session_change_nothing(target: Target) -> None:
    """Whoever can send them has a token too, and gets no further than the device would."""
    async with target.undisturbed():
        async with target.streaming("victim") as player:
            recorder = player.wire = Recorder(player.wire)
            hello = player.device
            await player.write(1, stolen="mine")
            await player.hear_acknowledgement()
        await target.query("DELETE FROM notes WHERE id = 'stolen'")
        async with target.cheat("victim") as thief:
            assert thief.device == hello
            await thief.hello()
            for data in recorder.sent:
                await thief.wire.send(data)
            while thief.bye is None:
                async with asyncio.timeout(SYNC_S_MAX):
                    if await thief.hear() is None:
                        break
        assert await target.query("SELECT count(*) FROM notes WHERE id = 'stolen'") == 0


async def test_no_token_comes_from_anywhere_but_the_header_and_the_address(target: Target) -> None:
    """A page of somebody else's can make a browser connect, with its cookies: they open nothing."""
    token = await target.token()
    url = f"{target.service.url.replace('http', 'ws', 1)}/ws/{target.path}"
    stolen = [
        {"Cookie": f"token={token}; Authorization=Bearer {token}"},
        {"X-Token": token},
        {"Sec-WebSocket-Protocol": token},
        {"Authorization": token},
        {"Authorization": f"Basic {token}"},
    ]
    for headers in stolen:
        socket = connect(url, additional_headers={"Origin": EVIL, **headers}, compression=None)
        async with socket as connection:
            bye = decode_down(bytes(await connection.recv()))  # type: ignore[arg-type]
            assert isinstance(bye, Bye)
            assert bye.code == "unauthorized"


async def test_a_page_that_has_a_token_is_let_in_and_its_address_is_not_logged(
    target: Target,
) -> None:
    token = await target.token()
    url = f"{target.service.url.replace('http', 'ws', 1)}/ws/{target.path}?token={token}"
    async with connect(url, additional_headers={"Origin": EVIL}, compression=None) as connection:
        player = Player(SocketWire(connection), "device-of-a-browser-0000")
        await player.hello()
    assert token not in target.log.read_text()


async def test_the_http_api_answers_no_other_page(target: Target) -> None:
    """No answer lets a page of another site read it."""
    status, _ = await target.admin.call("OPTIONS", target.api)
    assert status == 405


async def test_the_log_has_no_whole_device(target: Target) -> None:
    async with target.cheat("secretive") as cheat:
        await cheat.hello()
        await cheat.wire.send(b"nonsense")
        await bye_of(cheat)
    log = target.new_log()
    assert cheat.device not in log
    assert any(event.get("device") == cheat.device[:8] for event in events(log))
