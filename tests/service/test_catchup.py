"""Large deltas, and what goes wrong for one device alone."""

import asyncio
from collections.abc import Sequence

import pytest

from electricsql.hub import Submitted
from electricsql.limits import CATCH_UPS_MAX
from electricsql.protocol import DeltaPart
from electricsql.service import fanout, socket, stream
from tests.service.rooms import room
from tests.service.twin import TwinHub

pytestmark = pytest.mark.anyio
MANY = {f"k{number}": "x" * 10 for number in range(500)}


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "LIVE_DELTA_ROWS_MAX", 100)
    monkeypatch.setattr(fanout, "LIVE_DELTA_BYTES_MAX", 1_000)
    monkeypatch.setattr(fanout, "HELD_DELTA_BYTES_MAX", 1_000)
    monkeypatch.setattr(socket, "UNSENT_BYTES_MAX", 1_000)
    monkeypatch.setattr(stream, "CATCH_UP_PATIENCE_MS", 10)


@pytest.mark.usefixtures("small_limits")
async def test_a_first_sync_that_is_large_comes_in_parts_of_its_own() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        player = await opened.arrive(1)
        parts = player.deltas[0]
        assert player.bodies() == MANY
        assert len(parts) > 1
        assert all(part.whole for part in parts)
        assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
        assert [part.rows for part in parts] == sorted(part.rows for part in parts)
        assert parts[-1].rows == parts[0].rows_total == len(MANY)
        assert [bool(part.migrations) for part in parts] == [True] + [False] * (len(parts) - 1)
        hub.write(a="live again")
        await player.sync()
        assert player.bodies() == MANY | {"a": "live again"}


@pytest.mark.usefixtures("small_limits")
async def test_a_bulk_write_reaches_live_devices_one_by_one() -> None:
    async with room() as opened:
        players = [await opened.arrive(number) for number in range(12)]
        opened.hub.write(**MANY)
        await asyncio.gather(*(player.sync() for player in players))
        assert all(player.bodies() == MANY for player in players)


@pytest.mark.usefixtures("small_limits")
async def test_a_device_that_stalls_in_a_large_delta_holds_up_nobody() -> None:
    hub = TwinHub()
    async with room(hub) as opened:
        live = await opened.arrive(1)
        slow, wire, _ = opened.connect(2)
        await slow.hello()
        await slow.hear_delta()
        wire.taking.clear()
        hub.write(**MANY)
        await live.sync()
        hub.write(a="later")
        await live.sync()
        assert live.bodies() == MANY | {"a": "later"}
        wire.taking.set()
        await slow.sync()
        assert slow.bodies() == live.bodies()


@pytest.mark.usefixtures("small_limits")
async def test_a_ping_during_a_large_delta_waits_for_what_came_after_it() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        player, wire, _ = opened.connect(1)
        wire.taking.clear()
        hello = asyncio.create_task(player.hello())
        await asyncio.sleep(0.02)
        hub.write(a="during")
        wire.taking.set()
        await hello
        await player.sync()
        assert player.bodies() == MANY | {"a": "during"}


@pytest.mark.usefixtures("small_limits")
async def test_a_connection_lost_in_a_large_delta_leaves_nothing_behind() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        player, wire, stream = opened.connect(1)
        await player.hello()
        wire.taking.clear()
        await asyncio.sleep(0.02)
        wire.cut()
        again = await opened.arrive(1)
        assert again.bodies() == MANY
        assert not stream.is_catching_up
        assert opened.environment.connected == 1


@pytest.mark.usefixtures("small_limits")
async def test_a_connection_lost_at_any_part_is_gone_on_with_from_there() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    expected = dict(MANY)
    async with room(hub) as opened:
        player, wire, _ = opened.connect(1)
        for number in range(20):
            await player.hello()
            while (part := await player.hear()) is not None and isinstance(part, DeltaPart):
                assert part.whole
                assert part.follows == (number > 0 and part.part == 0)
                if part.last or part.part == number % 2:
                    break
            if player.deltas:
                break
            wire.cut()
            changed = {f"k{number}": "changed", f"k{499 - number}": "changed", f"a{number}": "new"}
            hub.write(**changed)
            expected |= changed
            _, wire, _ = opened.connect(1)
            player.reconnect(wire)
        assert player.bodies() == expected
        assert sum(len(part.blocks) > 0 for part in player.deltas[0]) > 5
        hub.write(a="live again")
        await player.sync()
        assert player.bodies() == expected | {"a": "live again"}


@pytest.mark.usefixtures("small_limits")
async def test_what_is_staged_of_another_history_is_not_gone_on_with() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        player, wire, _ = opened.connect(1)
        await player.hello()
        part = await player.hear()
        assert isinstance(part, DeltaPart)
        assert part.staged
        wire.cut()
    again = TwinHub(epoch="another")
    again.write(b="there")
    async with room(again) as opened:
        _, wire, _ = opened.connect(1)
        player.reconnect(wire)
        await player.hello()
        await player.hear_delta()
        assert player.bodies() == {"b": "there"}


@pytest.mark.usefixtures("small_limits")
async def test_who_does_not_read_gives_its_place_to_others_and_goes_on_later() -> None:
    hub = TwinHub()
    hub.write(**MANY)
    async with room(hub) as opened:
        slow = [opened.connect(number) for number in range(2 * CATCH_UPS_MAX)]
        for player, wire, _ in slow:
            await player.hello()
            wire.taking.clear()
        quick = await opened.arrive(100)
        assert quick.bodies() == MANY
        hub.write(k0="changed", k499="changed", a="new")
        await quick.sync()
        for player, wire, _ in slow:
            wire.taking.set()
            await player.hear_delta()
            assert len(player.deltas) == 1
            assert player.bodies() == quick.bodies()
        hub.write(b="live again")
        await asyncio.gather(*(player.sync() for player, _, _ in slow))
        assert all(player.bodies()["b"] == "live again" for player, _, _ in slow)


class PickyHub(TwinHub):
    """Fails at a certain device's transactions, as a bug would."""

    async def merge(self, batch: Sequence[Submitted]) -> None:
        if any(submitted.origin == 1 for submitted in batch):
            raise ZeroDivisionError("a bug")
        await super().merge(batch)


async def test_a_transaction_that_makes_merging_fail_ends_only_its_own_stream() -> None:
    async with room(PickyHub()) as opened:
        bad, good = await opened.arrive(1), await opened.arrive(2)
        for turn in range(5):
            await bad.write(1, **{f"bad{turn}": "x"})
            await good.write(1, **{f"good{turn}": "x"})
        await good.hear_acknowledgement()
        bye = await bad.hear_bye()
        assert (bye.code, bye.definite) == ("failed", False)
        assert set(opened.hub.rows) == {f"good{turn}" for turn in range(5)}
