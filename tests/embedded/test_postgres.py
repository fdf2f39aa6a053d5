"""The embedded Postgres starts with no set-up, comes back after crashes, and leaves nothing
running."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import asyncpg
import pytest

from electricsql.embedded import EmbeddedPostgres, find_binaries
from electricsql.errors import PostgresError

FAST = {"fsync": "off"}
OWNER = """
import sys, time, pathlib
from electricsql.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), settings={"fsync": "off"})
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def ask(url: str, sql: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def test_it_starts_and_starts_again_where_it_was(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", settings=FAST) as server:
        first = server.url
        ask(server.url, "CREATE TABLE kept (x int)")
        assert server.start() == first
        pid = server.pid
    assert pid is not None and is_gone(pid)
    with EmbeddedPostgres(tmp_path / "pg", settings=FAST) as server:
        assert server.url == first
        assert ask(server.url, "SELECT count(*) FROM kept") == 0
    assert (tmp_path / "pg" / "password").stat().st_mode & 0o777 == 0o600


def test_it_comes_back_after_the_server_was_killed(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", settings=FAST)
    server.start()
    try:
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert is_gone_or_zombie(pid)
        assert server.pid is None
        server.start()
        assert ask(server.url, "SELECT 1") == 1
    finally:
        server.stop()


def test_it_waits_for_what_a_killed_server_has_left(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", settings=FAST)
    server.start()
    try:
        pid = server.pid
        assert pid is not None
        left = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        os.kill(left, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        assert is_gone_or_zombie(pid)
        threading.Timer(1, os.kill, (left, signal.SIGCONT)).start()
        server.start()
        assert ask(server.url, "SELECT 1") == 1
    finally:
        server.stop()


def is_gone_or_zombie(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or ") Z" in stat.read_text():
            return True
        time.sleep(0.05)
    return False


def test_it_dies_with_its_owner_and_can_be_started_again(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "pg")], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert is_gone(pid)
    with EmbeddedPostgres(tmp_path / "pg", settings=FAST) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_server_that_lost_its_owner_is_ended_before_a_new_one_starts(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", settings=FAST):
        pass
    orphan = EmbeddedPostgres(tmp_path / "pg", settings=FAST)
    orphan.start()
    pid = orphan.pid
    assert pid is not None
    assert orphan._lock is not None
    orphan._lock.close()  # as if its owner were gone, but its watcher did not notice
    with EmbeddedPostgres(tmp_path / "pg", settings=FAST) as server:
        assert server.pid != pid
        assert is_gone_or_zombie(pid)
        assert ask(server.url, "SELECT 1") == 1
    orphan.stop()


def test_two_owners_of_one_folder_are_one_too_many(tmp_path: Path) -> None:
    with (
        EmbeddedPostgres(tmp_path / "pg", settings=FAST),
        pytest.raises(PostgresError) as refused,
    ):
        EmbeddedPostgres(tmp_path / "pg").start()
    assert refused.value.code == "data-folder-in-use"


def test_without_a_postgres_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELECTRIC_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(PostgresError) as missing:
        find_binaries()
    assert missing.value.code == "postgres-not-found"
    assert "--database-url" in str(missing.value)


def test_a_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "nonsense"})
    with pytest.raises(PostgresError) as failed:
        server.start()
    assert failed.value.code == "postgres-start-failed"
    assert "shared_buffers" in failed.value.problem
