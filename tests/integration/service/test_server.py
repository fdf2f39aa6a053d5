"""Starting, stopping, and what stands in the way of it."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from electricsql.errors import PostgresError, ServiceError
from electricsql.hub import Cluster
from electricsql.service import Settings, admin_key_for, state_file
from electricsql.service.server import Running, serving
from tests.integration.service.conftest import FIRST, Deployed, migration
from tests.integration.service.strangers import Caller, device

pytestmark = pytest.mark.anyio
PROGRAM = """
import sys
from pathlib import Path
from electricsql.hub import Cluster
from electricsql.service import Settings
from electricsql.service.server import run
run(Settings(port=0, data_dir=Path(sys.argv[1])), lambda running: print(running.url, flush=True))
"""


async def test_a_port_that_is_taken_is_told(cluster_url: str, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = Settings(port=port, database_url=cluster_url, data_dir=tmp_path)
        with pytest.raises(ServiceError, match="--port") as caught:
            async with serving(settings):
                pass
    assert caught.value.code == "port-taken"
    assert str(port) in caught.value.problem


async def test_a_postgres_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = Settings(
        port=0, database_url="postgresql://nobody:secret@127.0.0.1:1/x", data_dir=tmp_path
    )
    with pytest.raises(PostgresError) as caught:
        async with serving(settings):
            pass
    assert "secret" not in str(caught.value)


async def test_the_note_is_there_while_the_service_runs(
    cluster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = Settings(port=0, database_url=cluster_url, data_dir=tmp_path / "data")
    async with serving(settings) as running:
        assert json.loads(state_file().read_text()) == {running.url: str(tmp_path / "data")}
        assert stat.S_IMODE(state_file().stat().st_mode) == 0o600
        assert admin_key_for(running.url)
    assert admin_key_for(running.url) is None


async def test_the_note_is_there_before_anybody_is_answered(
    cluster_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port takes connections while Postgres starts: who asks then has to find the key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    noted: list[str] = []
    open_cluster = Cluster.open

    async def open_later(url: str) -> Cluster:
        noted.extend(json.loads(state_file().read_text()))
        return await open_cluster(url)

    monkeypatch.setattr(Cluster, "open", open_later)
    settings = Settings(port=0, database_url=cluster_url, data_dir=tmp_path / "data")
    async with serving(settings) as running:
        assert noted == [running.url]


async def test_stopping_drains(service: Running, deployed: Deployed) -> None:
    """The fixture's end would do; here a device watches it."""
    path = f"{deployed.app}/{deployed.env}"
    settings = Settings(port=0, database_url=service.database_url, data_dir=_data_dir(service))
    other = serving(settings)
    running = await other.__aenter__()
    token = await deployed.token()
    async with device(running.url, path, token=token) as player:
        player.schema_version = FIRST
        await player.hello()
        await player.hear_delta()
        await player.write(a="x")
        await player.hear_acknowledgement()
        stopping = asyncio.create_task(other.__aexit__(None, None, None))
        assert (await player.hear_bye()).code == "draining"
        await stopping
    with pytest.raises(ConnectionRefusedError):
        await Caller(running.url, None).get("/healthz")


def _data_dir(service: Running) -> Path:
    return Path(json.loads(state_file().read_text())[service.url])


async def test_as_a_process_with_its_own_postgres(tmp_path: Path) -> None:
    """From nothing to a migrated environment, SIGTERM, and the data is there at the next start."""
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    data_dir = tmp_path / "data"
    for turn in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                url = (await asyncio.to_thread(process.stdout.readline)).strip()
                caller = Caller(url, (data_dir / "admin.key").read_text())
                await caller.post("/api/v1/environments", {"app": "notes", "env": "live"})
                path = "/api/v1/environments/notes/live/migrations"
                assert len(await caller.get(path)) == turn
                await caller.post(path, {"migrations": [migration()]})
                assert await caller.get("/readyz") == {"status": "ok"}
            finally:
                process.send_signal(signal.SIGTERM)
                _, log = await asyncio.to_thread(process.communicate, None, 30)
        assert process.returncode == 0, log
        events = [json.loads(line)["event"] for line in log.splitlines()]
        assert events[-3:] == ["ready", "draining", "stopped"]
        assert str(caller.secret) not in log
    assert not (data_dir / "postgres" / "cluster" / "postmaster.pid").exists()


async def test_an_embedded_postgres_that_is_killed_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with serving(Settings(port=0, data_dir=tmp_path / "data")) as running:
        caller = Caller(running.url, None)
        pid_file = tmp_path / "data" / "postgres" / "cluster" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        statuses: list[int] = []
        async with asyncio.timeout(60):
            while len(statuses) < 2 or statuses[-1] != 200 or 503 not in statuses:
                statuses.append((await caller.call("GET", "/readyz"))[0])
                await asyncio.sleep(0.02)
    assert set(statuses) <= {200, 503}
