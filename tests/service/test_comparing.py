"""What a device is told of the hub's rows is of the moment of the delta before it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from electricsql.protocol import (
    Compare,
    DeltaPart,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    Down,
    Moment,
    TableDigest,
    Wanted,
    bucket_of,
    buckets_for,
    marked,
)
from electricsql.schema import Table, Value
from electricsql.service import comparing
from tests.service.player import Player
from tests.service.rooms import room
from tests.service.twin import NOTES, TwinHub, TwinReading

pytestmark = pytest.mark.anyio
MANY = {f"k{number}": "x" * 10 for number in range(500)}


async def ask(player: Player, question: Compare) -> tuple[dict[Value, Value], Digests | Details]:
    """The notes that the device had at the moment of the answer, and the answer."""
    await player.say(question)
    at_moment: dict[Value, Value] | None = None
    before: Down | None = None
    while not isinstance(frame := await player.hear(), Digests | Details):
        assert frame is not None, player.bye
        if isinstance(frame, Moment):
            assert isinstance(before, DeltaPart)
            assert before.last
            at_moment = player.bodies()
        before = frame
    assert at_moment is not None
    return at_moment, frame


def digest_of(bodies: dict[Value, Value]) -> DigestFrame:
    digest = TableDigest(NOTES)
    digest.add([list(bodies), list(bodies.values())])
    return DigestFrame("notes", len(bodies), digest.buckets(buckets_for(len(bodies))))


async def test_digests_are_those_of_the_rows_that_the_device_has_just_been_given() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        opened.hub.write(**MANY)
        bodies, answer = await ask(player, Compare())
        assert (bodies, answer) == (MANY, Digests((digest_of(bodies),)))
        assert len(digest_of(bodies).buckets) > 1
        opened.hub.write(a="more")
        bodies, answer = await ask(player, Compare())
        assert (bodies, answer) == (MANY | {"a": "more"}, Digests((digest_of(bodies),)))


async def test_rows_of_wanted_buckets_are_told_by_key_and_mark() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        player = await opened.arrive(1)
        wanted = Wanted("notes", 8, (bucket_of(("k0",), 8), 3))
        bodies, answer = await ask(player, Compare((wanted, Wanted("no such table", 1, (0,)))))
        expected = dict(marked(NOTES, [list(bodies), list(bodies.values())], 8, wanted.numbers))
        assert isinstance(answer, Details)
        (detail,) = answer.tables
        assert dict(zip(zip(*detail.keys, strict=True), detail.marks, strict=True)) == expected
        assert ("k0",) in expected


async def test_nothing_in_the_buckets_is_an_answer_too() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        _, answer = await ask(player, Compare((Wanted("notes", 1, (0,)),)))
        assert answer == Details((DetailFrame("notes", [], []),))


async def test_everything_goes_on_while_the_hub_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_read = asyncio.Event()
    rows_of = TwinReading.columns_of

    async def slow(self: TwinReading, table: Table) -> AsyncIterator[list[list[Value]]]:
        await may_read.wait()
        async for columns in rows_of(self, table):
            yield columns

    monkeypatch.setattr(TwinReading, "columns_of", slow)
    async with room() as opened:
        asking, other = await opened.arrive(1), await opened.arrive(2)
        opened.hub.write(a="1")
        await asking.say(Compare())
        while not isinstance(await asking.hear(), Moment):
            pass
        then = asking.bodies()
        opened.hub.write(a="2")
        await asking.write(b="3")
        await asyncio.gather(asking.hear_acknowledgement(), other.sync())
        await asyncio.gather(asking.sync(), other.sync())
        assert asking.bodies() == {"a": "2"}
        assert other.bodies() == {"a": "2", "b": "3"}
        may_read.set()
        assert await asking.hear() == Digests((digest_of(then),))


async def test_who_asks_for_too_much_is_ended_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "COMPARED_ROWS_MAX", 100)
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        asking, other = await opened.arrive(1), await opened.arrive(2)
        await asking.say(Compare((Wanted("notes", 1, (0,)),)))
        assert (await asking.hear_bye()).code == "too-large"
        await other.sync()
