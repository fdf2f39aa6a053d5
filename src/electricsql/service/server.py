"""The service as a process: `electric start` calls `run`, tests use `serving`.

In order of start: data folder and keys, the port, the note for the command line (which may ask as
soon as somebody listens, and waits for the answer), Postgres (its own if no URL is given), the
cluster. Stopping goes the other way: no new connections, every device is told, merges under way
finish, Postgres stops last.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
import uvicorn
import uvloop

from electricsql.embedded import EmbeddedPostgres
from electricsql.errors import PostgresError, ServiceError
from electricsql.hub import Cluster
from electricsql.limits import (
    DRAIN_MS_MAX,
    UNSENT_PIECES_BYTES,
    UNTAKEN_MS_MAX,
    UP_FRAME_BYTES_MAX,
)
from electricsql.service.app import application
from electricsql.service.auth import Auth, Keys
from electricsql.service.discovery import forget_service, note_service
from electricsql.service.environments import Environments
from electricsql.service.http import Service
from electricsql.service.logs import configure_logs
from electricsql.service.settings import Settings
from electricsql.service.transport import HttpConnection, WebSocketConnection, connections_max

_BACKLOG: Final = 2048
_WATCH_S: Final = 1.0
_log = structlog.get_logger("electric.service")


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers: its address, where Postgres is, and its authority to issue tokens."""

    url: str
    database_url: str
    auth: Auth


def run(settings: Settings, ready: Callable[[Running], None] | None = None) -> None:
    """Run a service until SIGTERM or SIGINT; `ready` is called when it answers.

    Raises:
        ServiceError: `port-taken`, or the data folder can't be used.
        PostgresError: Postgres can't be found, started or reached.
    """
    configure_logs()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, ready))


async def _run(settings: Settings, ready: Callable[[Running], None] | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with serving(settings) as running:
        _log.info("ready", url=running.url, embedded_postgres=settings.database_url is None)
        if ready is not None:
            ready(running)
        await stopping.wait()
        _log.info("draining")
    _log.info("stopped")


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """A service on the running loop, drained and stopped at the end.

    Raises:
        ServiceError: `port-taken`, or the data folder can't be used.
        PostgresError: Postgres can't be found, started or reached.
    """
    auth = Auth(Keys.open(settings.data_dir))
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(_listener(settings))
        url = settings.url(listener.getsockname()[1])
        note_service(url, settings.data_dir)
        stack.callback(forget_service, url)
        database_url = settings.database_url
        if database_url is None:
            database_url = await stack.enter_async_context(_own_postgres(settings))
        cluster = await Cluster.open(database_url)
        stack.push_async_callback(cluster.close)
        environments = Environments(cluster)
        service = Service(cluster, environments, auth)
        await stack.enter_async_context(_answering(service, listener))
        yield Running(url, database_url, auth)


@contextlib.contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """The listening socket.

    Raises:
        ServiceError: `port-taken`, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # A peer that takes nothing any more would keep our buffers for ever.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS_MAX)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # Else megabytes would wait in the kernel for each device that reads slowly.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_PIECES_BYTES)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise ServiceError(
                "port-taken",
                f"Can't listen on {settings.host} port {settings.port}: {error.strerror}.",
                "Stop what listens there, or give another port with --port.",
                definite=True,
            ) from None
        yield listener


@contextlib.asynccontextmanager
async def _own_postgres(settings: Settings) -> AsyncIterator[str]:
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    url = await asyncio.to_thread(postgres.start)
    stopping = asyncio.Event()
    watch = asyncio.create_task(_keep_running(postgres, stopping))
    try:
        yield url
    finally:
        stopping.set()
        await watch
        await asyncio.to_thread(postgres.stop)


async def _keep_running(postgres: EmbeddedPostgres, stopping: asyncio.Event) -> None:
    """Start it again, on the same port, whenever it is gone."""
    while not stopping.is_set():
        if postgres.pid is None:
            _log.warning("the embedded Postgres is gone, and started again")
            try:
                await asyncio.to_thread(postgres.start)
            except PostgresError as error:
                _log.error("the embedded Postgres can't be started", problem=error.problem)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _WATCH_S)


@contextlib.asynccontextmanager
async def _answering(service: Service, listener: socket.socket) -> AsyncIterator[None]:
    """Answer on the socket; at the end drain."""
    config = uvicorn.Config(
        application(service),
        loop="none",
        lifespan="off",
        http=HttpConnection,
        ws=WebSocketConnection,
        ws_max_size=UP_FRAME_BYTES_MAX,
        ws_ping_interval=None,  # the protocol has heartbeats of its own
        ws_per_message_deflate=False,
        log_config=None,
        log_level="error",  # it would log addresses, with the tokens in them
        access_log=False,
        server_header=False,
        limit_concurrency=connections_max(),
        timeout_graceful_shutdown=DRAIN_MS_MAX // 1000,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.001)
        yield
    finally:
        await service.environments.drain()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
