"""Marks: whether a cursor is of a history that the hub is not on any more. What a hub loses that is
put back to a backup is taken out of it here, as if it had never been committed."""

import asyncpg
import pytest

from electricsql.errors import PostgresError
from electricsql.hub import Claim, Hub, Registered
from electricsql.limits import MARKED_TRANSACTIONS
from electricsql.replication import NO_HLC, Cursor, Fork, Snapshot, Standing
from tests.integration.hub.hubs import World, insert, opened

pytestmark = pytest.mark.anyio
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a TEXT);"
HERE, LOST = Standing.HERE, Standing.LOST


async def meet(world: World, cursor: Cursor, origin: int = 0, number: int = 0) -> Registered:
    """A device with this cursor comes back, under a new id."""
    names.append("d" * 16 + str(len(names)))
    claim = Claim(cursor, cursor, reached=cursor, origin=origin, number=number)
    return await world.hub.register(names[-1], claim)


names: list[str] = []


async def lose(world: World, after: Cursor) -> None:
    """What the cursor does not see is not there any more."""
    unseen = "NOT pg_visible_in_snapshot({}::text::xid8, $1::text::pg_snapshot)"
    snapshot = str(after.snapshot)
    for table, xid in (("transactions", "(id >> 10)"), ("touched", "xid"), ("shadow_1", "xid")):
        sql = f"DELETE FROM electric.{table} WHERE {unseen.format(xid)}"
        await world.client.execute(sql, snapshot)


async def write(client: "asyncpg.Connection[asyncpg.Record]", *ids: int) -> None:
    for id in ids:
        await client.execute("INSERT INTO items VALUES ($1)", id)


async def test_cursors_are_here_for_ever_in_a_history_that_goes_on(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        cursors = [world.start]
        for n in range(2 * MARKED_TRANSACTIONS):
            await write(world.client, n)
            await device.write(insert("items", {"id": 1_000 + n, "a": "x"}))
            cursors.append(await world.cursor())
        holding = cursors[MARKED_TRANSACTIONS]
        assert await world.hub.applied("a", 1, Claim(holding, holding))
        await world.client.execute("UPDATE electric.devices SET needs = $1", holding.snapshot.xmin)
        assert await world.hub.clean() > 0
        for cursor in cursors[MARKED_TRANSACTIONS:]:
            assert (await meet(world, cursor)).standing is HERE
        behind = await meet(world, cursors[0])
        assert behind.standing is Standing.FORGOTTEN


async def test_who_has_seen_what_is_lost_is_told_where_that_was(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        await write(world.client, 1)
        backup = await world.cursor()
        await write(world.client, 2)
        lost = await world.cursor()
        await lose(world, backup)
        told = await meet(world, lost)
        assert told.standing is LOST and told.fork is not None
        assert told.fork.xid > backup.snapshot.xmax and told.fork.hlc == lost.hlc > backup.hlc
        await write(world.client, 3)
        after = await world.cursor()
        told = await meet(world, lost)
        assert told.standing is LOST and told.fork is not None
        assert not backup.snapshot.sees(told.fork.xid) and after.snapshot.sees(told.fork.xid)
        assert backup.hlc <= told.fork.hlc < after.hlc
        for cursor in (world.start, backup, after):
            assert (await meet(world, cursor)).standing is HERE


async def test_a_transaction_that_ran_while_the_backup_was_made(any_database: str) -> None:
    """Its id is lower than those of many that the backup has."""
    async with opened(any_database, ITEMS) as world:
        long = await asyncpg.connect(any_database)
        try:
            running = long.transaction()
            await running.start()
            await write(long, 1)
            await write(world.client, *range(100, 100 + 2 * MARKED_TRANSACTIONS))
            backup = await world.cursor()
            await running.commit()
        finally:
            await long.close()
        lost = await world.cursor()
        assert (await meet(world, lost)).standing is HERE
        await lose(world, backup)
        assert (await meet(world, lost)).standing is LOST
        assert (await meet(world, backup)).standing is HERE


async def test_new_transactions_under_old_numbers(any_database: str) -> None:
    """A device that has received nothing which is lost, but whose cursor would hide new ones."""
    async with opened(any_database, ITEMS) as world:
        await write(world.client, 1)
        seen = await world.cursor()
        await write(world.client, 2)
        above = Snapshot(seen.snapshot.xmax + 9, seen.snapshot.xmax + 9)
        hiding = Cursor(seen.epoch, above, seen.mark)
        assert (await meet(world, hiding)).standing is LOST
        for _ in range(20):
            await world.client.execute("SELECT pg_current_xact_id()")
        assert (await meet(world, hiding)).standing is LOST


async def test_a_cursor_that_hides_what_still_runs(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        await write(world.client, 1)
        seen = await world.cursor()
        other = await asyncpg.connect(any_database)
        try:
            running = other.transaction()
            await running.start()
            await write(other, 2)
            above = Snapshot(seen.snapshot.xmax + 1, seen.snapshot.xmax + 1)
            for _ in range(3):
                await world.client.execute("SELECT pg_current_xact_id()")
            cursor = Cursor(seen.epoch, above, seen.mark)
            assert (await meet(world, cursor)).standing is LOST
            await running.rollback()
        finally:
            await other.close()


async def test_a_device_that_knows_better_than_the_hub(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        await write(world.client, 1)
        cursor = await world.cursor()
        assert (await meet(world, cursor, origin=77)).standing is LOST
        assert (await meet(world, cursor, number=5)).standing is LOST
        xid = cursor.snapshot.xmax
        await world.client.execute("UPDATE electric.hub SET horizon = $1", xid + 1)
        told = await meet(world, cursor, number=5)
        assert told.standing is LOST and told.fork == Fork(1, NO_HLC)


async def test_a_service_that_runs_on_notices_at_its_next_connection(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        await write(world.client, 1)
        backup = await world.cursor()
        await write(world.client, 2)
        await world.cursor()
        await lose(world, backup)
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        await world.client.execute(f"{end} AND datname = current_database()")
        for _ in range(20):
            if world.hub.is_over:
                break
            with pytest.raises(PostgresError, match=r"can't be reached|was replaced"):
                while True:
                    await world.cursor()
        assert world.hub.is_over
        anew = await Hub.open(any_database, "test", "default")
        try:
            assert not anew.is_over
        finally:
            await anew.close()
