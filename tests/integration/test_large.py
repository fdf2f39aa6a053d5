"""What is too large for others is refused where it is written, and nobody is stuck because of it.

The limits are small here, but for the last test.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from electricsql import Database
from electricsql.errors import ServiceError
from electricsql.limits import PART_BYTES, ROW_BYTES_MAX
from electricsql.testing import Together

NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body BLOB, more TEXT)"
CHECK = "electric_row_at_most_32_MiB"
ROW, TRANSACTION = 10_000, 100_000
LIMITS = {
    "schema.postgres.ROW_BYTES_MAX": ROW,
    "migrations.weighing.ROW_BYTES_MAX": ROW,
    "migrations.weighing.WEIGHED_BYTES": 1 << 10,
    "migrations.weighing.WRITTEN_BYTES_MAX": TRANSACTION,
    "hub.reading._LARGE_CHARACTERS": ROW,
    "hub.reading.FRAME_BYTES_MAX": PART_BYTES + 2 * ROW,
    "device.engine.RECONNECT_HOPELESS_MS_MAX": 500,
}


def migrations(folder: Path) -> Path:
    (folder / "20240101000000000_notes").mkdir()
    (folder / "20240101000000000_notes" / "migration.sql").write_text(NOTES)
    return folder


@pytest.fixture(scope="module")
def together(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LIMITS.items():
            patch.setattr(f"electricsql.{name}", value)
        with Together(migrations(tmp_path_factory.mktemp("migrations")), cluster_url) as together:
            yield together


def run(together: Together, *statements: str) -> None:
    async def write() -> None:
        connection = await asyncpg.connect(together.database_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(write())


def sizes(device: Database) -> list[tuple[object, ...]]:
    return device.execute("SELECT id, length(body), length(more) FROM notes ORDER BY id").fetchall()


def test_devices_and_postgres_refuse_it_at_the_write(together: Together) -> None:
    one, other = together.device("one"), together.device("other")
    for insert in ("INSERT", "INSERT OR IGNORE"):
        with pytest.raises(sqlite3.OperationalError, match=r"row of notes .*\[row-too-large\]"):
            one.execute(f"{insert} INTO notes VALUES ('a', zeroblob({ROW + 1}), NULL)")
    with pytest.raises(asyncpg.CheckViolationError, match=CHECK):
        run(together, f"INSERT INTO notes VALUES ('a', '', repeat('x', {ROW + 1}))")
    one.execute(f"INSERT INTO notes VALUES ('a', zeroblob({ROW}), NULL)")
    run(together, f"INSERT INTO notes VALUES ('b', NULL, repeat('x', {ROW}))")
    together.settle()
    assert sizes(one) == sizes(other) == [("a", ROW, None), ("b", None, ROW)]
    one.execute("DELETE FROM notes")
    together.settle()
    assert sizes(other) == []


def test_a_transaction_of_a_program_is_refused_before_it_is_committed(together: Together) -> None:
    one, other = together.device("loading"), together.device("watching")
    with pytest.raises(sqlite3.OperationalError, match=r"\[too-large\]"), one.transaction():
        for number in range(20):
            one.execute(f"INSERT INTO notes VALUES ({number}, zeroblob({ROW}), NULL)")
    assert sizes(one) == []
    for number in range(20):
        with one.transaction():
            one.execute(f"INSERT INTO notes VALUES ({number}, zeroblob({ROW}), NULL)")
    together.settle()
    assert len(sizes(other)) == 20
    other.execute("DELETE FROM notes")
    together.settle()


def test_halves_that_are_too_large_together_go_to_the_quarantine(together: Together) -> None:
    one, other = together.device("left"), together.device("right")
    one.execute("INSERT INTO notes VALUES ('m', NULL, NULL)")
    together.settle()
    together.disconnect(one)
    one.execute(f"UPDATE notes SET body = zeroblob({ROW - 9}) WHERE id = 'm'")
    other.execute(f"UPDATE notes SET more = hex(zeroblob({ROW // 4})) WHERE id = 'm'")
    other.sync()
    together.connect(one)
    together.settle()
    assert sizes(one) == sizes(other) == [("m", None, 2 * (ROW // 4))]
    (kept,) = one.execute("SELECT code, message FROM _electric_quarantine").fetchall()
    assert kept[0] == "postgres-refused"
    assert CHECK in kept[1]
    one.execute("DELETE FROM notes")
    together.settle()


def test_who_meets_a_row_from_before_the_check_is_told_and_comes_back(together: Together) -> None:
    one = together.device("stuck")
    one.sync()
    without = f"SET electric.migrating = 'on'; ALTER TABLE notes DROP CONSTRAINT \"{CHECK}\""
    run(together, without, f"INSERT INTO notes VALUES ('p', '', repeat('x', {3 * ROW}))")
    problem = "A row of notes has 0 MiB, which no device takes: its key is 'p'."
    with pytest.raises(ServiceError, match=problem) as stuck:
        one.sync(timeout=60)
    assert (stuck.value.code, stuck.value.definite) == ("row-too-large", True)
    run(together, "UPDATE notes SET more = '' WHERE id = 'p'")
    one.sync(timeout=60)
    assert sizes(one) == [("p", 0, 0)]


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_at_full_size(cluster_url: str, tmp_path: Path) -> None:
    with Together(migrations(tmp_path), cluster_url) as together:
        one, other = together.device("one"), together.device("other")
        with pytest.raises(sqlite3.OperationalError, match="row-too-large"):
            one.execute(f"INSERT INTO notes VALUES ('a', randomblob({ROW_BYTES_MAX + 1}), NULL)")
        with pytest.raises(asyncpg.CheckViolationError, match=CHECK):
            run(together, f"INSERT INTO notes VALUES ('a', '', repeat('x', {70 << 20}))")
        with pytest.raises(sqlite3.OperationalError, match=r"\[too-large\]"):
            one.execute(
                "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 2e6)"
                " INSERT INTO notes (id, more) SELECT n, 'note ' || n FROM n"
            )
        # As large as a transaction can be: nothing of it compresses.
        with one.transaction():
            for number in range(6):
                one.execute(
                    f"INSERT INTO notes VALUES ({number}, randomblob({ROW_BYTES_MAX}), NULL)"
                )
        together.settle(timeout=300)
        assert sizes(other) == [(str(number), ROW_BYTES_MAX, None) for number in range(6)]
