"""What a service needs is used up: it serves those it has, tells others why not, and recovers."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from electricsql.embedded import EmbeddedPostgres
from electricsql.replication import Change, Op
from tests.integration.hostile.stage import SYNC_S_MAX, Target, bye_of
from tests.integration.scale.stage import running, watched_service, wrapped_service

pytestmark = pytest.mark.anyio
DESCRIPTORS = 300
STREAMS = 75
"""A quarter of them, where there are few."""
SERVER_CONNECTIONS = 30
CHANGES = 50_000
WORK_MS_MAX = 600.0
"""In one turn of the event loop, of CPU. For comparison: reading the transaction takes seconds."""


async def test_file_descriptors(tmp_path: Path, cluster_url: str) -> None:
    with wrapped_service(tmp_path, cluster_url, "limited_process", str(DESCRIPTORS)) as service:
        target = await Target.make(service, "descriptors")
        async with target.undisturbed():
            async with AsyncExitStack() as stack:
                for _ in range(STREAMS - 2):
                    player = await stack.enter_async_context(target.cheat())
                    await player.hello()
                async with target.cheat() as one_more:
                    bye = await bye_of(one_more)
                    assert (bye.code, bye.definite) == ("overloaded", False)
                assert await target.admin.get(target.api)
                await _open_many(target, 2 * DESCRIPTORS)
            async with asyncio.timeout(SYNC_S_MAX), target.streaming():
                assert await target.admin.get(target.api)
        assert "Traceback" not in target.new_log()


async def _open_many(target: Target, count: int) -> None:
    """Connections that say nothing, as many as there may be, and more; then they are closed."""
    host, port = target.service.url.removeprefix("http://").split(":")
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(host, int(port))
        writers.append(writer)
    await asyncio.sleep(0.5)
    for writer in writers:
        writer.close()


async def test_connections_of_postgres(tmp_path: Path) -> None:
    settings = {"fsync": "off", "max_connections": str(SERVER_CONNECTIONS)}
    with (
        EmbeddedPostgres(tmp_path / "postgres", settings=settings) as postgres,
        wrapped_service(tmp_path, postgres.url, "limited_process", "4096") as service,
    ):
        used = await Target.make(service, "used")
        async with used.undisturbed():
            taken = await _take_all(postgres.url)
            fresh = Target(service, used.admin, "fresh")
            await used.admin.post("/api/v1/environments", {"app": "notes", "env": "fresh"})
            status, answer = await used.admin.call("GET", fresh.api)
            assert (status, answer["code"]) == (503, "postgres-unavailable")
            async with fresh.cheat() as player:
                bye = await bye_of(player)
                assert (bye.code, bye.definite) == ("unavailable", False)
            for connection in taken:
                await connection.close()
            fresh = await Target.make(service, "fresh")
            async with fresh.undisturbed():
                pass
        assert "Traceback" not in used.new_log()


async def _take_all(url: str) -> list["asyncpg.Connection[asyncpg.Record]"]:
    taken = []
    while True:
        try:
            taken.append(await asyncpg.connect(url))
        except asyncpg.TooManyConnectionsError:
            return taken


async def test_connections_of_our_own(tmp_path: Path, cluster_url: str) -> None:
    """Hellos that can't be answered, since somebody holds a lock, leave some for others."""
    with wrapped_service(tmp_path, cluster_url, "limited_process", "4096") as service:
        target = await Target.make(service, "pool")
        async with target.streaming() as reader, AsyncExitStack() as stack:
            locking = await asyncpg.connect(target.database_url)
            await locking.execute("BEGIN; LOCK TABLE electric.devices IN SHARE MODE")
            waiting = []
            for _ in range(40):
                player = await stack.enter_async_context(target.cheat())
                waiting.append(asyncio.create_task(player.hello()))
            await asyncio.sleep(0.5)
            assert not any(each.done() for each in waiting)
            await target.query("INSERT INTO notes VALUES ('direct', 'x')")
            async with asyncio.timeout(SYNC_S_MAX):
                while "direct" not in reader.bodies():
                    await reader.hear_delta()
            await locking.close()
            await asyncio.gather(*waiting)


async def test_the_event_loop(tmp_path: Path, cluster_url: str) -> None:
    """A large transaction comes, is merged, and goes to others: nobody waits for all of it."""
    with watched_service(tmp_path, cluster_url) as (service, stalls):
        target = await Target.make(service, "loop")
        with running(target, stalls) as scene:
            async with target.undisturbed(), target.streaming() as writer:
                writer.applies = False
                changes = [_change(number) for number in range(CHANGES)]
                await writer.upload(changes, parts=16)
                async with asyncio.timeout(60):
                    await writer.hear_acknowledgement()
            await asyncio.sleep(1.5)
            _, busy_ms = scene.longest_stall_ms()
            print(f"{busy_ms} ms of work in one turn")
            assert busy_ms < WORK_MS_MAX


def _change(number: int) -> Change:
    key = f"bulk {number}"
    return Change("notes", Op.INSERT, (key,), {"id": key, "body": f"{number}" * 10})
