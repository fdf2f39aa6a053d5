"""The format of schema electric: made at the first opening, brought up to date at later ones."""

import secrets
from importlib.resources import files
from typing import Final

import asyncpg

from electricsql.errors import PostgresError
from electricsql.hub.connection import CONTENTION, Connection
from electricsql.hub.ids import pass_known_ids

FORMATS: Final = tuple(f"format_{number}.sql" for number in range(1, 9))
"""What brings a hub from format n to n + 1, in order."""

LOCK: Final = 0x656C656374726963
"""The advisory lock of whoever changes the schema of a hub: "electric"."""


async def upgrade(connection: Connection, app: str, env: str) -> str:
    """Bring schema electric to the newest format; gives the epoch. Two services may do it at once.

    Raises:
        PostgresError: `format-too-new`, `postgres-failed`, `ids-behind`; `postgres-unavailable`:
            other programs have locked tables that are to be brought up to date.
    """
    try:
        if await _format(connection) != len(FORMATS):
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                await _upgrade(connection, app, env)
        await pass_known_ids(connection)
        epoch = await connection.fetchval("SELECT epoch FROM electric.hub")
    except CONTENTION as error:
        raise PostgresError(
            "postgres-unavailable",
            f"Other programs use tables that this version has to change: {error.args[0]}.",
            "It is tried again. See pg_stat_activity for transactions that do not end.",
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise PostgresError(
            "postgres-failed",
            f"The role may not make schema electric: {error.message}.",
            "Use a role that owns the database, or grant it CREATE on the database.",
        ) from error
    return str(epoch)


async def _upgrade(connection: Connection, app: str, env: str) -> None:
    before = await _format(connection)
    if before > len(FORMATS):
        raise PostgresError(
            "format-too-new",
            f"Schema electric has format {before}, and this version knows {len(FORMATS)}.",
            "Use the version of electricsql that the other services of this database use.",
        )
    if before == 0:
        await connection.execute("CREATE SCHEMA IF NOT EXISTS electric")
    for name in FORMATS[before:]:
        await connection.execute(files(__package__).joinpath(name).read_text("utf-8"))
    if before == 0:
        await connection.execute(
            "INSERT INTO electric.hub (format, epoch, app, env) VALUES ($1, $2, $3, $4)",
            len(FORMATS),
            secrets.token_hex(8),
            app,
            env,
        )
    else:
        await connection.execute("UPDATE electric.hub SET format = $1", len(FORMATS))


async def _format(connection: Connection) -> int:
    """0 for none."""
    # Not to_regclass: it may still say what was so before we waited for the lock.
    if not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'electric' AND tablename = 'hub')"
    ):
        return 0
    format = await connection.fetchval("SELECT format FROM electric.hub")
    return int(format) if format is not None else 0
