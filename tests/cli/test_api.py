"""What is said when something else than a healthy service answers."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Typist, started


@pytest.fixture(
    params=[
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    ]
)
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of something that is no service of ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(request.param)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_stranger_is_told_from_a_service(notes: Typist, stranger: str) -> None:
    notes.well("config", "update", "--service", stranger)
    message = notes.fails("status", code="not-a-service")
    assert stranger in message
    assert "update_env" in message


def test_a_service_that_hangs_up_is_named(notes: Typist) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        notes.well("config", "update", "--service", address)

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert address in notes.fails("status", code="service-unreachable")
        thread.join()


def test_a_host_that_is_not_there_is_named(notes: Typist) -> None:
    notes.well("config", "update", "--service", "http://nowhere.invalid")
    assert "nowhere.invalid" in notes.fails("sync", code="service-unreachable")


def test_a_postgres_that_went_down_under_the_service_is_named(
    electric: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = electric.folder.parent / "data"
    with started("--port", "0", "--data-dir", str(data)) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3].rstrip(",")
        electric.well("init", "notes", "--service", url)
        electric.migration("items")
        electric.well("sync")
        running = data / "postgres/cluster/postmaster.pid"
        os.kill(int(running.read_text().split("\n", 1)[0]), signal.SIGINT)
        while running.exists():
            time.sleep(0.01)
        message = electric.fails("sync", code="postgres-unavailable")
        assert "can't be reached" in message
