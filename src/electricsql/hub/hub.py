"""One environment's hub: the door to its Postgres database."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Self

import asyncpg

from electricsql.errors import PostgresError
from electricsql.hub.cleaning import clean
from electricsql.hub.clocks import KnownClocks
from electricsql.hub.connection import (
    Connection,
    Fresh,
    Pool,
    connected,
    open_pool,
    transaction,
)
from electricsql.hub.devices import note_applied, register
from electricsql.hub.drift import read_drift
from electricsql.hub.format import upgrade
from electricsql.hub.marks import is_lost
from electricsql.hub.merging import Merging
from electricsql.hub.migrating import applied_migrations, perform
from electricsql.hub.model import (
    NOWHERE,
    Claim,
    DeviceStatus,
    HubMigration,
    HubPlan,
    HubStatus,
    Quarantined,
    Registered,
    Submitted,
    TransactionId,
)
from electricsql.hub.quarantine import decide, find, quarantined
from electricsql.hub.reading import BEGIN, Reading, take_cursor
from electricsql.hub.schemas import Schemas
from electricsql.limits import DEVICE_EXPIRY_DAYS
from electricsql.migrations import Source
from electricsql.replication import Cursor, Refusal
from electricsql.schema import Schema

_NEWS = """
SELECT EXISTS (
    SELECT FROM electric.touched
    WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)
        AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
)
"""
_DEVICES = """
SELECT f.device, f.origin, f.number, f.merged, f.waiting, f.retried, f.discarded, f.holds,
    d.schema_version, d.cursor, d.seen_at, CASE WHEN c.snapshot IS NOT NULL THEN (
        SELECT count(DISTINCT xid) FROM electric.touched
        WHERE xid >= pg_snapshot_xmin(c.snapshot) AND NOT pg_visible_in_snapshot(xid, c.snapshot)
    ) END, d.seen_at <= now() - make_interval(days => coalesce(h.expiry_days, $2))
FROM electric.hub h CROSS JOIN electric.fates f JOIN electric.devices d USING (origin) LEFT JOIN (
    SELECT origin, split_part(cursor, '/', 2)::pg_snapshot AS snapshot FROM electric.devices
    WHERE split_part(cursor, '/', 1) = $1
) c USING (origin)
ORDER BY origin
"""


class _History:
    """The history that a hub was opened at. Another service may end it by a reset, and an operator
    who puts the database back to a backup. `reached` is the last cursor that was read."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.reached: Cursor | None = None
        self.is_over = False

    async def check(self, connection: Fresh) -> None:
        """See that a connection leads to this history.

        Raises:
            PostgresError: `postgres-unavailable`: it leads to another one.
        """
        if self.epoch is None:
            return
        try:
            epoch = await connection.fetchval("SELECT epoch FROM electric.hub")
            is_here = epoch == self.epoch and not (
                self.reached and await is_lost(connection, self.reached)
            )
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            is_here = False
        if not is_here:
            self.is_over = True
            raise PostgresError(
                "postgres-unavailable",
                "The environment was reset, or its database was replaced.",
                "Connect again to start over.",
            )


class Hub:
    """One environment. Its methods may be called by many tasks at once."""

    def __init__(self, url: str, pool: Pool, history: _History) -> None:
        assert history.epoch is not None
        self.epoch = epoch = history.epoch
        self._history = history
        self._url = url
        self._pool = pool
        self._schemas = Schemas()
        self._known = KnownClocks()
        self._merging = Merging(epoch, self._schemas, self._known)

    @classmethod
    async def open(cls, url: str, app: str = "", env: str = "") -> Self:
        """Connect, and make schema electric or bring it up to date.

        Raises:
            PostgresError: `postgres-unavailable`, `postgres-too-old`, `format-too-new`,
                `postgres-failed`, `ids-behind`.
        """
        history = _History()
        pool = await open_pool(url, history.check)
        try:
            async with connected(pool, url) as connection:
                history.epoch = await upgrade(connection, app, env)
        except BaseException:
            await pool.close()
            raise
        return cls(url, pool, history)

    @property
    def is_over(self) -> bool:
        """Whether its history was found to have ended: it has to be opened anew."""
        return self._history.is_over

    async def close(self) -> None:
        await self._pool.close()

    async def migrations(self) -> list[HubMigration]:
        """What is applied, in order."""
        async with self._connected() as connection:
            return await applied_migrations(connection)

    async def plan(self, sources: Sequence[Source]) -> HubPlan:
        """What `migrate` would do: it is tried, and rolled back.

        Raises:
            MigrationError: as `migrate`.
        """
        async with self._connected() as connection:
            return await perform(connection, sources, trial=True)

    async def migrate(self, sources: Sequence[Source]) -> HubPlan:
        """Apply the new ones of an application's migrations, all or none.

        Raises:
            MigrationError: `migration-missing`, `applied-migration-changed`, `out-of-order`,
                `postgres-refused`, and what compiling them raises.
            PostgresError: `postgres-failed`: other programs keep the tables locked.
        """
        async with self._connected() as connection:
            return await perform(connection, sources)

    async def schema_at(self, version: str | None) -> Schema:
        """The schema as a migration left it.

        Raises:
            ServiceError: `unknown-version`.
        """
        schema = self._schemas.known(version)
        if schema is not None:
            return schema
        async with self._connected() as connection:
            return await self._schemas.at(connection, version)

    async def register(self, device: str, claim: Claim = NOWHERE) -> Registered:
        """A device's place; a new one gets the next origin."""
        async with self._connected() as connection:
            return await register(connection, self.epoch, device, claim)

    async def merge(self, batch: Sequence[Submitted]) -> None:
        """Merge device transactions, each once, each device's in order. Committed when it returns.

        Raises:
            ProtocolError: `transaction-gap`: an earlier transaction of that device is missing.
            ServiceError: `superseded`: a newer session of that device has registered.
            PostgresError: `postgres-unavailable`: try again, whether it is in will be noticed.
        """
        if batch:
            await self._merging.merge(self._connected, batch)

    @asynccontextmanager
    async def reading(self, since: Cursor | None = None) -> AsyncIterator[Reading]:
        """A consistent look at the hub, and the cursor that it is at; most likely at what is new
        since another one."""
        async with (
            self._connected() as connection,
            transaction(connection, BEGIN),
        ):
            start = await take_cursor(connection, self.epoch, since)
            self._history.reached = start.cursor
            versions = await self._schemas.up_to(connection, start.version)
            yield Reading(connection, start, versions, self._known)

    async def has_news(self, cursor: Cursor | None) -> bool:
        """Whether there may be something after the cursor. Cheap."""
        if cursor is None:
            return True
        async with self._connected() as connection:
            return bool(await connection.fetchval(_NEWS, str(cursor.snapshot)))

    async def applied(self, device: str, session: int, claim: Claim) -> bool:
        """Note how far a device is, unless a newer session of it has registered; whether none
        has."""
        async with self._connected() as connection:
            return await note_applied(connection, device, session, claim)

    async def clean(self, connected: Collection[str] = ()) -> int:
        """Forget some of what all live devices have passed; gives how many rows went. The
        `connected` ones are live."""
        async with self.reading() as reading:
            schema = reading.schema
        async with self._connected() as connection:
            return await clean(connection, schema, connected)

    async def status(self) -> HubStatus:
        async with self._connected() as connection:
            devices = await connection.fetch(_DEVICES, self.epoch, DEVICE_EXPIRY_DAYS)
            version = await connection.fetchval(
                "SELECT name FROM electric.migrations ORDER BY position DESC LIMIT 1"
            )
            waiting = await connection.fetchval(
                "SELECT count(*) FROM electric.quarantine WHERE fate = 'waiting'"
            )
            drift = await read_drift(connection)
        statuses = tuple(DeviceStatus(*device) for device in devices)
        return HubStatus(version, self.epoch, statuses, int(waiting), tuple(drift))

    async def quarantined(self) -> list[Quarantined]:
        """What is in the quarantine: what waits first, the oldest first."""
        async with self._connected() as connection:
            return await quarantined(connection)

    async def find_quarantined(self, id: TransactionId) -> tuple[Quarantined, bytes]:
        """One transaction in the quarantine, and its encoding.

        Raises:
            ServiceError: `not-quarantined`.
        """
        async with self._connected() as connection:
            return await find(connection, id)

    async def retry(self, submitted: Submitted) -> Refusal | None:
        """Merge a transaction that waits in the quarantine; gives the reason if it stays there.

        Raises:
            ServiceError: `not-quarantined`, `already-decided`.
        """
        return await self._merging.retry(self._connected, submitted)

    async def discard(self, id: TransactionId) -> None:
        """Give up a transaction that waits in the quarantine. It is kept there.

        Raises:
            ServiceError: `not-quarantined`, `already-decided`.
        """
        async with self._connected() as connection, connection.transaction():
            await decide(connection, id, "discarded")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        async with connected(self._pool, self._url) as connection:
            yield connection
