"""Apps test themselves with many devices and a network that goes away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from electricsql import Database
from electricsql.errors import DeviceError
from electricsql.testing import Together

NOTES = (
    '-- @allow device-local-key reason="the tests give them"\n'
    "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, body TEXT, stars INTEGER);\n"
)


@pytest.fixture(scope="module")
def together(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "20240101000000000_notes").mkdir()
    (folder / "20240101000000000_notes" / "migration.sql").write_text(NOTES)
    with Together(folder, cluster_url) as together:
        yield together


def rows(device: Database) -> list[tuple[object, ...]]:
    return device.execute("SELECT * FROM notes ORDER BY id").fetchall()


def test_devices_that_were_apart_agree_when_they_are_together(together: Together) -> None:
    phone, laptop = together.device("phone"), together.device("laptop")
    phone.execute("INSERT INTO notes VALUES (1, 'a', 0)")
    together.settle()
    together.disconnect(phone)
    phone.execute("UPDATE notes SET body = 'offline'")
    laptop.execute("UPDATE notes SET stars = 5")
    together.settle()
    assert (rows(phone), rows(laptop)) == ([(1, "offline", 0)], [(1, "a", 5)])
    with pytest.raises(DeviceError) as apart:
        phone.sync(timeout=0.5)
    assert apart.value.code == "sync-timeout"
    together.connect(phone)
    together.settle()
    assert rows(phone) == rows(laptop) == [(1, "offline", 5)]


def test_the_servers_side_writes_in_postgres(together: Together) -> None:
    tablet = together.device("tablet")

    async def write() -> None:
        connection = await asyncpg.connect(together.database_url)
        try:
            await connection.execute("INSERT INTO notes VALUES (7, 'from a job', 1)")
        finally:
            await connection.close()

    asyncio.run(write())
    together.settle()
    assert (7, "from a job", 1) in rows(tablet)


def test_migrations_that_can_not_be_applied_end_it_at_once(
    cluster_url: str, tmp_path: Path
) -> None:
    (tmp_path / "20240101000000000_x").mkdir()
    (tmp_path / "20240101000000000_x" / "migration.sql").write_text("CREATE TABEL x (y);")
    with pytest.raises(Exception, match="TABEL") as refused, Together(tmp_path, cluster_url):
        pass
    assert getattr(refused.value, "code", None) == "sql-error"
