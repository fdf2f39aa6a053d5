"""Devices of one environment, over a hub in memory: merging, fan-out, acknowledgements, fencing."""

import asyncio
from collections.abc import Sequence
from typing import cast

import msgspec
import pytest
from msgspec.structs import replace

from electricsql.hub import Hub, Submitted
from electricsql.limits import UNSENT_FRAMES_MAX
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Acknowledged,
    Bye,
    Hello,
    TransactionFrame,
    Upload,
    Welcome,
    with_checksum,
)
from electricsql.protocol.columns import pack_column
from electricsql.protocol.messages import ChangesFrame, RefusedFrame
from electricsql.replication import Transaction
from electricsql.schema import Value
from electricsql.service.auth import Principal
from electricsql.service.merging import Merges
from tests.service.rooms import room
from tests.service.twin import VERSION, TwinHub

pytestmark = pytest.mark.anyio

FORBIDDEN = ("constraint", "That is forbidden.")


async def test_a_first_delta_is_whole_and_has_the_migrations() -> None:
    hub = TwinHub()
    hub.write(a="one")
    async with room(hub) as opened:
        player = await opened.arrive(1)
        (part,) = player.deltas[0]
        assert (part.whole, part.last, part.rows) == (True, True, 1)
        assert player.migrations
        assert player.bodies() == {"a": "one"}


async def test_what_one_device_writes_the_others_get_and_it_is_acknowledged() -> None:
    async with room() as opened:
        one, two = await opened.arrive(1), await opened.arrive(2)
        await one.write(a="from one", b="and more")
        await one.hear_acknowledgement()
        await two.hear_delta()
        assert two.bodies() == {"a": "from one", "b": "and more"}
        assert one.bodies() == {}, "a device is not sent back what it wrote"
        assert one.cursor == two.cursor


async def test_direct_writes_are_noticed() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        opened.hub.write(a="direct")
        await player.hear_delta()
        assert player.bodies() == {"a": "direct"}


async def test_a_transaction_in_parts_is_merged_whole() -> None:
    async with room() as opened:
        one, two = await opened.arrive(1), await opened.arrive(2)
        await one.write(parts=3, a="x" * 100)
        await two.hear_delta()
        assert two.bodies() == {"a": "x" * 100}


async def test_a_pong_comes_after_all_that_was_at_the_hub() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        for turn in range(20):
            opened.hub.write(a=str(turn))
            await player.sync()
            assert player.bodies() == {"a": str(turn)}
        deltas = len(player.deltas)
        await player.sync()
        assert len(player.deltas) == deltas, "nothing new is nothing to send"


async def test_a_refused_transaction_is_told_once() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        await player.write(a="forbidden")
        await player.write(b="fine")
        await player.hear_acknowledgement()
        await player.sync()
        assert player.refused == [1]
        assert player.acknowledged == 2


async def test_a_device_that_comes_back_gets_what_it_missed_and_resends_what_it_must() -> None:
    async with room() as opened:
        player, wire, _ = opened.connect(1)
        await player.hello()
        await player.hear_delta()
        await player.write(a="one")
        await player.hear_acknowledgement()
        wire.cut()
        opened.hub.write(b="two")
        again, _, _ = opened.connect(1)
        again.cursor, again.number = player.cursor, player.number
        welcome = await again.hello()
        assert welcome.acknowledged == 1
        await again.hear_delta()
        assert again.bodies() == {"b": "two"}
        assert not again.deltas[0][0].whole
        again.number = 0
        await again.write(a="one")
        await again.write(c="three")
        await again.hear_acknowledgement()
        assert opened.hub.numbers == {1: 2}


async def test_many_devices_share_one_reading() -> None:
    async with room() as opened:
        players = [await opened.arrive(number) for number in range(30)]
        before = opened.hub.readings
        opened.hub.write(a="all")
        await asyncio.gather(*(player.hear_delta() for player in players))
        assert opened.hub.readings == before + 1
        assert all(player.bodies() == {"a": "all"} for player in players)


async def test_transactions_gather_while_a_batch_commits() -> None:
    async with room() as opened:
        players = [await opened.arrive(number) for number in range(5)]
        for turn in range(10):
            for number, player in enumerate(players):
                await player.write(1, **{f"k{number}-{turn}": "v"})
        await asyncio.gather(*(player.hear_acknowledgement() for player in players))
        assert len(opened.hub.batches) < 50
        for origin in range(1, 6):
            numbers = [n for batch in opened.hub.batches for o, n in batch if o == origin]
            assert numbers == list(range(1, 11)), "a device's order is kept"


async def test_a_new_stream_of_a_device_ends_the_old_one() -> None:
    async with room() as opened:
        old = await opened.arrive(1)
        new = await opened.arrive(1)
        assert (await old.hear_bye()).code == "superseded"
        await new.write(a="still here")
        await new.hear_acknowledgement()


async def test_a_late_upload_of_an_older_stream_is_in_nobodys_way() -> None:
    async with room() as opened:
        _, _, older = opened.connect(1)
        _, _, newer = opened.connect(1)
        transaction = Transaction(1, 5, None, VERSION, ())
        merges = Merges(cast("Hub", opened.hub), lambda: None)
        for stream in (older, newer):
            place = await opened.hub.register("one")
            submitted = Submitted(place.origin, transaction, b"", place.session)
            await merges.put(stream, submitted)
        running = asyncio.create_task(merges.run())
        async with asyncio.timeout(20):
            while opened.hub.numbers != {1: 1}:
                await asyncio.sleep(0)
        merges.stop()
        await running


async def test_an_idle_stream_ends_when_its_device_has_gone_on_at_another_service() -> None:
    async with room() as opened:
        idle = await opened.arrive(1)
        await opened.hub.register(idle.device)
        opened.hub.write(a="something to apply")
        await idle.hear_delta()
        await idle.sync()
        await opened.environment.record_applied()
        assert (await idle.hear_bye()).code == "superseded"


async def test_what_an_older_stream_uploaded_is_not_merged_after_a_newer_one_has_come() -> None:
    """Else a copied file's transaction of the same number would pass for one that is in."""
    hub = TwinHub()
    merging, may_merge = asyncio.Event(), asyncio.Event()
    merge = hub.merge

    async def merge_later(batch: Sequence[Submitted]) -> None:
        merging.set()
        await may_merge.wait()
        await merge(batch)

    hub.merge = merge_later  # type: ignore[method-assign]
    async with room(hub) as opened:
        original = await opened.arrive(1)
        await original.write(a="original")
        await asyncio.wait_for(merging.wait(), 20)
        copy = await opened.arrive(1)
        may_merge.set()
        await copy.write(b="copy")
        await copy.hear_acknowledgement()
        assert copy.bodies() == {}
        assert {key: note.body for key, note in hub.rows.items()} == {"b": "copy"}


@pytest.mark.parametrize(
    ("data", "code"),
    [(with_checksum(b"\xc1 nonsense"), "protocol"), (b"\xc1 nonsense", "damaged")],
)
async def test_a_malformed_frame_ends_only_its_own_stream(data: bytes, code: str) -> None:
    async with room() as opened:
        good, bad = await opened.arrive(1), await opened.arrive(2)
        await bad.wire.send(data)
        bye = await bad.hear_bye()
        assert (bye.code, bye.definite) == (code, code == "protocol")
        await good.write(a="fine")
        await good.hear_acknowledgement()


NOTE = ("id", "body")
MALFORMED: dict[str, bytes | tuple[str, tuple[str, ...], list[list[Value]]]] = {
    "bad-frame": b"garbage",
    "unknown-table": ("secrets", ("id",), [["a"]]),
    "unknown-column": ("notes", ("id", "no"), [["a"], ["b"]]),
    "bad-transaction": ("notes", NOTE, [["a"], ["b", "c"]]),
    "type-mismatch": ("notes", NOTE, [["a"], [5]]),
}


@pytest.mark.parametrize("code", MALFORMED)
async def test_a_transaction_that_makes_no_sense_is_quarantined_and_the_device_goes_on(
    code: str,
) -> None:
    data = MALFORMED[code]
    if not isinstance(data, bytes):
        table, columns, values = data
        changes = ChangesFrame(table, 1, 1, columns, [pack_column(column) for column in values])
        data = msgspec.msgpack.encode(TransactionFrame(1, 5, None, VERSION, [changes]))
    async with room() as opened:
        player = await opened.arrive(1)
        await player.say(Upload(1, 0, True, b"\x00" + data))
        player.number = 1
        await player.write(b="goes on")
        await player.hear_acknowledgement()
        assert player.refused == [1]
        ((_, _, refused),) = opened.hub.refusals
        assert refused.code == code
        assert opened.hub.rows.keys() == {"b"}


async def test_a_transaction_under_a_wrong_number_ends_only_its_own_stream() -> None:
    async with room() as opened:
        good, bad = await opened.arrive(1), await opened.arrive(2)
        frame = TransactionFrame(2, 5, None, VERSION, [])
        await bad.say(Upload(1, 0, True, b"\x00" + msgspec.msgpack.encode(frame)))
        assert (await bad.hear_bye()).code == "protocol"
        await good.write(a="fine")
        await good.hear_acknowledgement()


async def test_an_unknown_schema_version_is_transient() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        player.schema_version = "29990101000000000_later"
        await player.write(a="x")
        bye = await player.hear_bye()
        assert (bye.code, bye.definite) == ("unknown-version", False)
        assert "electric sync" in bye.remedy


async def test_a_device_of_another_epoch_starts_over_on_the_same_stream() -> None:
    hub = TwinHub()
    hub.write(a="one")
    async with room(hub) as opened:
        player, _, _ = opened.connect(1)
        player.cursor = "another/1:5:"
        assert (await player.hello()).epoch == "epoch"
        player.cursor = None
        await player.hello()
        await player.hear_delta()
        assert player.bodies() == {"a": "one"}


async def test_a_device_that_is_upgrading_is_told_what_is_in_and_sent_rows_after_that() -> None:
    hub = TwinHub()
    hub.write(a="direct")
    async with room(hub) as opened:
        player, _, _ = opened.connect(1)
        await player.hello(upgrading=True)
        assert await player.hear() == Acknowledged(0)
        await player.write(b="forbidden")
        assert await player.hear() == Acknowledged(1, (RefusedFrame(1, *FORBIDDEN),))
        hub.write(a="direct again")
        opened.environment.changed()
        await player.write(c="fine")
        assert await player.hear() == Acknowledged(2)
        assert player.deltas == []
        await player.hello()
        await player.hear_delta()
        assert player.bodies() == {"a": "direct again", "c": "fine"}


async def test_a_device_that_was_upgraded_waits_for_a_hub_that_was_not() -> None:
    async with room() as opened:
        player, _, _ = opened.connect(1)
        hello = Hello(PROTOCOL_VERSION, player.device, None, "9", 0, upgrade="9")
        await player.say(hello)
        assert (await player.hear_bye()).code == "unknown-version"
        player, _, _ = opened.connect(2)
        await player.say(replace(hello, device=player.device, reached="other/1:5:"))
        assert isinstance(await player.hear(), Welcome), "it has to start over"


async def test_a_slow_device_is_skipped_ahead_and_holds_up_nobody() -> None:
    async with room() as opened:
        fast = await opened.arrive(1)
        slow, wire, stream = opened.connect(2)
        await slow.hello()
        await slow.hear_delta()
        wire.taking.clear()
        for turn in range(3 * UNSENT_FRAMES_MAX):
            opened.hub.write(a=str(turn))
            await fast.sync()
        assert fast.bodies() == {"a": str(3 * UNSENT_FRAMES_MAX - 1)}
        assert not stream.is_ready
        wire.taking.set()
        while slow.bodies() != fast.bodies():
            await slow.hear_delta()
        assert len(slow.deltas) < 2 * UNSENT_FRAMES_MAX


async def test_a_device_that_never_applies_is_sent_only_so_much() -> None:
    async with room() as opened:
        fast = await opened.arrive(1)
        lazy = await opened.arrive(2)
        lazy.applies = False
        for turn in range(2 * UNSENT_FRAMES_MAX):
            opened.hub.write(a=str(turn))
            await fast.sync()
        for _ in range(UNSENT_FRAMES_MAX - 1):
            await lazy.hear_delta()
        assert lazy.bodies() != fast.bodies()
        lazy.applies = True
        lazy.deltas.clear()
        await lazy.say(Hello(1, lazy.device, None, None, 0))
        assert (await lazy.hear_bye()).code == "protocol"


async def test_while_postgres_is_down_devices_wait() -> None:
    async with room() as opened:
        one, two = await opened.arrive(1), await opened.arrive(2)
        opened.hub.down = True
        await one.write(a="kept")
        await asyncio.sleep(0.05)
        opened.hub.down = False
        await one.hear_acknowledgement()
        await two.hear_delta()
        assert two.bodies() == {"a": "kept"}


async def test_a_device_that_comes_while_postgres_is_down_is_told() -> None:
    async with room() as opened:
        await opened.arrive(1)
        opened.hub.down = True
        player, _, _ = opened.connect(2)
        await player.say(Hello(1, player.device, None, None, 0))
        bye = await player.hear_bye()
        assert (bye.code, bye.definite) == ("unavailable", False)


async def test_an_expired_token_ends_the_stream() -> None:
    async with room() as opened:
        player, _, _ = opened.connect(1, Principal("someone", False, expires_at=1))
        await player.hello()
        bye = await player.hear_bye()
        assert (bye.code, bye.definite) == ("unauthorized", False)


async def test_stopping_tells_every_device() -> None:
    async with room() as opened:
        player = await opened.arrive(1)
        await opened.environment.stop(Bye("draining", "The service is going down."))
        assert (await player.hear_bye()).code == "draining"
