"""What a build makes for Postgres is taken by every Postgres there is, and means the same."""

import asyncio
import os
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from electricsql.checks import check
from electricsql.migrations import Source, build

CHINOOK = Path(os.environ.get("CHINOOK", Path(__file__).parents[3] / "shared/data/chinook.sqlite"))
EVERYTHING = """
CREATE TABLE "odd ""x" (
    "select" INTEGER, Grüße TEXT DEFAULT 'it''s', PRIMARY KEY ("select", grüße)
);
CREATE TABLE kinds (
    id UUID PRIMARY KEY,
    i INT DEFAULT -5 CHECK (i < 10 AND i IS NOT NULL OR i IN (11, 12)),
    r REAL DEFAULT 0.5, t VARCHAR(10) DEFAULT 'a\\b', b BLOB DEFAULT x'00ff',
    yes BOOLEAN NOT NULL DEFAULT TRUE CHECK (yes IN (0, 1)),
    d DATE DEFAULT CURRENT_DATE, ti TIME DEFAULT CURRENT_TIME,
    ts DATETIME DEFAULT CURRENT_TIMESTAMP, tz TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    j JSON DEFAULT '{"a": 1}', n DECIMAL(10, 2) DEFAULT 1.5,
    written TEXT DEFAULT CURRENT_TIMESTAMP, random TEXT DEFAULT (hex(randomblob(4))),
    x INTEGER, g TEXT UNIQUE,
    FOREIGN KEY (x, g) REFERENCES "odd ""x" ON DELETE CASCADE
);
CREATE INDEX by_t ON kinds (t DESC, i);
CREATE INDEX nocase ON kinds (t COLLATE NOCASE);
CREATE INDEX some ON kinds (coalesce(t, 'x') DESC, yes, (b IS NULL)) WHERE d IS NOT NULL OR yes = 1;
CREATE UNIQUE INDEX one_written ON kinds (written COLLATE NOCASE, trim(t) || 'x') WHERE i > 3;
CREATE TABLE strict (id TEXT PRIMARY KEY NOT NULL, v INTEGER) STRICT, WITHOUT ROWID;
"""
MORE = """
ALTER TABLE kinds ADD COLUMN later TEXT NOT NULL DEFAULT 'x';
ALTER TABLE kinds ADD COLUMN parent TEXT REFERENCES strict;
CREATE UNIQUE INDEX one_later ON strict (v);
"""


def apply(url: str, statements: list[str], query: str) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(run())


def postgres(*texts: str) -> list[str]:
    sources = [Source(f"2024010{n}000000000_m", "m", text) for n, text in enumerate(texts, 1)]
    return [sql for migration in build(sources).migrations for sql in migration.postgres]


def test_every_kind_of_table_and_default(any_database: str) -> None:
    insert = "INSERT INTO kinds (id, x) VALUES ('2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f', NULL)"
    (row,) = apply(any_database, [*postgres(EVERYTHING, MORE), insert], "SELECT * FROM kinds")
    assert (row["i"], row["r"], row["t"], row["b"]) == (-5, 0.5, "a\\b", b"\x00\xff")
    assert (row["yes"], row["random"], row["later"]) == (True, None, "x")
    assert row["j"] == '{"a": 1}'
    assert len(row["written"]) == len("2024-01-01 00:00:00")
    assert row["ts"].isoformat(" ") == row["written"]


@pytest.mark.parametrize(
    "refused",
    [
        "INSERT INTO kinds (id, r) VALUES (gen_random_uuid(), 'NaN')",
        "INSERT INTO kinds (id, n) VALUES (gen_random_uuid(), 'NaN')",
        "INSERT INTO kinds (id, i) VALUES (gen_random_uuid(), 10)",
        *(
            f"INSERT INTO kinds (id, {column}) VALUES (gen_random_uuid(), '{value}')"
            for column, values in {
                "d": ("infinity", "0001-01-01 BC", "10000-01-01"),
                "ti": ("24:00",),
                "ts": ("-infinity", "0001-12-31 BC", "10000-01-01 00:00"),
                "tz": ("infinity", "0001-01-01 00:00+00:01", "9999-12-31 23:59:59.9999-00:01"),
            }.items()
            for value in values
        ),
    ],
)
def test_what_devices_could_not_hold_is_refused(database: str, refused: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        apply(database, [*postgres(EVERYTHING), refused], "SELECT 1")


def test_the_first_and_the_last_that_devices_can_hold_are_taken(database: str) -> None:
    script = (
        "SET TimeZone = 'Pacific/Kiritimati';"
        "INSERT INTO kinds (id, d, ti, ts, tz) VALUES"
        " (gen_random_uuid(), '0001-01-01', '00:00', '0001-01-01 00:00', '0001-01-01 00:00+00'),"
        " (gen_random_uuid(), '9999-12-31', '23:59:59.999999', '9999-12-31 23:59:59.999999',"
        " '9999-12-31 23:59:59.999999+00')"
    )
    (row,) = apply(database, [*postgres(EVERYTHING), script], "SELECT count(*) AS n FROM kinds")
    assert row["n"] == 2


def test_foreign_keys_wait_for_the_commit(database: str) -> None:
    script = (
        "BEGIN; INSERT INTO kinds (id, x, g) VALUES (gen_random_uuid(), 1, 'a');"
        'INSERT INTO "odd ""x" VALUES (1, \'a\'); COMMIT'
    )
    (row,) = apply(database, [*postgres(EVERYTHING), script], "SELECT count(*) AS n FROM kinds")
    assert row["n"] == 1


@pytest.mark.parametrize(
    ("type", "most", "value"),
    [
        ("TEXT", 336, "x" * 23),
        ("UUID", 500, "2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f"),
        ("INTEGER", 998, "1"),
    ],
)
def test_a_row_fits_into_a_page_where_no_rule_warns(
    any_database: str, type: str, most: int, value: str
) -> None:
    def table(columns: int) -> str:
        rest = ", ".join(f"c{number} {type}" for number in range(columns))
        return f"CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, {rest})"

    assert not rules(table(most))
    assert rules(table(most + 10)) & {"wide-row", "too-many-columns"}
    insert = f"INSERT INTO t VALUES ('{'x' * 23}'" + f", '{value}'" * most + ")"
    assert apply(any_database, [*postgres(table(most)), insert], "SELECT id FROM t")


def rules(text: str) -> set[str]:
    return {each.rule for each in check([Source("20240101000000000_m", "m", text)])}


@pytest.mark.skipif(not CHINOOK.exists(), reason="needs the Chinook database")
def test_a_published_schema(any_database: str) -> None:
    with sqlite3.connect(f"file:{CHINOOK}?mode=ro", uri=True) as chinook:
        ddl = [sql for (sql,) in chinook.execute("SELECT sql FROM sqlite_schema WHERE sql > ''")]
    apply(any_database, postgres(";\n".join(ddl)), "SELECT 1")
