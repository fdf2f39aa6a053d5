"""The quarantine of a hub: what goes in whole, how it comes out, and that all adds up; and that an
older session of a device has nothing merged any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from electricsql.errors import ServiceError
from electricsql.hub import Claim, Hub, Submitted
from electricsql.replication import Change, Cursor, Op, Refusal, RowId
from tests.integration.hub.hubs import Device, World, delete, insert, opened, update

pytestmark = pytest.mark.anyio
FAMILY = """
CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT, n INTEGER);
CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents, n INTEGER);
CREATE TABLE days (day DATE PRIMARY KEY NOT NULL, n INTEGER);
"""
ANN, BOB, CIS = (RowId("parents", (id,)) for id in ("ann", "bob", "cis"))
FORBID = "ALTER TABLE parents ADD CONSTRAINT small CHECK (n < 100)"
ALLOW = "ALTER TABLE parents DROP CONSTRAINT small"


def person(id: str, n: int = 1) -> Change:
    return insert("parents", {"id": id, "name": id, "n": n})


async def fates(world: World, device: Device) -> dict[str, int]:
    record = await world.client.fetchrow(
        "SELECT number, merged, waiting, retried, discarded FROM electric.fates"
        " WHERE origin = $1 AND holds",
        device.origin,
    )
    assert record is not None, "the fates don't add up"
    return {name: count for name, count in record.items() if count}


async def told(world: World, device: Device, since: Cursor) -> list[tuple[int, str, str]]:
    async with world.hub.reading() as reading:
        refused = await reading.refused_since([device.origin], since)
    return [(each.number, each.code, each.fate) for each in refused.get(device.origin, ())]


@asynccontextmanager
async def forbidding(url: str) -> AsyncIterator[tuple[World, Device]]:
    """A hub that says no, and a device there that has `bob`."""
    async with opened(url, FAMILY) as world:
        await world.client.execute(FORBID)
        device = await world.device()
        await device.write(person("bob"))
        await device.catch_up()
        yield world, device


async def test_a_transaction_comes_out_of_the_quarantine_as_what_it_was(any_database: str) -> None:
    async with forbidding(any_database) as (world, device):
        refused = await device.write(
            person("ann", 100), update("parents", "bob", n=200, name="refused")
        )
        await device.write(update("parents", "bob", name="later"))
        assert (await world.tables()).keys() == {BOB}
        assert await fates(world, device) == {"number": 3, "merged": 2, "waiting": 1}
        cursor = await world.cursor()
        assert await told(world, device, cursor) == []

        again = await world.hub.retry(refused)
        assert again is not None and again.code == "postgres-refused"
        assert await told(world, device, cursor) == []

        await world.client.execute(ALLOW)
        before = await world.cursor()
        assert await world.hub.retry(refused) is None
        shown = await world.tables()
        assert shown[ANN] == {"id": "ann", "name": "ann", "n": 100}
        assert shown[BOB] == {"id": "bob", "name": "later", "n": 200}
        assert await fates(world, device) == {"number": 3, "merged": 2, "retried": 1}
        assert await told(world, device, before) == [(2, "postgres-refused", "retried")]
        rows = await world.rows(before)
        assert rows.keys() == {ANN, BOB}, "its author gets them back"
        assert world.clocks[rows[ANN].writers["n"]] == refused.transaction.clock(device.origin)
        with pytest.raises(ServiceError, match="already-decided"):
            await world.hub.retry(refused)
        await device.write(update("parents", "ann", n=5))
        assert (await world.tables())[ANN]["n"] == 5


async def test_what_its_author_deleted_later_stays_deleted(database: str) -> None:
    async with forbidding(database) as (world, device):
        refused = await device.write(person("ann", 100), person("cis"))
        await device.write(delete("parents", "ann"))
        await world.client.execute(ALLOW)
        assert await world.hub.retry(refused) is None
        assert (await world.tables()).keys() == {BOB, CIS}
        assert await world.tables() == await world.shown()


async def test_what_depends_on_it_waits_with_it(database: str) -> None:
    async with forbidding(database) as (world, device):
        chain = [
            await device.write(person("ann", 100)),
            await device.write(update("parents", "ann", name="Ann")),
            await device.write(insert("children", {"id": "c", "parent": "ann", "n": 1})),
        ]
        assert await fates(world, device) == {"number": 4, "merged": 1, "waiting": 3}
        await world.client.execute(ALLOW)
        assert (await world.hub.retry(chain[1])) == Refusal(
            "unknown-row", "It updates parents ('ann',), which was never inserted."
        )
        for each in chain:
            assert await world.hub.retry(each) is None
        assert (await world.tables())[ANN]["name"] == "Ann"
        assert await fates(world, device) == {"number": 4, "merged": 1, "retried": 3}


async def test_what_is_discarded_stays_in_the_records(database: str) -> None:
    async with forbidding(database) as (world, device):
        refused = await device.write(person("ann", 100))
        cursor = await world.cursor()
        await world.hub.discard(refused.id)
        assert await fates(world, device) == {"number": 2, "merged": 1, "discarded": 1}
        assert await world.hub.has_news(cursor)
        assert await told(world, device, cursor) == [(2, "postgres-refused", "discarded")]
        (kept,) = await world.hub.quarantined()
        assert (kept.fate, kept.changes, kept.device) == ("discarded", 1, "a")
        assert kept.decided_at is not None
        for decide in (world.hub.discard(refused.id), world.hub.retry(refused)):
            with pytest.raises(ServiceError, match="already-decided"):
                await decide
        with pytest.raises(ServiceError, match="not-quarantined"):
            await world.hub.find_quarantined(replace(refused, origin=9).id)


async def test_of_two_who_retry_at_once_one_does(database: str) -> None:
    async with forbidding(database) as (world, device):
        refused = await device.write(person("ann", 100))
        await world.client.execute(ALLOW)
        done = await asyncio.gather(
            *(world.hub.retry(refused) for _ in range(4)), return_exceptions=True
        )
        assert done.count(None) == 1
        assert await fates(world, device) == {"number": 2, "merged": 1, "retried": 1}


@pytest.mark.parametrize(
    "change",
    [
        Change("days", Op.INSERT, ("no day",), {"day": "no day", "n": 1}),
        Change("parents", Op.INSERT, ("a\0b",), {"id": "a\0b", "name": "", "n": 1}),
        Change("parents", Op.UPDATE, ("bob",), {"n": "text"}),
        Change("parents", Op.UPDATE, ("bob",), {"name": b"bytes"}),
        Change("parents", Op.INSERT, (7,), {"id": 7, "name": "", "n": 1}),
        Change("children", Op.INSERT, ("x",), {"id": "x", "parent": 7, "n": 1}),
    ],
    ids=repr,
)
async def test_what_no_column_can_hold_holds_up_nobody(database: str, change: Change) -> None:
    async with forbidding(database) as (world, device):
        other = await world.device("b")
        batch = [
            other.transaction(person("cis")),
            device.transaction(person("ann"), change),
            device.transaction(person("dan")),
        ]
        await world.hub.merge(batch)
        assert {key for _, (key,) in await world.tables()} == {"bob", "cis", "dan"}
        assert await fates(world, device) == {"number": 3, "merged": 2, "waiting": 1}
        await world.hub.merge(batch)
        assert await fates(world, device) == {"number": 3, "merged": 2, "waiting": 1}


BROKEN = """
CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.n = 13 THEN PERFORM nobody_knows(NEW.n); END IF; RETURN NEW; END $$;
CREATE TRIGGER broken BEFORE INSERT ON parents FOR EACH ROW EXECUTE FUNCTION broken();
"""


async def test_a_broken_trigger_holds_up_only_the_rows_it_breaks_on(database: str) -> None:
    async with opened(database, FAMILY) as world:
        await world.client.execute(BROKEN)
        device = await world.device()
        batch = [device.transaction(person("ann", 13)), device.transaction(person("bob"))]
        await world.hub.merge(batch)
        assert (await world.tables()).keys() == {BOB}
        (kept,) = await world.hub.quarantined()
        assert "nobody_knows" in kept.message
        await world.client.execute("DROP TRIGGER broken ON parents")
        assert await world.hub.retry(batch[0]) is None
        assert await fates(world, device) == {"number": 2, "merged": 1, "retried": 1}


async def test_a_table_that_is_gone_is_nobodys_fault(database: str) -> None:
    """Nothing can be merged then; it is not refused either, and goes on when the table is back."""
    async with opened(database, FAMILY) as world:
        device = await world.device()
        submitted = device.transaction(person("ann"))
        await world.client.execute("SET electric.migrating = 'on'")  # nobody is to stop us
        await world.client.execute("ALTER TABLE parents RENAME TO elsewhere")
        with pytest.raises(asyncpg.UndefinedTableError):
            await world.hub.merge([submitted])
        await world.client.execute("ALTER TABLE elsewhere RENAME TO parents")
        await world.hub.merge([submitted])
        assert await fates(world, device) == {"number": 1, "merged": 1}


async def test_an_older_session_does_not_say_how_far_its_device_is(database: str) -> None:
    async with opened(database, FAMILY) as world:
        first, second = await world.hub.register("a"), await world.hub.register("a")
        assert await world.hub.applied("a", second.session, Claim(world.start))
        assert not await world.hub.applied("a", first.session, Claim(await world.cursor()))
        (known,) = (await world.hub.status()).devices
        assert known.cursor == str(world.start)


async def test_of_a_malformed_one_the_rows_it_names_are_sent_back(database: str) -> None:
    async with forbidding(database) as (world, device):
        cursor = await world.cursor()
        named = [Change("parents", Op.DELETE, (id,)) for id in ("ann", "bob")]
        malformed = replace(device.transaction(*named), refusal=Refusal("bad-transaction", "?"))
        await world.hub.merge([malformed, device.transaction(person("cis"))])
        rows = await world.rows(cursor)
        assert {row_id: row.alive for row_id, row in rows.items()} == {
            ANN: False,
            BOB: True,
            CIS: True,
        }
        assert await told(world, device, cursor) == [(2, "bad-transaction", "waiting")]
        again = await world.hub.retry(malformed)
        assert again == malformed.refusal
        assert await fates(world, device) == {"number": 3, "merged": 2, "waiting": 1}


async def test_an_older_session_has_nothing_merged_whatever_service_it_is_at(
    database: str,
) -> None:
    async with opened(database, FAMILY) as world:
        other = await Hub.open(database)
        older = await world.device("a")
        await older.write(person("ann"))
        newer = Device(world, older.origin, 1, session=(await other.register("a")).session)
        late = older.transaction(person("bob"))
        with pytest.raises(ServiceError, match="superseded"):
            await world.hub.merge([late])
        await other.merge([newer.transaction(person("cis"))])
        with pytest.raises(ServiceError, match="superseded"):
            await world.hub.merge([late])
        assert (await world.tables()).keys() == {ANN, CIS}
        assert await fates(world, newer) == {"number": 2, "merged": 2}
        await other.close()


async def test_a_newer_session_waits_for_what_is_being_merged(database: str) -> None:
    """Else it would not learn of it, and would send it again, or another under its number."""
    async with opened(database, FAMILY) as world:
        device = await world.device("a")
        async with world.client.transaction():
            await world.client.execute("LOCK TABLE parents IN SHARE MODE")
            merging = asyncio.create_task(world.hub.merge([device.transaction(person("ann"))]))
            await asyncio.sleep(0.1)
            registering = [asyncio.create_task(world.hub.register("a")) for _ in range(5)]
            await asyncio.sleep(0.1)
        places = await asyncio.gather(*registering)
        (done,) = await asyncio.gather(merging, return_exceptions=True)
        number = await world.client.fetchval("SELECT number FROM electric.devices")
        assert number == (1 if done is None else 0)
        assert {place.acknowledged for place in places} <= {0, 1}
        assert len({place.session for place in places}) == 5
        newest = max(places, key=lambda place: place.session)
        assert newest.acknowledged == number


async def test_two_services_and_many_sessions_merge_each_transaction_once(database: str) -> None:
    """A device that changes its service again and again, while the old one still merges."""
    async with opened(database, FAMILY) as world:
        hubs = [world.hub, await Hub.open(database)]
        pending: set[asyncio.Task[None]] = set()
        written: dict[int, Submitted] = {}
        device = await world.device("a")
        for turn in range(60):
            hub = hubs[turn % 2]
            place = await hub.register("a")
            assert place.acknowledged <= len(written)
            for number in range(place.acknowledged + 1, place.acknowledged + 4):
                if number not in written:
                    device.number = number - 1
                    written[number] = device.transaction(person(f"p{number}"))
                sent = replace(written[number], session=place.session)
                pending.add(asyncio.create_task(hub.merge([sent])))
            await asyncio.sleep(0.002 * (turn % 5))
        await asyncio.gather(*pending, return_exceptions=True)
        number = (await world.hub.register("a")).acknowledged
        assert await fates(world, device) == {"number": number, "merged": number}
        sql = "SELECT number FROM electric.transactions WHERE origin > 0 ORDER BY number"
        merged = [record[0] for record in await world.client.fetch(sql)]
        assert merged == list(range(1, number + 1))
        assert len(await world.tables()) == number > 0
        await hubs[1].close()
