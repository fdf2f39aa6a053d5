"""The two kinds of database that a session works on, with one face: a device's file, and Postgres.

A transaction that fails is either certainly not committed (`Aborted`), or may be (`Uncertain`).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

import asyncpg

from electricsql import ElectricError, electrify
from electricsql.schema import Value
from tests.integration.tcc.deeds import Execute, Row

T = TypeVar("T")
_PATIENCE_S: Final = 60
_RETRY_S: Final = 0.1
_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)


class Aborted(Exception):
    """It did not commit, and never will."""


class Uncertain(Exception):
    """It was to be committed; nobody knows whether it was."""


class Store(Protocol):
    """A database that a session works on."""

    schema_sql: str
    """How many migrations there are."""

    def transact(self, body: Callable[[Execute], None]) -> None:
        """Run the body in a transaction. Raises Aborted or Uncertain."""

    def sync(self, seconds: float) -> None:
        """Wait until all is exchanged."""

    def close(self) -> None: ...


class DeviceStore:
    """A device's file, and the engine that syncs it."""

    schema_sql = "SELECT count(*) FROM _electric_migrations"

    def __init__(self, path: str, bundle: str, url: str, token: str) -> None:
        self._database = electrify(path, bundle, url, token)

    def transact(self, body: Callable[[Execute], None]) -> None:
        ready = False
        try:
            with self._database.transaction():
                body(self._execute)
                ready = True
        except (sqlite3.Error, ElectricError) as error:
            raise (Uncertain if ready else Aborted)(repr(error)) from error

    def sync(self, seconds: float) -> None:
        self._database.sync(seconds)

    def close(self) -> None:
        self._database.close()

    def _execute(self, sql: str, *parameters: Value) -> Sequence[Row]:
        return self._database.execute(sql, parameters).fetchall()


class PostgresStore:
    """Postgres, written directly: REPEATABLE READ, and a new connection whenever one breaks."""

    schema_sql = "SELECT count(*) FROM electric.migrations"

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def transact(self, body: Callable[[Execute], None]) -> None:
        ready = False
        try:
            transaction = self._connected().transaction(isolation="repeatable_read")
            self._run(transaction.start())
            try:
                body(self._execute)
            except BaseException:
                self._run(transaction.rollback())
                raise
            ready = True
            self._run(transaction.commit())
        except _LOST as error:
            self._disconnect()
            raise (Uncertain if ready else Aborted)(repr(error)) from error
        except asyncpg.PostgresError as error:
            raise Aborted(repr(error)) from error

    def sync(self, seconds: float) -> None:
        """It is the place where all comes together."""

    def close(self) -> None:
        self._disconnect()
        self._runner.close()

    def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None:
            try:
                connecting = asyncpg.connect(self._url, timeout=_PATIENCE_S, statement_cache_size=0)
                self._connection = self._run(connecting)
            except BaseException:
                self._run(asyncio.sleep(_RETRY_S))
                raise
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(*_LOST):
                self._connection.terminate()
            self._connection = None

    def _execute(self, sql: str, *parameters: Value) -> Sequence[Row]:
        assert self._connection is not None
        records = self._run(self._connection.fetch(sql.replace("?", "$"), *parameters))
        return [tuple(record) for record in records]

    def _run(self, doing: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(doing)
