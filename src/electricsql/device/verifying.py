"""Seeing whether a file is as its hub says it should be, and mending it where it isn't.

Both are the engine's work (`comparing.py`; and what has to be mended comes as a whole delta, which
keeps what is unsent). Here they are asked for, from outside the app.
"""

import time
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from electricsql.device.comparing import Comparison
from electricsql.device.database import electrify
from electricsql.device.engine import Engine
from electricsql.device.file import connect, explained
from electricsql.device.link import now_ms
from electricsql.device.news import News
from electricsql.device.opening import Token, stream_url, token_source
from electricsql.device.replica import seal_committed
from electricsql.device.schemas import Schemas
from electricsql.limits import HANDSHAKE_MS_MAX
from electricsql.migrations import Bundle

_LOOK_S: Final = 0.2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verified:
    """How the file differed, and how it does after it was mended, if it had to be."""

    found: Comparison
    left: Comparison | None = None

    @property
    def is_sound(self) -> bool:
        """Whether the file is now as it should be."""
        return not (self.left or self.found).differences


def verify(path: Path, bundle: Bundle, url: str | None, token: Token, *, repair: bool) -> Verified:
    """Bring a file up to date, and compare it with the hub row by row; with `repair`, mend it.

    Raises:
        DeviceError: `synced-elsewhere`, and what `electrify` raises.
        ServiceError: the service can't be reached, or refuses the device.
    """
    with electrify(path, bundle, url, token, sync=False) as database:
        path = database.path
    with explained(path), closing(connect(path, engine=True)) as connection:
        number = seal_committed(connection, Schemas(), now_ms())
    news = News()
    engine = Engine(path, stream_url(bundle, url), token_source(token), news, bundle.names)
    engine.start()
    try:
        _wait(engine.ask(number), news)
        found = _wait(engine.compare(), news)
        if not (repair and found.differences):
            return Verified(found)
        engine.take_all()
        _wait(engine.ask(number), news)
        return Verified(found, _wait(engine.compare(), news))
    finally:
        engine.stop()


def _wait(future: Future[T], news: News) -> T:
    """What is waited for, as long as there is a connection, or hope for one.

    Raises:
        ElectricError: what keeps the file from being synced.
    """
    connected_at = time.monotonic()
    while True:
        try:
            return future.result(_LOOK_S)
        except TimeoutError:
            error = news.connection.last_error
        if news.connection.connected or error is None:
            connected_at = time.monotonic()
        elif (
            error.code == "synced-elsewhere"
            or (time.monotonic() - connected_at) * 1000 > HANDSHAKE_MS_MAX
        ):
            future.cancel()
            raise error
