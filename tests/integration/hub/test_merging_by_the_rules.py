"""What the hub merges is what the pure rules say, in random histories with direct writes."""

import random

import pytest

from electricsql.replication import is_direct, looks_the_same
from tests.integration.hub.hubs import Rows, World, opened
from tests.integration.hub.twin import Twin
from tests.integration.hub.writers import FAMILY, Writer

pytestmark = pytest.mark.anyio
DIRECT = (
    "INSERT INTO parents VALUES ({n}, 'direct') ON CONFLICT (id) DO UPDATE SET name = 'again'",
    "UPDATE parents SET n = n + 1 WHERE id <= {n}",
    "UPDATE parents SET n = n WHERE id <= {n}",
    "DELETE FROM toys WHERE n < {n}",
    "INSERT INTO toys SELECT id, 'a' FROM children ON CONFLICT DO NOTHING",
    "DELETE FROM children WHERE id = {n} AND NOT EXISTS (SELECT FROM toys WHERE child = {n})",
    "UPDATE children SET parent = NULL WHERE id = {n}",
    "DELETE FROM parents WHERE id = {n} AND NOT EXISTS (SELECT FROM children WHERE parent = {n})",
)
ROUNDS = 60


async def _history(world: World, chance: random.Random, rounds: int) -> None:
    """Devices write offline; now and then one sends all it has, or a client writes."""
    twin = Twin(world)
    writers = [Writer(await world.device(name), world.schema, chance) for name in ("a", "b", "c")]
    for _ in range(rounds):
        for writer in writers:
            for _ in range(chance.randint(0, 2)):
                writer.write()
        if chance.random() < 0.4:
            statements = chance.sample(DIRECT, chance.randint(1, 3))
            await twin.transaction(*(s.format(n=chance.randint(1, 4)) for s in statements))
            await twin.check()
        sending = chance.sample(writers, chance.randint(1, 2))
        batch = [transaction for writer in sending for transaction in writer.unsent]
        if batch:
            before = await world.cursor()
            rows = dict(twin.rows)
            await twin.merge(*batch)
            await twin.check()
            _compare_news(rows, twin.rows, await world.rows(before))
        for writer in sending:
            writer.unsent.clear()
            if chance.random() < 0.7:
                await writer.catch_up()


def _compare_news(before: Rows, after: Rows, news: Rows) -> None:
    """A row is told if it looks different, or is echoed: the hub touched it last."""
    for row_id, row in after.items():
        old = before.get(row_id)
        touched = (row.touched, row.touched_before)
        is_news = old is not None and (old.touched, old.touched_before) != touched
        echoed = is_news and is_direct(row.touched)
        assert (row_id in news) == (echoed or not looks_the_same(old, row))


@pytest.mark.parametrize("seed", range(3))
async def test_random_histories(any_database: str, seed: int) -> None:
    async with opened(any_database, FAMILY) as world:
        await _history(world, random.Random(seed), ROUNDS)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_long_random_histories(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        await _history(world, random.Random(100), 12 * ROUNDS)
