"""Somebody with a good token who asks for too much: connections, hellos, comparisons, pieces."""

import asyncio
import os
from contextlib import AsyncExitStack

import msgspec
import pytest
import zstandard
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from electricsql.limits import CHANGE_GROUPS_MAX, FRAGMENTS_MAX, HELLOS_MAX
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Compare,
    Digests,
    Hello,
    Welcome,
    encode_frame,
)
from tests.integration.hostile.stage import Target, bye_of, outcome, transaction, upload
from tests.integration.service.strangers import SocketWire
from tests.service.player import Player

pytestmark = pytest.mark.anyio
ELSEWHERE = f"{'e' * 16}/9:9:"
"""A cursor of another history: a device with it is asked to say hello again."""


def raw(player: Player) -> SocketWire:
    assert isinstance(player.wire, SocketWire)
    return player.wire


async def test_hellos_without_end_end_the_stream(target: Target) -> None:
    async with target.undisturbed(), target.cheat() as cheat:
        hello = Hello(PROTOCOL_VERSION, cheat.device, ELSEWHERE, None, 0)
        for _ in range(HELLOS_MAX):
            await cheat.say(hello)
            assert isinstance(await cheat.hear(), Welcome)
        await cheat.say(hello)
        assert (await bye_of(cheat)).code == "protocol"


async def test_many_new_devices_at_once_hold_up_nobody(target: Target) -> None:
    token = await target.token()

    async def come(name: str) -> None:
        async with target.cheat(name, token) as cheat:
            await cheat.hello()
            await cheat.hear_delta()

    async with target.undisturbed():
        flood = [asyncio.create_task(come(f"flood{number}")) for number in range(150)]
        async with target.undisturbed():
            pass
        await asyncio.gather(*flood)


async def test_who_comes_again_and_again_is_one_device(target: Target) -> None:
    """Each connection of a device ends the one before; what it costs does not pile up."""
    token = await target.token()
    async with target.undisturbed(), AsyncExitStack() as stack:
        players = []
        for _ in range(50):
            player = await stack.enter_async_context(target.cheat("again", token))
            player.applies = False  # its stream may be over before it could say so
            await player.hello()
            players.append(player)
        for player in players[:-1]:
            assert (await bye_of(player)).code == "superseded"
        await players[-1].hear_delta()
    assert (
        await target.query("SELECT count(*) FROM electric.devices WHERE device LIKE '%again'") == 1
    )


async def test_who_compares_all_the_time_gets_its_answers_in_turn(target: Target) -> None:
    await target.query(
        "INSERT INTO notes SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i"
    )
    async with target.undisturbed(), AsyncExitStack() as stack:
        cheats = [await stack.enter_async_context(target.streaming()) for _ in range(20)]

        async def compare(cheat: Player) -> None:
            for _ in range(3):
                await cheat.say(Compare())
                while not isinstance(await cheat.hear(), Digests):
                    pass

        asking = [asyncio.create_task(compare(cheat)) for cheat in cheats]
        async with target.undisturbed():
            pass
        await asyncio.gather(*asking)
        await cheats[0].say(Compare())
        await cheats[0].say(Compare())
        assert (await bye_of(cheats[0])).code == "protocol"


@pytest.mark.parametrize(("count", "ends"), [(FRAGMENTS_MAX, False), (FRAGMENTS_MAX + 1, True)])
async def test_a_message_has_so_many_fragments(target: Target, count: int, ends: bool) -> None:
    async with target.undisturbed(), target.cheat() as cheat:
        hello = Hello(PROTOCOL_VERSION, cheat.device, None, None, 0)
        data = encode_frame(hello)
        pieces = [data[:1], *[b""] * (count - 2), data[1:]]
        await _send_pieces(cheat, pieces)
        try:
            assert isinstance(await cheat.hear(), Welcome)
        except (ConnectionClosed, AssertionError):
            assert ends
        else:
            assert not ends


async def _send_pieces(player: Player, pieces: list[bytes]) -> None:
    transport = raw(player).connection.transport
    for number, piece in enumerate(pieces):
        opcode = Opcode.CONT if number else Opcode.BINARY
        frame = Frame(opcode, piece, number == len(pieces) - 1)
        transport.write(frame.serialize(mask=True))
        if number % 100 == 0:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("count", "becomes"), [(CHANGE_GROUPS_MAX, "taken"), (CHANGE_GROUPS_MAX + 1, "refused")]
)
async def test_a_transaction_has_so_many_groups(target: Target, count: int, becomes: str) -> None:
    """Each of no change: it is the groups that are counted."""
    group = ["notes", 1, 1, ["id", "body"], [[], []]]
    data = b"\x01" + zstandard.compress(transaction(groups=[group] * count)[1:])
    before = target.peak_bytes()
    async with target.undisturbed(), target.streaming() as cheat:
        await upload(cheat, data)
        assert await outcome(cheat) == becomes
    assert target.peak_bytes() - before < 256 << 20


async def test_random_bytes_in_the_middle_of_a_stream_end_it_alone(target: Target) -> None:
    async with target.undisturbed():
        for size in (1, 100, 100_000):
            async with target.streaming() as cheat:
                await raw(cheat).send(os.urandom(size))
                assert (await bye_of(cheat)).code == "damaged"
            async with target.streaming() as cheat:
                await raw(cheat).send(msgspec.msgpack.encode([6, 1]))
                assert (await bye_of(cheat)).code in ("damaged", "protocol")
