"""`start`: a service in the foreground, and why it may not come up."""

import http.client
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import ELECTRIC, Typist, started


def fails(*options: str) -> str:
    """The message of a start that has to fail."""
    command = [str(ELECTRIC), "start", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def data_dir(electric: Typist) -> str:
    return str(electric.folder / "data")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_looks_after_its_own_postgres_until_it_is_ended(
    data_dir: str, number: signal.Signals
) -> None:
    with started("--port", "0", "--data-dir", data_dir) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "a Postgres of its own" in line
        host, _, port = line.split()[3].rstrip(",").removeprefix("http://").partition(":")
        assert host == "127.0.0.1"
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(number)
        assert process.wait(60) == 0
    assert not (Path(data_dir) / "postgres/cluster/postmaster.pid").exists()


def test_a_port_that_is_taken_is_named(data_dir: str, cluster_url: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        options = ("--port", port, "--data-dir", data_dir, "--database-url", cluster_url)
        message = fails(*options)
    assert f"port {port}: Address already in use" in message
    assert "--port" in message
    assert message.endswith("[port-taken]\n")


def test_a_postgres_that_is_down_is_named_without_its_password(data_dir: str) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/postgres"
    message = fails("--port", "0", "--data-dir", data_dir, "--database-url", url)
    assert "me@127.0.0.1:1/postgres can't be reached" in message
    assert "secret" not in message
    assert message.endswith("[postgres-unavailable]\n")


def test_a_folder_that_can_not_be_used_is_named(electric: Typist) -> None:
    (electric.folder / "file").write_text("")
    folder = str(electric.folder / "file" / "data")
    message = fails("--port", "0", "--data-dir", folder)
    assert folder in message
    assert message.endswith("[data-dir]\n")


def test_two_services_never_share_a_data_folder(data_dir: str) -> None:
    with started("--port", "0", "--data-dir", data_dir) as process:
        assert process.stdout is not None
        process.stdout.readline()
        message = fails("--port", "0", "--data-dir", data_dir)
    assert data_dir in message
    assert message.endswith("[data-folder-in-use]\n")


@pytest.mark.parametrize(
    "url",
    [
        *("", "sqlite://x", "127.0.0.1:5432", "postgresql://[::1/x"),
        *("postgresql://a:b:c/d", "postgresql://a:99999/d"),
    ],
)
def test_what_is_no_postgres_url_is_refused(electric: Typist, url: str) -> None:
    electric.fails("start", "--database-url", url, code="bad-database-url", status=2)
