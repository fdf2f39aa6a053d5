"""The databases that other tests are given are empty, and of the version they are named for."""

import asyncio

import asyncpg


async def _version(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        assert (
            await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname='public'")
            == 0
        )
        return connection.get_server_version().major
    finally:
        await connection.close()


def test_any_database_is_on_a_supported_postgres(any_database: str) -> None:
    assert asyncio.run(_version(any_database)) >= 14
