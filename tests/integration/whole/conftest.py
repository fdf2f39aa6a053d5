"""A service process for each worker, and an app for each test."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from electricsql import Database, electrify
from tests.integration.whole.processes import App, Service, make_app

_numbers = itertools.count(1)
Open = Callable[[str], Database]


@pytest.fixture(scope="session")
def service(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that runs, on the worker's Postgres."""
    service = Service(tmp_path_factory.mktemp("service"), cluster_url)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def app(service: Service, tmp_path: Path) -> App:
    """An app of this test's own, with no migration yet."""
    return make_app(tmp_path / "app", service, f"app-{next(_numbers)}")


@pytest.fixture
def device(app: App, tmp_path: Path) -> Iterator[Open]:
    """Opens a device's file by name, online; closed after the test."""
    with ExitStack() as stack:

        def opened(name: str) -> Database:
            database = electrify(tmp_path / f"{name}.db", app.bundle, token=app.token)
            return stack.enter_context(closing(database))

        yield opened
