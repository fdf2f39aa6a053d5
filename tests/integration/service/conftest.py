"""A real service on a real Postgres; each test has an environment of its own."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from electricsql.service import Settings, admin_key_for
from electricsql.service.server import Running, serving
from tests.integration.service.strangers import Caller

_numbers = itertools.count(1)
FIRST = "20221116162335423_notes"
SECOND = "20221117000000000_extra"
CREATE = "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);\n"
ALTER = "ALTER TABLE notes ADD COLUMN extra INTEGER DEFAULT 7;\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def service(
    cluster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """A service that answers on a free port."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = Settings(port=0, database_url=cluster_url, data_dir=tmp_path / "data")
    async with serving(settings) as running:
        yield running


@pytest.fixture
async def admin(service: Running) -> Caller:
    """Somebody who has the admin key, as the command line finds it."""
    key = await asyncio.to_thread(admin_key_for, service.url)
    assert key
    return Caller(service.url, key)


def migration(name: str = FIRST, source: str = CREATE) -> dict[str, str]:
    """A migration as the command line uploads it."""
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    return {"name": name, "title": name.partition("_")[2], "sha256": sha256, "source": source}


@dataclass(frozen=True)
class Deployed:
    """An environment with the first migration."""

    admin: Caller
    app: str
    env: str

    @property
    def path(self) -> str:
        return f"/api/v1/environments/{self.app}/{self.env}"

    async def migrate(self, *migrations: dict[str, str]) -> tuple[int, Any]:
        """Apply migrations after the first."""
        body = {"migrations": [migration(), *migrations]}
        return await self.admin.call("POST", f"{self.path}/migrations", body)

    async def token(self, **more: object) -> str:
        """A device's token."""
        body = {"sub": "ann", "app": self.app, "env": self.env, **more}
        answer: dict[str, str] = await self.admin.post("/api/v1/tokens", body)
        return answer["token"]


@pytest.fixture
async def deployed(admin: Caller) -> Deployed:
    """An environment of this test's own."""
    found = Deployed(admin, "notes", f"e{next(_numbers)}")
    await admin.post("/api/v1/environments", {"app": found.app, "env": found.env})
    status, _ = await found.migrate()
    assert status == 200
    return found
