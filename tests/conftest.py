"""Fixtures that several rooms' tests use: a Postgres per worker, a fresh database per test.

`database` is the URL of an empty database on the embedded Postgres; `any_database` the same on each
Postgres that is installed here (the embedded one, and Debian's if it is there), `database_15` on
the oldest that we promise to have tried everything on. The servers start when the first test asks
for them, run without fsync, and end with the worker.
"""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from electricsql.embedded import EmbeddedPostgres, find_binaries

settings.register_profile("patient", deadline=None)  # no test depends on being fast
settings.load_profile("patient")

SETTINGS = {"fsync": "off", "max_connections": "500", "log_min_messages": "fatal"}
INSTALLED = {
    "embedded": find_binaries(),
    **{
        folder.parent.name: folder
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if (folder / "initdb").exists()
    },
}
_numbers = itertools.count(1)


class Postgreses:
    """The servers of one worker, started as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, EmbeddedPostgres] = {}

    def url(self, version: str) -> str:
        if version not in self._running:
            server = EmbeddedPostgres(
                self._folder / version, settings=SETTINGS, binaries=INSTALLED[version]
            )
            server.start()
            self._running[version] = server
        return self._running[version].url

    def stop(self) -> None:
        for server in self._running.values():
            server.stop()


@pytest.fixture(scope="session")
def postgreses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgreses]:
    servers = Postgreses(tmp_path_factory.mktemp("postgres"))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def cluster_url(postgreses: Postgreses) -> str:
    """The URL of the embedded Postgres itself, as its superuser."""
    return postgreses.url("embedded")


@pytest.fixture
def database(postgreses: Postgreses) -> Iterator[str]:
    """The URL of a database of this test's own."""
    yield from _fresh_database(postgreses.url("embedded"))


@pytest.fixture(params=sorted(INSTALLED))
def any_database(request: pytest.FixtureRequest, postgreses: Postgreses) -> Iterator[str]:
    """The same, on each Postgres there is."""
    yield from _fresh_database(postgreses.url(request.param))


@pytest.fixture
def database_15(postgreses: Postgreses) -> Iterator[str]:
    """The same on Postgres 15."""
    if "15" not in INSTALLED:
        pytest.skip("no Postgres 15 in /usr/lib/postgresql/15: apt-get install postgresql-15")
    yield from _fresh_database(postgreses.url("15"))


def _fresh_database(cluster_url: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    asyncio.run(_execute(cluster_url, f"CREATE DATABASE {name}", copied=True))
    yield cluster_url.rpartition("/")[0] + f"/{name}"
    asyncio.run(_execute(cluster_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, sql: str, *, copied: bool = False) -> None:
    connection = await asyncpg.connect(url)
    try:
        if copied and connection.get_server_version().major >= 15:
            sql += " STRATEGY FILE_COPY"  # without fsync a quarter of the work of logging all pages
        await connection.execute(sql)
    finally:
        await connection.close()
