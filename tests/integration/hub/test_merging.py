"""Merging at the hub: exactly once, in order, and what becomes of what can't be merged."""

import time

import pytest

from electricsql.errors import ProtocolError
from electricsql.limits import CLOCK_AHEAD_MS_MAX
from electricsql.replication import Cursor, RowId, Snapshot, hlc_at, is_direct
from tests.integration.hub.hubs import World, delete, insert, opened, update

pytestmark = pytest.mark.anyio
FAMILY = """
CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT, n INTEGER CHECK (n < 100));
CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents, n INTEGER);
"""
ANN, BOB = RowId("parents", ("ann",)), RowId("parents", ("bob",))
RAISES = """
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.name = 'bad' THEN RAISE 'no % here', NEW.name; END IF; RETURN NEW; END $$;
CREATE TRIGGER no BEFORE INSERT OR UPDATE ON parents FOR EACH ROW EXECUTE FUNCTION no();
"""
TWO_HOURS_MS = 2 * 3600 * 1000


def person(id: str, name: str = "x", n: int = 1) -> dict[str, str | int]:
    return {"id": id, "name": name, "n": n}


async def test_a_transaction_that_is_sent_again_takes_effect_once(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        first = await device.write(insert("parents", person("ann")))
        second = await device.write(update("parents", "ann", name="Ann"))
        await world.client.execute("UPDATE parents SET name = 'Anna'")
        before, cursor = await world.rows(), await world.cursor()
        await world.hub.merge([first, second])
        await world.hub.merge([second, second])
        assert await world.rows() == before
        assert await world.rows(cursor) == {}
        third = device.transaction(update("parents", "ann", n=3))
        await world.hub.merge([second, third, third])
        assert (await world.rows())[ANN].values == {"id": "ann", "name": "Anna", "n": 3}


async def test_a_transaction_after_a_missing_one_is_refused(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        missing = device.transaction(insert("parents", person("ann")))
        other = await world.device("b")
        batch = [
            other.transaction(insert("parents", person("bob"))),
            device.transaction(update("parents", "ann", n=2)),
        ]
        with pytest.raises(ProtocolError) as caught:
            await world.hub.merge(batch)
        assert caught.value.code == "transaction-gap"
        assert await world.rows() == {}
        await world.hub.merge([missing, *batch])
        assert (await world.rows()).keys() == {ANN, BOB}


async def test_a_device_that_never_registered_is_refused(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        device.origin = 77
        with pytest.raises(ProtocolError, match="transaction-gap"):
            await device.write(insert("parents", person("ann")))


async def _refused(world: World, origin: int) -> list[tuple[int, str, str]]:
    async with world.hub.reading() as reading:
        refused = await reading.refused_since([origin], world.start)
    return [(each.number, each.code, each.message) for each in refused.get(origin, ())]


@pytest.mark.parametrize("refusing", ["constraint", "trigger"])
async def test_what_postgres_refuses_is_quarantined_whole(any_database: str, refusing: str) -> None:
    async with opened(any_database, FAMILY) as world:
        await world.client.execute(RAISES)
        bad = person("ann", n=100) if refusing == "constraint" else person("ann", name="bad")
        a, b = await world.device("a"), await world.device("b")
        await a.write(insert("parents", person("bob")))
        before = (await world.rows())[BOB]
        cursor = await world.cursor()
        refused = a.transaction(
            insert("parents", bad), update("parents", "bob", n=50), insert("children", {"id": "c"})
        )
        batch = [
            b.transaction(insert("parents", person("cis"))),
            refused,
            a.transaction(insert("parents", person("dan"))),
        ]
        await world.hub.merge(batch)
        ((number, code, message),) = await _refused(world, a.origin)
        assert (number, code) == (2, "postgres-refused")
        assert "parents_n_check" in message or "no bad here" in message
        assert await _refused(world, b.origin) == []
        news = await world.rows(cursor)
        assert news[BOB].values == before.values
        assert news[BOB].writers == before.writers
        assert is_direct(news[BOB].touched)
        assert not news[ANN].alive
        assert not news[RowId("children", ("c",))].alive
        assert {key[0] for _, key in await world.tables()} == {"bob", "cis", "dan"}
        assert (await world.hub.status()).quarantined == 1
        await world.hub.merge(batch)
        assert len(await _refused(world, a.origin)) == 1


async def test_what_the_rules_refuse_is_quarantined(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        await device.write(update("parents", "ann", n=2))
        await device.write(insert("children", {"id": "c", "parent": "nobody", "n": 1}))
        await device.write(insert("parents", person("ann")))
        codes = [(number, code) for number, code, _ in await _refused(world, device.origin)]
        assert codes == [(1, "unknown-row"), (2, "foreign-key")]
        assert (await world.tables()).keys() == {ANN}


async def test_a_clock_far_ahead_is_cut_back_and_its_rows_are_sent_back(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        now_ms = time.time_ns() // 1_000_000
        await device.write(insert("parents", person("ann")), hlc=hlc_at(now_ms + TWO_HOURS_MS))
        row = (await world.rows())[ANN]
        clock = world.clocks[row.writers["name"]]
        assert clock.origin == device.origin
        assert hlc_at(now_ms) <= clock.hlc < hlc_at(now_ms + CLOCK_AHEAD_MS_MAX)
        assert is_direct(row.touched)
        assert row.touched_before == row.writers["name"]
        await world.client.execute("UPDATE parents SET name = 'later'")
        assert (await world.rows())[ANN].values["name"] == "later"
        await device.write(insert("parents", person("bob")), hlc=hlc_at(now_ms + 1000))
        assert not is_direct((await world.rows())[BOB].touched)


async def test_a_direct_write_has_a_later_clock_than_what_was_merged(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        ahead = hlc_at(time.time_ns() // 1_000_000 + CLOCK_AHEAD_MS_MAX // 2)
        await device.write(insert("parents", person("ann")), hlc=ahead)
        await world.client.execute("UPDATE parents SET name = 'direct'")
        row = (await world.rows())[ANN]
        assert world.clocks[row.writers["name"]].hlc > world.clocks[row.writers["n"]].hlc == ahead


async def test_of_two_clocks_far_ahead_the_later_transaction_wins(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        slightly, device = await world.device("slightly"), await world.device("far")
        now_ms = time.time_ns() // 1_000_000
        known = hlc_at(now_ms + CLOCK_AHEAD_MS_MAX // 2)
        await slightly.write(insert("parents", person("ann")), hlc=known)
        await device.catch_up()
        far = [(1 << 63) - 9 + number for number in range(3)]
        names = ("one", "two", "three")
        batch = [
            device.transaction(update("parents", "ann", name=name), hlc=hlc)
            for name, hlc in zip(names, far, strict=True)
        ]
        await world.hub.merge(batch)
        row = (await world.rows())[ANN]
        assert row.values["name"] == "three", "its author had seen all the others"
        assert known < world.clocks[row.writers["name"]].hlc < known + 9, "the hub is not dragged"
        await world.client.execute("UPDATE parents SET name = 'direct'")
        assert (await world.rows())[ANN].values["name"] == "direct"


async def test_who_claims_to_have_seen_what_is_to_come_has_seen_nothing(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        honest, cheat = await world.device("honest"), await world.device("cheat")
        await honest.write(insert("parents", person("ann")))
        cheat.cursor = Cursor(world.hub.epoch, Snapshot(1 << 62, 1 << 62))
        await cheat.write(delete("parents", "ann"))
        assert ANN in await world.shown()
        await cheat.catch_up()
        await cheat.write(delete("parents", "ann"))
        assert ANN not in await world.shown()
