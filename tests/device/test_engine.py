"""The engine's thread: what it survives, and what those hear who wait for it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from electricsql import DeviceError, ServiceError, Status, UsageError, electrify
from electricsql.device import engine
from electricsql.device.engine import Engine
from electricsql.device.news import News
from electricsql.device.replica import Replica
from electricsql.limits import (
    RECONNECT_HOPELESS_MS_MAX,
    RECONNECT_MS_MAX,
    RECONNECT_MS_MIN,
)
from tests.device.files import NOTES, bundle, plain

NOWHERE = "ws://127.0.0.1:1/ws/shop/default"
PATIENCE_S = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is prepared."""
    electrify(tmp_path / "a.db", bundle(NOTES), sync=False).close()
    return tmp_path / "a.db"


def reason(done: Future[None]) -> str:
    error = done.exception(PATIENCE_S)
    assert isinstance(error, DeviceError)
    return error.code


def until(holds: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if holds():
            return
        turn.wait(0.01)
    raise AssertionError("it did not come")


def test_who_waits_when_the_engine_stops_is_told(path: Path) -> None:
    engine = Engine(path, NOWHERE, lambda: "", News())
    engine.start()
    waiting = [engine.ask(1) for _ in range(3)]
    engine.stop()
    assert {reason(done) for done in waiting} == {"closed"}


def test_who_asks_an_engine_that_has_stopped_is_told(path: Path) -> None:
    engine = Engine(path, NOWHERE, lambda: "", News())
    engine.start()
    engine.stop()
    engine.committed()
    assert reason(engine.ask(1)) == "closed"


def test_nobody_who_asks_while_the_engine_stops_is_forgotten(path: Path) -> None:
    engine = Engine(path, NOWHERE, lambda: "", News())
    engine.start()
    asked: list[Future[None]] = []
    stopping = threading.Thread(target=engine.stop)
    asked.append(engine.ask(1))
    stopping.start()
    while stopping.is_alive():
        asked.append(engine.ask(1))
    assert {reason(done) for done in asked} == {"closed"}


def test_an_app_can_not_wait_in_a_callback_for_what_comes_after_it(path: Path) -> None:
    codes: list[str] = []
    registered, called = threading.Event(), threading.Event()

    def token() -> str:
        registered.wait(PATIENCE_S)
        return ""

    def wait(_: Status) -> None:
        with pytest.raises(UsageError) as raised:
            database.sync(PATIENCE_S)
        codes.append(raised.value.code)
        called.set()

    with electrify(path, bundle(NOTES), NOWHERE, token) as database:
        database.on_status(wait)
        registered.set()
        assert called.wait(PATIENCE_S)
    assert set(codes) == {"in-callback"}


def fail_at_first(patch: pytest.MonkeyPatch, method: str) -> None:
    """Make a method of the replica fail the first times that it is called."""
    works = getattr(Replica, method)
    failures = iter([sqlite3.OperationalError("something odd"), DeviceError("busy", "It is busy.")])

    def fail_first(*arguments: object) -> object:
        if failure := next(failures, None):
            raise failure
        return works(*arguments)

    patch.setattr(Replica, method, fail_first)
    patch.setattr(engine, "_TURN_S", 0.01)


@pytest.mark.parametrize("method", ["__init__", "has_changed", "seal"])
def test_sealing_goes_on_after_the_file_could_not_be_used(
    path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    fail_at_first(monkeypatch, method)
    with electrify(path, bundle(NOTES), NOWHERE) as database, closing(plain(path)) as program:
        program.execute("INSERT INTO notes (id) VALUES ('a')")
        sealed = "SELECT count(*) FROM _electric_transactions"
        until(lambda: database.execute(sealed).fetchone() == (1,))


def test_syncing_goes_on_after_the_status_could_not_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at_first(monkeypatch, "status")
    connections, registered = threading.Semaphore(0), threading.Event()

    def token() -> str:
        registered.wait(PATIENCE_S)
        connections.release()
        return ""

    with electrify(path, bundle(NOTES), NOWHERE, token) as database:
        database.on_status(print)
        registered.set()
        for _ in range(3):
            assert connections.acquire(timeout=PATIENCE_S)


def test_a_token_that_can_not_be_had_is_said_and_tried_again(path: Path) -> None:
    calls = threading.Semaphore(0)

    def token() -> str:
        calls.release()
        raise RuntimeError("no network for a token")

    with electrify(path, bundle(NOTES), NOWHERE, token) as database:
        assert calls.acquire(timeout=PATIENCE_S)
        assert calls.acquire(timeout=PATIENCE_S)
        until(lambda: "no network for a token" in str(database.status.last_error))


@pytest.mark.parametrize(
    ("error", "longest_ms"),
    [
        (ServiceError("service-unreachable", "It is not there."), RECONNECT_MS_MAX),
        (ServiceError("silent", "It does not answer."), RECONNECT_MS_MAX),
        (ServiceError("unavailable", "It has no Postgres."), RECONNECT_MS_MAX),
        (ServiceError("unauthorized", "Who is it?"), RECONNECT_HOPELESS_MS_MAX),
        (ServiceError("protocol", "What?", definite=True), RECONNECT_HOPELESS_MS_MAX),
    ],
)
def test_pauses_grow_to_what_their_reason_allows(
    path: Path, error: ServiceError, longest_ms: int
) -> None:
    class Nudged(asyncio.Event):
        async def wait(self) -> Literal[True]:
            return True

    trying = Engine(path, NOWHERE, lambda: "", News())
    trying._nudged = Nudged()
    delays = []
    for _ in range(20):
        asyncio.run(trying._pause(error))
        delays.append(trying._delay_ms)
    assert delays[:2] == [2 * RECONNECT_MS_MIN, 4 * RECONNECT_MS_MIN]
    assert delays[-1] == longest_ms
