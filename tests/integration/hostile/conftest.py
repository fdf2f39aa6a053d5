"""One service process for each worker, an environment for each test; nobody leaves a traceback."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.hostile.stage import Target
from tests.integration.whole.processes import Service

_numbers = itertools.count(1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def besieged(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that runs."""
    service = Service(tmp_path_factory.mktemp("besieged"), cluster_url)
    service.start()
    yield service
    service.stop()


@pytest.fixture
async def target(besieged: Service) -> AsyncIterator[Target]:
    """An environment of this test's own. The service lives through it, and tells no secret."""
    target = await Target.make(besieged, f"h{next(_numbers)}")
    target.new_log()
    yield target
    assert besieged.process is not None
    assert besieged.process.poll() is None, "the service is gone"
    log = target.new_log()
    assert "Traceback" not in log, log
    assert str(target.admin.secret) not in log
