"""What a device is told of the hub's rows is of the moment of the delta before it."""

import asyncio

import pytest

from electricsql.protocol import (
    Compare,
    DeltaPart,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    TableDigest,
    Wanted,
    bucket_of,
    buckets_for,
    marked,
)
from electricsql.service import comparing
from tests.service.player import Player
from tests.service.rooms import room
from tests.service.twin import NOTES, TwinHub

pytestmark = pytest.mark.anyio
MANY = {f"k{number}": "x" * 10 for number in range(500)}


async def ask(player: Player, question: Compare) -> Digests | Details:
    """The answer, and that it comes right after a delta."""
    await player.say(question)
    before = None
    while not isinstance(frame := await player.hear(), Digests | Details):
        assert frame is not None, player.bye
        before = frame
    assert isinstance(before, DeltaPart)
    assert before.last
    return frame


def digest_of(player: Player) -> DigestFrame:
    """The digest of what the device has."""
    digest, bodies = TableDigest(NOTES), player.bodies()
    digest.add([list(bodies), list(bodies.values())])
    return DigestFrame("notes", len(bodies), digest.buckets(buckets_for(len(bodies))))


async def test_digests_are_those_of_the_rows_that_the_device_has_just_been_given() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        opened.hub.write(**MANY)
        assert await ask(player, Compare()) == Digests((digest_of(player),))
        assert len(digest_of(player).buckets) > 1
        opened.hub.write(a="more")
        assert await ask(player, Compare()) == Digests((digest_of(player),))


async def test_rows_of_wanted_buckets_are_told_by_key_and_mark() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        player = await opened.arrive(1)
        wanted = Wanted("notes", 8, (bucket_of(("k0",), 8), 3))
        answer = await ask(player, Compare((wanted, Wanted("no such table", 1, (0,)))))
        bodies = player.bodies()
        expected = dict(marked(NOTES, [list(bodies), list(bodies.values())], 8, wanted.numbers))
        assert isinstance(answer, Details)
        (detail,) = answer.tables
        assert dict(zip(zip(*detail.keys, strict=True), detail.marks, strict=True)) == expected
        assert ("k0",) in expected


async def test_nothing_in_the_buckets_is_an_answer_too() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        answer = await ask(player, Compare((Wanted("notes", 1, (0,)),)))
        assert answer == Details((DetailFrame("notes", [], []),))


async def test_others_go_on_and_the_device_after_its_answer_too() -> None:
    async with room() as opened:
        asking, other = await opened.arrive(1), await opened.arrive(2)
        await asking.say(Compare())
        opened.hub.write(a="1")
        await asyncio.gather(asking.sync(), other.sync())
        opened.hub.write(a="2")
        await asyncio.gather(asking.sync(), other.sync())
        assert asking.bodies() == other.bodies() == {"a": "2"}


async def test_who_asks_for_too_much_is_ended_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "COMPARED_ROWS_MAX", 100)
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        asking, other = await opened.arrive(1), await opened.arrive(2)
        await asking.say(Compare((Wanted("notes", 1, (0,)),)))
        assert (await asking.hear_bye()).code == "too-large"
        await other.sync()
