"""What an app has: `electrify` opens a file, and gives a `Database`."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from electricsql.device import file
from electricsql.device.engine import Engine
from electricsql.device.link import now_ms
from electricsql.device.news import News
from electricsql.device.opening import (
    BundleSource,
    Token,
    find_bundle,
    stream_url,
    token_source,
)
from electricsql.device.replica import seal_committed
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.status import Migrated, Rejected, Status, read_status
from electricsql.errors import DeviceError, UsageError
from electricsql.schema import Value

Parameters: TypeAlias = Sequence[Value] | Mapping[str, Value]


def electrify(
    path: str | Path,
    bundle: BundleSource = None,
    url: str | None = None,
    token: Token = None,
    *,
    sync: bool = True,
) -> "Database":
    """Open a SQLite file, bring it to the bundle's schema, and keep it in sync from now on.

    Args:
        path: the file; made if it isn't there.
        bundle: a folder with a bundle.json, such a file, or its content; None: that of the app
            whose folder the program runs in, found from electric.json upward.
        url: the device stream, `ws://host:port/ws/<app>/<env>`; None: from the bundle.
        token: a JWT for the service, or a callable that returns a fresh one for each connection;
            None: from the environment variable ELECTRIC_DEVICE_TOKEN.
        sync: False to stay local for now.

    Raises:
        ProjectError: there is no bundle, or what is there is not one.
        DeviceError: the file can't be used, is another app's, or has other migrations.
    """
    opened = find_bundle(bundle)
    where = stream_url(opened, url) if sync else None
    file_path = Path(path).absolute()
    connection = file.connect(file_path)
    try:
        file.prepare(file_path, connection, opened)
    except BaseException:
        connection.close()
        raise
    news = News()
    engine = None
    if where is not None:
        engine = Engine(file_path, where, token_source(token), news, opened.names)
    return Database(file_path, connection, news, engine)


class Database:
    """An app's SQLite file. `connection` and the methods that run SQL belong to the thread that
    called `electrify`; the others may be called from any thread."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, news: News, engine: Engine | None
    ) -> None:
        self.path = path
        self.connection = connection
        self._news = news
        self._engine = engine
        self._schemas = Schemas()
        self._closed = False
        if engine is not None:
            engine.start()

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run one statement: outside `transaction()` in a transaction of its own."""
        return self.connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Sequence[Parameters]) -> sqlite3.Cursor:
        """Run one statement for each of the parameters."""
        return self.connection.executemany(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """What is written in this block is committed atomically, and replicated atomically. An
        exception rolls it back.

        Raises:
            DeviceError: `closed`.
            UsageError: `transaction-open`.
        """
        self._refuse_open_transaction()
        with file.transaction(self.connection):
            yield self
            seal(self.connection, self._schemas, now_ms())
        if self._engine is not None:
            self._engine.committed()

    def sync(self, timeout: float | None = 10) -> None:
        """Wait until all local writes are acknowledged by the hub, and all that it held at the call
        is applied here.

        Args:
            timeout: in seconds; None: as long as it takes.

        Raises:
            DeviceError: `sync-timeout`, `not-syncing`, `closed`.
            UsageError: `transaction-open`, `in-callback`.
            ServiceError: the service refuses this device, so waiting is no use.
        """
        if self._engine is None:
            raise DeviceError(
                "not-syncing",
                f"{self.path} was opened with sync=False.",
                "Open it with sync=True to sync it.",
            )
        if self._engine.is_caller():
            raise UsageError(
                "in-callback",
                "A callback called sync, which waits for what comes after the callback.",
                "Call it in another thread.",
            )
        done = self._engine.ask(self._sealed())
        try:
            done.result(timeout)
        except TimeoutError:
            done.cancel()
            raise self._too_late(timeout) from None

    @property
    def status(self) -> Status:
        """How this device is."""
        with closing(self._own_connection()) as connection:
            return read_status(connection, self._news.connection)

    def on_rejected(self, callback: Callable[[Rejected], object]) -> None:
        """Call back, in the engine's thread, when the hub has refused a local transaction."""
        self._news.on_rejected.add(callback)

    def on_migration(self, callback: Callable[[Migrated], object]) -> None:
        """Call back, in the engine's thread, when migrations came from the hub."""
        self._news.on_migration.add(callback)

    def on_status(self, callback: Callable[[Status], object]) -> None:
        """Call back, in the engine's thread, when the status has changed."""
        self._news.on_status.add(callback)

    def close(self) -> None:
        """Stop syncing, and close the connection. What is not sent yet stays in the file."""
        if self._engine is not None:
            self._engine.stop()
        if not self._closed:
            self._closed = True
            self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _own_connection(self) -> sqlite3.Connection:
        """A connection for this thread alone."""
        self._refuse_closed()
        return file.connect(self.path, engine=True)

    def _sealed(self) -> int:
        """Seal what was committed; gives the number of the last sealed transaction."""
        self._refuse_open_transaction()
        with file.explained(self.path), closing(self._own_connection()) as connection:
            return seal_committed(connection, Schemas(), now_ms())

    def _refuse_closed(self) -> None:
        if self._closed:
            raise DeviceError("closed", f"{self.path} was closed.", "Open it again.")

    def _refuse_open_transaction(self) -> None:
        self._refuse_closed()
        if self.connection.in_transaction:
            raise UsageError(
                "transaction-open",
                f"A transaction is open on the connection to {self.path}.",
                "Commit it first, or roll it back. (Transactions don't nest.)",
            )

    def _too_late(self, timeout: float | None) -> DeviceError:
        status = self.status
        error = status.last_error
        why = f" {error.problem}" if error is not None and not status.connected else ""
        return DeviceError(
            "sync-timeout",
            f"Not in sync after {timeout:g} s; {status.pending} local transactions wait.{why}",
            (error.remedy if error is not None else "") or "What was written is safe: try later.",
        )
