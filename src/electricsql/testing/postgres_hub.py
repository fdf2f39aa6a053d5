"""A hub as the product has it, on a Postgres: a `HubStore` that waits for each answer.

What would wait for a client's locks gives up after a while, if some client has a transaction open.
The hub's time is Postgres', whatever the world's is.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias, TypeVar

import asyncpg

from electricsql import hub
from electricsql.errors import PostgresError, ServiceError
from electricsql.protocol import Registered, decode_transaction, read_transaction
from electricsql.replication import AppliedMigration, Cursor, Part, Refused, RowId
from electricsql.schema import Schema
from electricsql.testing.example import MIGRATIONS, Shown, Statement, schema_at
from electricsql.testing.stores import Submitted, TransactionId

T = TypeVar("T")
_Client: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_PATIENCE_S: Final = 5
_IN_THE_WAY: Final = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
_RULE: Final = """
CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('electric.merging', true) = 'on' THEN
        RAISE check_violation USING MESSAGE = 'Nobody may write this now.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER forbid BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION forbid()
"""


class PostgresHub:
    """A `HubStore`. Somebody has to close it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._hub = self._run(hub.Hub.open(url, "example", "local"))
        self._looking: _Client = self._run(asyncpg.connect(url))
        self._clients: dict[int, _Client] = {}
        self._open: set[int] = set()
        self._forbidden: str | None = None
        self._version = 0
        self.migrate()

    def _run(self, work: Coroutine[None, None, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        for client in (self._looking, *self._clients.values()):
            self._run(client.close())
        self._run(self._hub.close())
        self._runner.close()

    def schema_at(self, version: str | None) -> Schema:
        return self._run(self._hub.schema_at(version))

    # Devices.

    def register(self, device: str, claim: hub.Claim = hub.NOWHERE, /) -> Registered:
        place = self._run(self._hub.register(device, claim))
        return Registered(
            *(place.origin, self._hub.epoch, place.acknowledged, place.mark),
            *(place.session, place.standing, place.horizon),
        )

    def applied(self, device: str, session: int, claim: hub.Claim, /) -> None:
        self._run(self._hub.applied(device, session, claim))

    def expire(self, device: str, /) -> None:
        sql = "UPDATE electric.devices SET seen_at = now() - interval '1 year' WHERE device = $1"
        self._run(self._looking.execute(sql, device))

    def clean(self, connected: Collection[str] = ()) -> None:
        self._run(self._hub.clean(connected))

    def merge(self, batch: Sequence[Submitted], _: int) -> bool:
        submitted = [
            hub.Submitted(each.origin, each.transaction, each.encoded, each.session)
            for each in batch
        ]
        try:
            self._run(self._patiently(self._hub.merge(submitted)))
        except TimeoutError:
            return False
        except ServiceError as error:
            if error.code != "superseded":
                raise
        return True

    async def _patiently(self, work: Coroutine[None, None, T]) -> T:
        async with asyncio.timeout(_PATIENCE_S if self._open else None):
            return await work

    def reading(self) -> "PostgresReading":
        async def look() -> Cursor:
            async with self._hub.reading() as reading:
                return reading.cursor

        return PostgresReading(self._hub, self._runner, self._run(look()))

    # Clients.

    def write(self, client: int, statements: Sequence[Statement]) -> bool:
        return self._run(self._write(client, statements))

    async def _write(self, client: int, statements: Sequence[Statement]) -> bool:
        if client not in self._clients:
            self._clients[client] = await asyncpg.connect(self._url)
            await self._clients[client].execute("SET lock_timeout = 500")
        connection = self._clients[client]
        if client not in self._open:
            await connection.execute("BEGIN")
        await connection.execute("SAVEPOINT before")
        try:
            for statement in statements:
                sql, values = statement.sql()
                await connection.execute(_numbered(sql), *values)
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        except (asyncpg.IntegrityConstraintViolationError, *_IN_THE_WAY):
            is_new = client not in self._open
            await connection.execute("ROLLBACK" if is_new else "ROLLBACK TO SAVEPOINT before")
            return False
        self._open.add(client)
        return True

    def commit(self, client: int, _: int) -> None:
        self._end(client, "COMMIT")

    def roll_back(self, client: int) -> None:
        self._end(client, "ROLLBACK")

    def _end(self, client: int, sql: str) -> None:
        if client in self._open:
            self._open.remove(client)
            self._run(self._clients[client].execute(sql))

    def shown(self) -> Shown:
        return self._run(self._shown(self._looking))

    def visible_to(self, client: int) -> Shown:
        return self._run(self._shown(self._clients.get(client, self._looking)))

    async def _shown(self, connection: _Client) -> Shown:
        shown = {}
        for table in schema_at(self._version):
            for record in await connection.fetch(f"SELECT * FROM {table.name}"):
                values = dict(record)
                shown[RowId(table.name, table.key_of(values))] = values
        return shown

    # The operator.

    def migrate(self) -> bool:
        if self._version == len(MIGRATIONS):
            return False
        try:
            self._run(self._hub.migrate(MIGRATIONS[: self._version + 1]))
        except PostgresError:
            return False
        self._version += 1
        return True

    def forbid(self, table: str | None) -> None:
        if self._forbidden is not None:
            self._run(self._looking.execute(f"DROP TRIGGER forbid ON {self._forbidden}"))
        if table is not None:
            self._run(self._looking.execute(_RULE.format(table)))
        self._forbidden = table

    def waiting(self) -> Sequence[TransactionId]:
        found = self._run(self._hub.quarantined())
        return sorted(
            TransactionId(each.origin, each.number) for each in found if each.fate == "waiting"
        )

    def retry(self, id: TransactionId, _: int) -> bool:
        encoded = self._run(self._hub.find_quarantined(hub.TransactionId(*id)))[1]
        schema = self.schema_at(read_transaction(encoded).schema_version)
        transaction = decode_transaction(encoded, schema.tables)
        submitted = hub.Submitted(id.origin, transaction, encoded, session=0)
        with suppress(TimeoutError):
            return self._run(self._patiently(self._hub.retry(submitted))) is None
        return False

    def discard(self, id: TransactionId) -> None:
        self._run(self._hub.discard(hub.TransactionId(*id)))


class PostgresReading:
    """A `Reading`: each question is a look of its own, so ask before anything else happens."""

    def __init__(self, opened: hub.Hub, runner: asyncio.Runner, cursor: Cursor) -> None:
        self._hub = opened
        self._runner = runner
        self.cursor = cursor

    def migrations_since(self, cursor: Cursor | None) -> Sequence[AppliedMigration]:
        async def look() -> Sequence[AppliedMigration]:
            async with self._hub.reading() as reading:
                return await reading.migrations_since(cursor)

        return self._runner.run(look())

    def parts_since(self, cursor: Cursor | None) -> Iterator[Part]:
        async def look() -> list[Part]:
            async with self._hub.reading() as reading:
                return [part async for part in reading.parts_since(cursor)]

        return iter(self._runner.run(look()))

    def acknowledged(self, origins: Iterable[int]) -> Mapping[int, int]:
        async def look() -> Mapping[int, int]:
            async with self._hub.reading() as reading:
                return await reading.acknowledged(origins)

        return self._runner.run(look())

    def refused_since(
        self, origins: Iterable[int], cursor: Cursor | None
    ) -> Mapping[int, Sequence[Refused]]:
        async def look() -> Mapping[int, Sequence[Refused]]:
            async with self._hub.reading() as reading:
                return await reading.refused_since(origins, cursor)

        return self._runner.run(look())


def _numbered(sql: str) -> str:
    """A statement as Postgres takes it: `$1` for the first value."""
    first, *rest = sql.split("?")
    return "".join([first, *(f"${n}{text}" for n, text in enumerate(rest, 1))])
