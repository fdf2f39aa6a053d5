"""Connections to Postgres: settings that our SQL relies on, and Postgres' failures as ours."""

import asyncio
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeAlias

import asyncpg

from electricsql.errors import PostgresError
from electricsql.limits import HUB_CONNECTIONS_MAX, POSTGRES_SILENCE_MS_MAX, STATEMENTS_MAX

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Fresh: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Check: TypeAlias = Callable[[Fresh], Coroutine[None, None, None]]
_Connections: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

VERSION_MIN: Final = 14
CONTENTION: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""Somebody else was in the way: the same transaction may succeed when it is tried again."""

_CONNECT_S_MAX: Final = 5
_LISTEN_S: Final = 1.0
_BEAT_MS: Final = 500
_SETTINGS: Final = {
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
_END: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = ANY($1::text[]) AND usename = current_user
"""
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


class Pool:
    """A pool of connections, which is given up for a new one when Postgres falls silent.

    Connections can be dead without either end knowing. Another one beside them, in which something
    is asked from time to time that is answered at once, shows it: then nothing that was asked in
    the others is waited for any longer, however long it may rightly take; and Postgres is told to
    end what it has of them, for that may hold locks.
    """

    def __init__(self, url: str, check: Check | None) -> None:
        self._url = url
        self._check = check
        self._name = ""
        self._given_up: list[str] = []
        self._connections = self._made()
        self._listening = asyncio.create_task(self._listen())

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection."""
        connections = self._connections
        await connections  # a new pool has to be told to begin; no effect on others, and no I/O
        async with connections.acquire() as connection:
            yield connection

    async def close(self) -> None:
        """Close the connections; those that won't close in time are cut."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._connections
        try:
            await asyncio.wait_for(self._connections.close(), _CONNECT_S_MAX)
        except (TimeoutError, *_LOST):
            self._connections.terminate()

    async def _listen(self) -> None:
        while True:
            if await self._falls_silent():
                self._given_up.append(self._name)
                await self._connections
                self._connections.terminate()
                self._connections = self._made()
            await asyncio.sleep(_LISTEN_S)

    async def _falls_silent(self) -> bool:
        """Whether a connection ends since Postgres is silent; False if it ends otherwise."""
        try:
            connection = await asyncpg.connect(self._url, timeout=_CONNECT_S_MAX)
        except (*_LOST, asyncpg.PostgresError):
            return False
        try:
            async with _patience(POSTGRES_SILENCE_MS_MAX):
                await connection.execute(_END, self._given_up)
            self._given_up.clear()
            while True:
                async with _patience(POSTGRES_SILENCE_MS_MAX):
                    await connection.execute("SELECT")
                await asyncio.sleep(_LISTEN_S)
        except TimeoutError:
            return True
        except (*_LOST, asyncpg.PostgresError):
            return False
        finally:
            connection.terminate()

    def _made(self) -> _Connections:
        self._name = f"electric {secrets.token_hex(8)}"
        return asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=HUB_CONNECTIONS_MAX,
            timeout=_CONNECT_S_MAX,
            server_settings={**_SETTINGS, "application_name": self._name},
            statement_cache_size=STATEMENTS_MAX,
            reset=_keep,
            init=self._check,
        )


@asynccontextmanager
async def _patience(within_ms: int) -> AsyncIterator[None]:
    """Raises TimeoutError when it is over. It goes by the beats of the loop: while that is busy
    with something else nobody listens, and Postgres is not to blame."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as time:
        timers: deque[asyncio.TimerHandle] = deque(maxlen=1)

        def beat(left_ms: int) -> None:
            if left_ms <= 0:
                time.reschedule(loop.time())
            timers.append(loop.call_later(_BEAT_MS / 1000, beat, left_ms - _BEAT_MS))

        beat(within_ms)
        try:
            yield
        finally:
            timers[0].cancel()


async def open_pool(url: str, check: Check | None = None) -> Pool:
    """A pool of connections. Each new one has to pass the check.

    Raises:
        PostgresError: `postgres-unavailable`, `postgres-too-old`.
    """
    pool = Pool(url, check)
    try:
        async with connected(pool, url) as connection:
            version = connection.get_server_version()
        require_version(version.major, url)
    except BaseException:
        await pool.close()
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
