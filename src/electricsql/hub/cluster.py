"""A Postgres server, and the environments on it: each is a database of its own.

The database of an environment is the one whose comment begins with `electric: <app>/<env>`. One
that we make is named `<app>.<env>`. An owner can mark another one: to set it up by hand for a role
that may not create databases, or because it has the app's tables already. Such a database is never
dropped; a reset takes from it what is ours.
"""

import asyncio
from typing import Final, Self
from urllib.parse import quote as percent
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from electricsql.errors import PostgresError, ServiceError
from electricsql.hub.connection import Pool, connected, open_pool
from electricsql.hub.existing import COMMENT, release
from electricsql.hub.format import LOCK
from electricsql.hub.hub import Hub
from electricsql.limits import IDENTIFIER_BYTES_MAX
from electricsql.schema import quote

_ENVIRONMENTS: Final = """
SELECT split_part(substr(shobj_description(oid, 'pg_database'), $1), E'\n', 1), datname
FROM pg_database
WHERE shobj_description(oid, 'pg_database') LIKE $2 AND NOT datistemplate ORDER BY datname
"""


class Cluster:
    """All environments of one service."""

    def __init__(self, url: str, pool: Pool) -> None:
        self._url = url
        self._pool = pool
        self._hubs: dict[tuple[str, str], Hub] = {}
        self._databases: dict[tuple[str, str], str] = {}
        self._opening = asyncio.Lock()

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to a server.

        Raises:
            PostgresError: `postgres-unavailable`, `postgres-too-old`.
        """
        return cls(url, await open_pool(url))

    async def close(self) -> None:
        """Close all hubs."""
        for hub in self._hubs.values():
            await hub.close()
        self._hubs.clear()
        await self._pool.close()

    async def environments(self) -> list[tuple[str, str]]:
        """The app and name of each environment."""
        async with connected(self._pool, self._url) as connection:
            records = await connection.fetch(_ENVIRONMENTS, len(COMMENT) + 1, COMMENT + "%/%")
        found: dict[tuple[str, str], str] = {}
        for name, database in records:
            app, _, env = str(name).partition("/")
            found[app, env] = database
        self._databases = found
        return list(found)

    async def create(self, app: str, env: str) -> None:
        """Create an environment; fine if it is there.

        Raises:
            PostgresError: `postgres-failed`.
            ServiceError: `name-too-long`.
        """
        name = _database(app, env)
        if len(name.encode()) > IDENTIFIER_BYTES_MAX:
            raise ServiceError(
                "name-too-long",
                f"The database {name} would have a name of more than {IDENTIFIER_BYTES_MAX} bytes.",
                "Give the app or the environment a shorter name.",
                definite=True,
                status=422,
            )
        async with self._opening, connected(self._pool, self._url) as connection:
            if (app, env) in await self.environments():
                return
            try:
                await connection.execute(
                    f"CREATE DATABASE {quote(name)} TEMPLATE template0 ENCODING 'UTF8'"
                )
            except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                pass  # another service was faster, or just as fast
            except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError) as error:
                raise PostgresError(
                    "postgres-failed",
                    f"Postgres didn't create database {name}: {error.message}.",
                    "Use a role that may create databases.",
                ) from error
            await connection.execute(  # one transaction; without the lock, two would collide
                f"SELECT pg_advisory_xact_lock({LOCK});"
                f" COMMENT ON DATABASE {quote(name)} IS '{COMMENT}{app}/{env}'"
            )

    async def reset(self, app: str, env: str) -> None:
        """Delete an environment's data, and start its history anew. A database that was there
        before keeps its tables.

        Raises:
            ServiceError: `unknown-environment`.
        """
        async with self._opening:
            await self._require(app, env)
            hub = self._hubs.pop((app, env), None)
            if hub is not None:
                await hub.close()
            if self._databases[app, env] != _database(app, env):
                await release(self.database_url(app, env))
                return
            async with connected(self._pool, self._url) as connection:
                await connection.execute(
                    f"DROP DATABASE IF EXISTS {quote(_database(app, env))} WITH (FORCE)"
                )
        await self.create(app, env)

    async def hub(self, app: str, env: str) -> Hub:
        """The hub of an environment; the same one each time, until its history is over.

        Raises:
            ServiceError: `unknown-environment`.
            PostgresError: as `Hub.open`.
        """
        hub = self._hubs.get((app, env))
        if hub is not None and not hub.is_over:
            return hub
        async with self._opening:
            hub = self._hubs.get((app, env))
            if hub is not None and hub.is_over:
                del self._hubs[app, env]
                await hub.close()
                hub = None
            if hub is None:
                await self._require(app, env)
                hub = await Hub.open(self.database_url(app, env), app, env)
                self._hubs[app, env] = hub
        return hub

    def database_url(self, app: str, env: str) -> str:
        """Where an environment's data are."""
        name = self._databases.get((app, env), _database(app, env))
        return urlunsplit(urlsplit(self._url)._replace(path="/" + percent(name, safe="")))

    async def _require(self, app: str, env: str) -> None:
        if (app, env) not in await self.environments():
            raise ServiceError(
                "unknown-environment",
                f"The service has no environment {app}/{env}.",
                "Create it with `electric sync`.",
                definite=True,
                status=404,
            )


def _database(app: str, env: str) -> str:
    return f"{app}.{env}"
