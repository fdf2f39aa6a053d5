"""Generated columns: every file and Postgres compute the same, nobody writes them, nothing of them
is replicated; and they serve rules and queries like any other column."""

import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from electricsql import Database, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App
from tests.integration.whole.test_convergence import agreed, run, settle, write
from tests.integration.whole.test_policies import apart, waiting

LINES = """\
CREATE TABLE lines (
    sum INTEGER GENERATED ALWAYS AS (n * price) VIRTUAL,
    id TEXT PRIMARY KEY NOT NULL,
    n INTEGER NOT NULL,
    price INTEGER NOT NULL,
    label TEXT GENERATED ALWAYS AS (n || 'x') STORED,
    first TEXT,
    last TEXT
);
""".replace("n || 'x'", "trim(first) || ' ' || last")
LATER = """\
ALTER TABLE lines ADD COLUMN is_free BOOLEAN GENERATED ALWAYS AS (price = 0) VIRTUAL;
CREATE INDEX by_sum ON lines (sum DESC, is_free);
"""


@pytest.fixture
def lines(app: App) -> App:
    app.migrate("lines", LINES)
    return app


INSERT = "INSERT INTO lines (id, n, price, first, last) VALUES "


def plan(database: Database, sql: str) -> str:
    return str(database.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall())


def explained(app: App, sql: str) -> str:
    """How Postgres goes about it, if it has to use an index."""

    async def asked() -> str:
        settings = {"enable_seqscan": "off", "enable_sort": "off"}
        connection = await asyncpg.connect(app.database_url(), server_settings=settings)
        try:
            return str(await connection.fetch(f"EXPLAIN {sql}"))
        finally:
            await connection.close()

    return asyncio.run(asked())


def test_both_sides_compute_the_same(lines: App, device: Open) -> None:
    one, other = device("one"), device("other")
    settle(one, other)
    write(one, INSERT + "('a', 2, 3, ' Ann', 'Ö'), ('b', -1, 7, NULL, 'x')")
    run(lines, INSERT + "('c', 5, 0, 'Cis', '')")
    settle(one, other)
    assert agreed(lines, "lines", one, other) == [
        (6, "a", 2, 3, "Ann Ö", " Ann", "Ö"),
        (-7, "b", -1, 7, None, None, "x"),
        (0, "c", 5, 0, "Cis ", "Cis", ""),
    ]
    one, other = apart(
        lines, [one, other], ["UPDATE lines SET n = 10"], ["UPDATE lines SET price = 20"]
    )
    run(lines, "UPDATE lines SET last = 'y' WHERE id = 'c'")
    settle(one, other)
    found = agreed(lines, "lines", one, other)
    assert [(row[0], row[4]) for row in found] == [(200, "Ann Ö"), (200, None), (200, "Cis y")]
    assert waiting(lines) == []


def test_a_new_one_is_computed_for_rows_that_are_there(lines: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, INSERT + "('a', 2, 3, NULL, NULL), ('b', 2, 0, NULL, NULL)")
    settle(one, other)
    lines.migrate("later", LATER)
    settle(one, other)
    write(other, INSERT + "('c', 9, 9, NULL, NULL)")
    settle(other, one)
    query = "SELECT id, sum, is_free FROM lines ORDER BY sum DESC, is_free"
    expected = [("c", 81, False), ("a", 6, False), ("b", 0, True)]
    assert run(lines, query) == expected
    assert one.execute(query).fetchall() == other.execute(query).fetchall() == expected
    assert "by_sum" in plan(one, query)
    assert "by_sum" in explained(lines, query)


def test_nobody_writes_it_and_what_is_too_large_is_refused(lines: App, device: Open) -> None:
    one = device("one")
    settle(one)
    with pytest.raises(sqlite3.OperationalError, match="generated column"):
        one.execute("INSERT INTO lines (id, n, price, sum) VALUES ('a', 1, 1, 1)")
    write(one, INSERT + "('a', 9223372036854775807, -1, NULL, NULL)")
    with pytest.raises(sqlite3.OperationalError, match=r"lines.sum is INTEGER and cannot hold -?1"):
        write(one, "UPDATE lines SET price = 2")
    with pytest.raises(sqlite3.OperationalError, match="type-mismatch"):
        write(one, INSERT + "('b', 4611686018427387904, 2, NULL, NULL)")
    settle(one)
    assert [row[:4] for row in agreed(lines, "lines", one)] == [
        (-9223372036854775807, "a", 9223372036854775807, -1)
    ]
    columns = [name for (name,) in one.execute("SELECT name FROM pragma_table_info('lines')")]
    (values,) = one.execute("SELECT count(*) FROM _electric_oplog").fetchone()
    assert "sum" not in columns
    assert values == 0


def test_what_is_too_large_only_when_merged_waits(lines: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, INSERT + "('a', 2, 2, NULL, NULL)")
    settle(one, other)
    large = 2**62
    one, other = apart(
        lines,
        [one, other],
        [f"UPDATE lines SET n = {large}, price = 1"],
        ["UPDATE lines SET price = 3"],
    )
    (row,) = agreed(lines, "lines", one, other)
    assert row[:4] == (large, "a", large, 1)
    assert len(waiting(lines)) == 1


def test_a_unique_one_is_looked_after_like_any_other(app: App, device: Open) -> None:
    app.migrate(
        "names",
        "CREATE TABLE names (id TEXT PRIMARY KEY NOT NULL, name TEXT, plain TEXT AS (trim(name)));"
        "-- @unique names.plain on-conflict=quarantine\n"
        "CREATE UNIQUE INDEX one ON names (plain COLLATE NOCASE);",
    )
    one, other = device("one"), device("other")
    settle(one, other)
    one, other = apart(
        app,
        [one, other],
        ["INSERT INTO names VALUES ('a', 'Ann')"],
        ["INSERT INTO names VALUES ('b', ' ann ')", "INSERT INTO names VALUES ('c', 'Cis')"],
    )
    assert agreed(app, "names", one, other) == [("a", "Ann", "Ann")]
    assert len(waiting(app)) == 1
    write(one, "INSERT OR REPLACE INTO names VALUES ('d', 'ANN ')")
    settle(one, other)
    assert agreed(app, "names", one, other) == [("d", "ANN ", "ANN")]


def test_a_file_that_computes_is_adopted(lines: App, tmp_path: Path, device: Open) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as database:
        database.execute(LINES.replace("STORED", "VIRTUAL"))
        database.execute(INSERT + "('a', 2, 3, 'A', 'B')")
    database.close()
    adopted = electrify(path, lines.bundle, token=lines.token)
    other = device("other")
    settle(adopted, other)
    assert agreed(lines, "lines", adopted, other) == [(6, "a", 2, 3, "A B", "A", "B")]
    adopted.close()
