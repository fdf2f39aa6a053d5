"""Postgres is killed in the middle of calls: they say so in our words, and what was in stays in."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from electricsql.embedded import EmbeddedPostgres
from electricsql.errors import PostgresError
from electricsql.hub import Claim, Cluster
from electricsql.replication import Change
from electricsql.schema import Value
from tests.conftest import SETTINGS
from tests.integration.hub.hubs import Device, World, insert, opened, sources

pytestmark = pytest.mark.anyio
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, b TEXT);"
KILLS = 4
CALLS = 8
"""Between two kills, of one kind."""
Result = TypeVar("Result")
Call = Callable[[], Awaitable[object]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "pg", settings=SETTINGS) as server:
        yield server


async def _until_it_is_lost(call: Call, counts: Counter[str], name: str) -> PostgresError:
    while True:
        try:
            await call()
        except PostgresError as error:
            return error
        counts[name] += 1


class Numbered:
    """A device that sends row after row; each again until it is in."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._pending = device.transaction(self._insert())
        self.merged = 0

    async def __call__(self) -> None:
        await self._device.world.hub.merge([self._pending])
        self.merged = self._pending.transaction.number
        self._pending = self._device.transaction(self._insert())

    def _insert(self) -> Change:
        row: dict[str, Value] = {"id": self._device.number + 1, "b": "x" * 100}
        return insert("items", row)


def _calls(world: World, cluster: Cluster, merge: Call) -> dict[str, Call]:
    async def read() -> None:
        await world.rows()

    async def news() -> None:
        await world.hub.has_news(world.start)

    async def apply() -> None:
        await world.hub.applied("a", 1, Claim(world.start))

    return {
        "merge": merge,
        "read": read,
        "news": news,
        "applied": apply,
        "plan": lambda: world.hub.plan(sources(ITEMS, "CREATE TABLE t (id INT PRIMARY KEY);")),
        "migrate": lambda: world.hub.migrate(sources(ITEMS)),
        "register": lambda: world.hub.register("b"),
        "status": world.hub.status,
        "environments": cluster.environments,
        "hub": lambda: cluster.create("app", "env"),
    }


def _kill_server(server: EmbeddedPostgres) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    while server.pid is not None:
        pass


def _kill_backend(server: EmbeddedPostgres) -> None:
    """One of the processes that serve connections; the server then restarts all of them."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    serving = [pid for pid in children if b"electric" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(serving[-1]), signal.SIGKILL)


@pytest.mark.parametrize("kill", [_kill_server, _kill_backend])
async def test_calls_when_postgres_is_killed(
    server: EmbeddedPostgres, kill: Callable[[EmbeddedPostgres], None]
) -> None:
    cluster = await Cluster.open(server.url)
    async with opened(server.url, ITEMS) as world:
        merge = Numbered(await world.device())
        await world.client.execute(
            "INSERT INTO items SELECT -n, repeat('y', 500) FROM generate_series(1, 1000) n"
        )
        calls = _calls(world, cluster, merge)
        for _ in range(KILLS):
            counts: Counter[str] = Counter()
            tasks = [
                asyncio.create_task(_until_it_is_lost(call, counts, name))
                for name, call in calls.items()
            ]
            while min(counts["merge"], counts["read"]) < CALLS:
                await asyncio.sleep(0)
                assert not any(task.done() for task in tasks)
            kill(server)
            errors = await asyncio.gather(*tasks)
            assert {error.code for error in errors} == {"postgres-unavailable"}
            await asyncio.to_thread(server.start)
            await _again(merge)
            await _again(cluster.environments)
        assert len(await _again(world.rows)) == 1000 + merge.merged
    await cluster.close()


async def _again(call: Callable[[], Awaitable[Result]]) -> Result:
    """A call, until Postgres is there again."""
    while True:
        try:
            return await call()
        except PostgresError:
            await asyncio.sleep(0)
