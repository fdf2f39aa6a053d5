"""SIGKILL, in the middle of work: of a device, of the service, of Postgres.

Whatever is killed and started again, all ends equal, nothing that was committed anywhere is lost,
nothing happens twice, and nobody ever sees half a transaction.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from electricsql.embedded import EmbeddedPostgres
from tests.integration.whole.processes import App, Service, make_app
from tests.integration.whole.workload import Workload

WRITERS = 3
KILLS = [3, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
TRANSACTIONS = 20
"""How many each writer makes between two kills, at least."""


@pytest.mark.parametrize("kills", KILLS)
def test_devices_may_be_killed(app: App, tmp_path: Path, kills: int) -> None:
    with Workload(app, tmp_path, WRITERS) as workload:
        for turn in range(kills):
            workload.make_progress(TRANSACTIONS)
            victim = workload.writers[turn % WRITERS]
            victim.kill()
            assert victim.last() >= victim.committed
            victim.start()
        workload.end()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A service on a Postgres of its own."""
    yield from _started(Service(_folder(tmp_path)))


@pytest.mark.parametrize("kills", KILLS)
def test_the_service_may_be_killed(own_service: Service, tmp_path: Path, kills: int) -> None:
    app = make_app(tmp_path / "app", own_service, "killed")
    with Workload(app, tmp_path, WRITERS) as workload:
        for _ in range(kills):
            workload.make_progress(TRANSACTIONS)
            own_service.kill()
            own_service.start()
        workload.end()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A Postgres for one test. A process that is killed loses nothing that it gave the kernel, so
    it need not wait for the disk."""
    with EmbeddedPostgres(tmp_path / "postgres", settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture
def service_on_postgres(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Service]:
    """A service on it."""
    yield from _started(Service(_folder(tmp_path), postgres.url))


@pytest.mark.parametrize("kills", KILLS)
def test_postgres_may_be_killed(
    postgres: EmbeddedPostgres, service_on_postgres: Service, tmp_path: Path, kills: int
) -> None:
    app = make_app(tmp_path / "app", service_on_postgres, "killed")
    with Workload(app, tmp_path, WRITERS) as workload:
        for _ in range(kills):
            workload.make_progress(TRANSACTIONS)
            kill(postgres)
            postgres.start()
        workload.end()


def kill(postgres: EmbeddedPostgres) -> None:
    """SIGKILL, and wait until it is gone."""
    pid = postgres.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while postgres.pid == pid:
        time.sleep(0.01)


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    folder.mkdir()
    return folder


def _started(service: Service) -> Iterator[Service]:
    service.start()
    yield service
    service.stop()
