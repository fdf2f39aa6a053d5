"""Connections to Postgres: settings that our SQL relies on, and Postgres' failures as ours."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeAlias

import asyncpg

from electricsql.errors import PostgresError
from electricsql.limits import HUB_CONNECTIONS_MAX

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Fresh: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

VERSION_MIN: Final = 14
CONTENTION: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""Somebody else was in the way: the same transaction may succeed when it is tried again."""

_CONNECT_S_MAX: Final = 10
_SETTINGS: Final = {
    "application_name": "electric",
    "search_path": "public",
    "datestyle": "ISO, YMD",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    # Compiling a query costs more than any of ours takes.
    "jit": "off",
    # A plan kept for any cursor, or any number of rows, is a bad one for most.
    "plan_cache_mode": "force_custom_plan",
}
_LOST: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # Postgres was killed in the middle of an answer
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    TimeoutError,
)


async def open_pool(
    url: str, check: Callable[[Fresh], Coroutine[None, None, None]] | None = None
) -> Pool:
    """A pool of connections. Each new one has to pass the check.

    Raises:
        PostgresError: `postgres-unavailable`, `postgres-too-old`.
    """
    with failures(url):
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=HUB_CONNECTIONS_MAX,
            timeout=_CONNECT_S_MAX,
            server_settings=_SETTINGS,
            statement_cache_size=1000,
            reset=_keep,
            init=check,
        )
        assert pool is not None
        try:
            async with pool.acquire() as connection:
                version = connection.get_server_version()
            require_version(version.major, url)
        except BaseException:
            pool.terminate()
            raise
        return pool


def require_version(major: int, url: str) -> None:
    """See whether a server can do what we need.

    Raises:
        PostgresError: `postgres-too-old`.
    """
    if major < VERSION_MIN:
        raise PostgresError(
            "postgres-too-old",
            f"Postgres at {without_password(url)} is version {major}.",
            f"Use Postgres {VERSION_MIN} or later.",
        )


async def close_pool(pool: Pool) -> None:
    """Close the connections; those that won't close in time are cut."""
    try:
        await asyncio.wait_for(pool.close(), _CONNECT_S_MAX)
    except (TimeoutError, *_LOST):
        pool.terminate()


@asynccontextmanager
async def connected(pool: Pool, url: str) -> AsyncIterator[Connection]:
    """A connection of the pool.

    Raises:
        PostgresError: `postgres-unavailable`.
    """
    with failures(url):
        async with pool.acquire() as connection:
            yield connection


@asynccontextmanager
async def transaction(connection: Connection, begin: str) -> AsyncIterator[None]:
    """A transaction that starts with several statements in one round trip."""
    try:
        await connection.execute(begin)
        yield
    except BaseException:
        try:
            await connection.execute("ROLLBACK")
        except BaseException:
            connection.terminate()  # not fit to be used again
            raise
        raise
    await connection.execute("COMMIT")


@contextmanager
def failures(url: str) -> Iterator[None]:
    """A lost connection, or none to be had, as our own error."""
    try:
        yield
    except _LOST as error:
        raise PostgresError(
            "postgres-unavailable",
            f"Postgres at {without_password(url)} can't be reached: {_said(error)}",
            "See whether it runs and whether the URL is right.",
        ) from error


def without_password(url: str) -> str:
    """A database URL that may be shown."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1@", url)


def _said(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".") + "."


async def _keep(_connection: object) -> None:
    """All that we set is local to a transaction: nothing to reset between uses."""
