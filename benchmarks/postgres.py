"""Connections to an environment's database, as any Postgres client makes them, and a table beside
the replicated one for the baselines."""

from typing import TypeAlias

import asyncpg

from benchmarks import notes

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def connect(url: str) -> Connection:
    """A connection; beside `notes` there is from now on `plain_notes`, the same without
    triggers."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS plain_notes (LIKE notes INCLUDING ALL)")
    return connection


async def fill(connection: Connection, count: int) -> None:
    """Write the rows from number 0 into `notes`, directly."""
    await connection.execute(f"INSERT INTO notes {notes.GENERATED}", 0, count, notes.BODY)
    await settle(connection)


async def settle(connection: Connection) -> None:
    """Bring the database to rest, so that no earlier write is paid for later."""
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
