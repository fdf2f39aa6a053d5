"""A database that was there before: looked at, marked as an environment's, and let go again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from electricsql.errors import PostgresError
from electricsql.hub.catalog import read_catalog
from electricsql.hub.connection import Fresh, failures, require_version, without_password
from electricsql.hub.drift import MIGRATING
from electricsql.schema import CatalogTable, quote

COMMENT: Final = "electric: "
"""How the comment of an environment's database begins."""

_MARK: Final = """
SELECT current_database(), shobj_description(oid, 'pg_database') FROM pg_database
WHERE datname = current_database()
"""


async def look(url: str) -> tuple[str, dict[str, CatalogTable]]:
    """The name of the database at a URL, and its tables.

    Raises:
        PostgresError: `postgres-unavailable`, `postgres-too-old`.
    """
    async with _connected(url) as connection:
        name = await connection.fetchval("SELECT current_database()")
        return str(name), await read_catalog(connection)


async def mark(url: str, app: str, env: str) -> None:
    """Make the database at a URL that of an environment.

    Raises:
        PostgresError: `postgres-unavailable`, `postgres-failed`, `other-environment`.
    """
    async with _connected(url) as connection:
        record = await connection.fetchrow(_MARK)
        assert record is not None
        name, before = record
        wanted = f"{COMMENT}{app}/{env}"
        first, _, rest = (before or "").partition("\n")
        if first == wanted:
            return
        if first.startswith(COMMENT):
            raise PostgresError(
                "other-environment",
                f"Database {name} belongs to {first.removeprefix(COMMENT)} already.",
                "Start from that environment with `electric init APP --sync-down`, or take another"
                " database.",
            )
        text = "\n".join(filter(None, (wanted, first, rest)))
        literal = await connection.fetchval("SELECT quote_literal($1::text)", text)
        try:
            await connection.execute(f"COMMENT ON DATABASE {quote(name)} IS {literal}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise PostgresError(
                "postgres-failed",
                f"The role may not mark database {name} as {app}/{env}: {error.message}.",
                f"Have its owner run: COMMENT ON DATABASE {quote(name)} IS '{wanted}'",
            ) from error


async def release(url: str) -> None:
    """Take what is ours out of a database; its tables stay as they are."""
    async with _connected(url) as connection:
        await connection.execute(f"SET {MIGRATING} = 'on'; DROP SCHEMA IF EXISTS electric CASCADE")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Fresh]:
    with failures(url):
        connection = await asyncpg.connect(url)
        try:
            require_version(connection.get_server_version().major, without_password(url))
            yield connection
        finally:
            await connection.close()
