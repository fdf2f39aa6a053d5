"""Rows and transactions that are too large are refused at the write, whoever writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from electricsql.limits import CHANGE_BYTES_MIN, ROW_BYTES_MAX
from electricsql.migrations import CAPTURE_TABLES, Source, build, row_bytes

TABLE = (
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, body BLOB, more JSON,"
    " stars INTEGER)"
)
INSERT = "INSERT {} INTO notes (id, title, body) VALUES ('{}', '', {})"
WEIGHING = "electricsql.migrations.weighing"


def opened(ddl: str = TABLE) -> sqlite3.Connection:
    built = build([Source("20240101000000000_a", "a", ddl)])
    database = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (*CAPTURE_TABLES, *built.migrations[0].statements):
        database.execute(statement)
    return database


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(opened()) as database:
        yield database


def refused(database: sqlite3.Connection, sql: str) -> str:
    with pytest.raises(sqlite3.OperationalError) as error:
        database.execute(sql)
    return str(error.value)


def logged(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM _electric_oplog").fetchone()[0])


@pytest.mark.parametrize("conflict", ["", "OR IGNORE", "OR REPLACE"])
def test_a_row_that_is_too_large_is_refused(database: sqlite3.Connection, conflict: str) -> None:
    said = refused(database, INSERT.format(conflict, "a", f"zeroblob({ROW_BYTES_MAX + 1})"))
    assert "electric: a row of notes holds 33554432 bytes of text and blobs at most" in said
    assert f"cannot hold {ROW_BYTES_MAX + 1} [row-too-large]" in said
    assert database.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    assert logged(database) == 0


def test_the_largest_row_is_taken_and_does_not_grow(database: sqlite3.Connection) -> None:
    database.execute(INSERT.format("", "a", f"zeroblob({ROW_BYTES_MAX})"))
    database.execute("UPDATE notes SET stars = 5")
    large = "'\"' || hex(zeroblob(200000)) || '\"'"
    assert "[row-too-large]" in refused(database, f"UPDATE notes SET more = {large}")
    database.execute("UPDATE notes SET body = NULL")
    database.execute(f"UPDATE notes SET more = {large}")


def test_text_counts_in_bytes(database: sqlite3.Connection) -> None:
    text = "replace(hex(zeroblob(6000000)), '0', 'ä')"
    database.execute(f"INSERT INTO notes (id, title) VALUES ('a', {text})")
    assert "[row-too-large]" in refused(database, f"UPDATE notes SET more = json_quote({text})")


def test_what_is_applied_is_not_measured(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO _electric_guard VALUES (1)")
    database.execute(INSERT.format("", "a", f"zeroblob({ROW_BYTES_MAX + 1})"))


def test_a_table_of_numbers_has_no_size() -> None:
    numbers = Source("20240101000000000_a", "a", "CREATE TABLE n (id INT PRIMARY KEY, n INT)")
    assert row_bytes(build([numbers]).schema.tables["n"]) == "0"


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change counts."""
    monkeypatch.setattr(f"{WEIGHING}.WEIGHED_BYTES", 1)
    monkeypatch.setattr(f"{WEIGHING}.WRITTEN_BYTES_MAX", 10 * CHANGE_BYTES_MIN)


@pytest.mark.usefixtures("exact")
def test_a_transaction_takes_only_so_many_changes() -> None:
    with closing(opened()) as database:
        database.execute("BEGIN")
        for number in range(10):
            database.execute(INSERT.format("", number, "NULL"))
        said = refused(database, "UPDATE notes SET stars = 1 WHERE id = '3'")
        assert "electric: notes cannot take more changes in this transaction" in said
        assert "[too-large]" in said
        assert "[too-large]" in refused(database, "DELETE FROM notes")
        database.execute("ROLLBACK")
        database.execute(INSERT.format("", 1, "NULL"))
        assert logged(database) == 1


@pytest.mark.usefixtures("exact")
def test_a_statement_is_refused_as_a_whole() -> None:
    with closing(opened()) as database:
        numbers = "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 99)"
        insert = f"{numbers} INSERT OR IGNORE INTO notes (id, title) SELECT n, '' FROM n"
        assert "[too-large]" in refused(database, insert)
        assert logged(database) == 0


@pytest.mark.usefixtures("exact")
def test_what_is_sealed_counts_no_more() -> None:
    with closing(opened()) as database:
        for number in range(30):
            database.execute(INSERT.format("", number, "NULL"))
            database.execute("UPDATE _electric_oplog SET w = 0 WHERE seq = last_insert_rowid()")


@pytest.mark.usefixtures("exact")
def test_an_update_counts_for_what_it_changes() -> None:
    with closing(opened()) as database:
        database.execute(INSERT.format("", "a", "zeroblob(9 * 269)"))
        database.execute("DELETE FROM _electric_oplog")
        for number in range(10):
            database.execute(f"UPDATE notes SET stars = {number}")
        assert "[too-large]" in refused(database, "UPDATE notes SET stars = 99")


@pytest.mark.parametrize("size", [0, 50, 700, 5_000])
def test_by_chance_it_comes_to_the_same(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """A thousand changes count, so 20 % is six times the deviation, and never met."""
    limit = 1_000 << 10
    monkeypatch.setattr(f"{WEIGHING}.WEIGHED_BYTES", 1 << 10)
    monkeypatch.setattr(f"{WEIGHING}.WRITTEN_BYTES_MAX", limit)
    with closing(opened()) as database:
        written = 0
        with pytest.raises(sqlite3.OperationalError, match=r"\[too-large\]"):
            for number in range(10_000):
                database.execute(INSERT.format("", number, f"zeroblob({size})"))
                written += size + CHANGE_BYTES_MIN
    assert 0.8 * limit < written < 1.2 * limit
