"""Many devices of an app in one test, and a network between them that can be taken away.

    with Together("migrations") as together:
        phone, laptop = together.device("phone"), together.device("laptop")
        together.disconnect(phone)
        phone.execute("UPDATE notes SET body = 'written offline'")
        laptop.execute("UPDATE notes SET stars = 5")
        together.connect(phone)
        together.settle()
        assert phone.execute("SELECT …").fetchall() == laptop.execute("SELECT …").fetchall()

All but the network is real: the service, its Postgres, the devices' files. It takes a few seconds
to start, so tests do well to share one.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from electricsql.cli.api import Api
from electricsql.cli.outputs import deployed_bundle
from electricsql.device import Database, electrify
from electricsql.limits import TOKEN_TTL_S
from electricsql.migrations import Bundle, read_folder
from electricsql.service import Settings
from electricsql.service.auth import Keys
from electricsql.service.server import Running, serving

_ENV: Final = "test"
_CHUNK_BYTES: Final = 64 << 10
T = TypeVar("T")


class Together:
    """A service for the app with these migrations, for as long as the context lasts.

    Args:
        migrations: the folder with the app's migrations.
        database_url: a Postgres to use; by default one of its own.
    """

    def __init__(self, migrations: str | Path, database_url: str | None = None) -> None:
        self._migrations = Path(migrations)
        self._database_url = database_url
        self._app = f"app-{secrets.token_hex(4)}"
        self._stack = ExitStack()
        self._lines: dict[Database, _Line] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="electric-")))
            settings = Settings(
                port=0, database_url=self._database_url, data_dir=self._folder / "service"
            )
            self._service = stack.enter_context(_Service(settings))
            api = Api(self._service.running.url, Keys.open(settings.data_dir).admin)
            environment = api.environment(self._app, _ENV)
            environment.create()
            environment.apply(read_folder(self._migrations))
            self._bundle: Bundle = deployed_bundle(environment)
            self.database_url: str = environment.database_url()
            """The environment's Postgres, for what the app's server side does."""
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def device(self, name: str) -> Database:
        """Open a device, connected; its file is kept until the context ends."""
        line = self._service.call(self._service.line())
        token = self._service.running.auth.issue_token(
            name, ttl_s=TOKEN_TTL_S, now_s=int(time.time()), claims={}
        )
        url = f"ws://127.0.0.1:{line.port}/ws/{self._app}/{_ENV}"
        database = electrify(self._folder / f"{name}.db", self._bundle, url, token)
        self._stack.enter_context(closing(database))
        self._lines[database] = line
        return database

    def disconnect(self, device: Database) -> None:
        """Take the network away from a device."""
        self._service.call(self._lines[device].cut())

    def connect(self, device: Database) -> None:
        """Give it back."""
        self._lines[device].is_open = True

    def settle(self, timeout: float = 30) -> None:
        """Until all devices that are connected have what each of them, and Postgres, had.

        Raises:
            DeviceError: `sync-timeout`.
        """
        connected = [device for device, line in self._lines.items() if line.is_open]
        for device in (*connected, *connected):
            device.sync(timeout)


class _Service:
    """A service and the lines to it, on an event loop in a thread of its own."""

    running: Running

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started: Future[Running] = Future()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.running = self._started.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done in the thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def line(self) -> "_Line":
        return await _Line.open(self.running.url)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            async with serving(self._settings) as running:
                self._started.set_result(running)
                await self._ended.wait()
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)


class _Line:
    """A way to the service that can be cut: a port that passes on what comes."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition("/")[2].rpartition(":")
        self._target = (host, int(port))
        self._ends: set[asyncio.StreamWriter] = set()
        self.is_open = True
        self.port = 0

    @classmethod
    async def open(cls, target: str) -> Self:
        line = cls(target)
        server = await asyncio.start_server(line._accept, "127.0.0.1", 0)
        line.port = server.sockets[0].getsockname()[1]
        return line

    async def cut(self) -> None:
        """Break what is connected, and let nothing through from now on."""
        self.is_open = False
        for end in self._ends:
            end.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._target)
        ends = {writer, back}
        self._ends |= ends
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.close()
