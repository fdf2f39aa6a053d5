"""Tables that were in Postgres before: they are adopted where they are, and nothing of them is
rewritten."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from electricsql.adopting import Draft, draft_from_postgres
from electricsql.errors import MigrationError, PostgresError
from electricsql.hub import Cluster, look, mark
from electricsql.replication import NO_HLC, Change, Op, RowId
from electricsql.schema import Value
from tests.integration.hub.hubs import World, insert, opened, sources, update

pytestmark = pytest.mark.anyio

SHOP = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE customers (
    id serial PRIMARY KEY,
    name varchar(20) NOT NULL,
    code char(4),
    mood mood NOT NULL DEFAULT 'sad',
    balance numeric(8,2) NOT NULL DEFAULT 0,
    rate real,
    data jsonb,
    at timestamp(3) DEFAULT now(),
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED,
    tags text[]
);
CREATE TABLE "Order Lines" (
    customer int NOT NULL REFERENCES customers ON DELETE CASCADE,
    line smallint NOT NULL,
    "group" text COLLATE "POSIX" CHECK ("group" <> ''),
    PRIMARY KEY (customer, line)
);
CREATE INDEX by_group ON "Order Lines" ("group");
CREATE TABLE words (word text PRIMARY KEY, means text UNIQUE);
CREATE TABLE log (line text);
INSERT INTO customers (name, code, mood, balance, rate, data, at)
    SELECT 'name ' || n, 'c' || n, 'happy', n / 3.0, n / 7.0, '{"a": 1}', '2024-01-01'
    FROM generate_series(1, 50) n;
INSERT INTO "Order Lines" SELECT n, 1, 'g' FROM generate_series(1, 50) n;
INSERT INTO words SELECT 'w' || n, 'm' || n FROM generate_series(1, 20) n;
"""


TABLES = ("customers", "Order Lines", "words")
PLACES = "SELECT array_agg(ctid::text || xmin::text ORDER BY ctid) FROM {}"
FILES = "SELECT relname, relfilenode FROM pg_class WHERE relname = ANY($1::text[]) ORDER BY 1"


async def there(url: str, sql: str) -> Draft:
    """Has a database run some SQL; gives the draft from what it has then."""
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()
    return draft_from_postgres(*await look(url))


async def where(client: "asyncpg.Connection[asyncpg.Record]") -> list[object]:
    """Where the tables' files and rows are."""
    files = await client.fetch(FILES, list(TABLES))
    rows = [await client.fetchval(PLACES.format(f'"{name}"')) for name in TABLES]
    return [[tuple(each) for each in files], rows]


@asynccontextmanager
async def shop(url: str) -> AsyncIterator[World]:
    draft = await there(url, SHOP)
    client = await asyncpg.connect(url)
    before = await where(client)
    async with opened(url, draft.sql) as world:
        assert await where(client) == before
        yield world
    await client.close()


async def test_the_draft_has_what_devices_can_hold(database: str) -> None:
    draft = await there(database, SHOP)
    said = [str(finding) for finding in draft.findings()]
    assert [text.partition(".")[0] for text in said if "Left out" in text] == [
        "Left out: column customers",
        "Left out: column customers",
        "Left out: table log",
    ]
    for line in (
        "id INTEGER NOT NULL CHECK (id BETWEEN -2147483648 AND 2147483647)",
        "name VARCHAR(20) NOT NULL CHECK (length(name) <= 20)",
        "mood TEXT NOT NULL DEFAULT 'sad' CHECK (mood IN ('sad', 'happy'))",
        "balance NUMERIC(8,2) NOT NULL DEFAULT 0 CHECK (balance > -1000000 AND balance < 1000000)",
        "at TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
        'CREATE TABLE "Order Lines" (',
        '"group" TEXT',
        "FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE",
        'CREATE INDEX by_group ON "Order Lines" ("group")',
        "CREATE UNIQUE INDEX words_means_key ON words (means)",
        "-- @allow device-local-key reason=",
    ):
        assert line in draft.sql


async def test_tables_are_adopted_in_place_with_their_rows(any_database: str) -> None:
    async with shop(any_database) as world:
        shown = await world.shown()
        assert len(shown) == 120
        first = shown[RowId("customers", (1,))]
        assert first["balance"] == 0.33
        assert first["code"] == "c1"
        assert first["mood"] == "happy"
        assert first["data"] == '{"a": 1}'
        assert first["at"] == "2024-01-01 00:00:00"
        a = await world.device()
        await a.catch_up()
        await world.client.execute("UPDATE customers SET name = 'direct' WHERE id = 2")
        await world.client.execute('DELETE FROM "Order Lines" WHERE customer = 3')
        assert a.cursor
        news = await world.rows(a.cursor)
        assert news.keys() == {RowId("customers", (2,)), RowId("Order Lines", (3, 1))}


async def test_what_a_kept_type_makes_of_a_write_is_sent_back(any_database: str) -> None:
    async with shop(any_database) as world:
        a = await world.device()
        await a.catch_up()
        await a.write(
            update("customers", 1, balance=7.128, rate=0.1, mood="sad", data='{"b":2}', code="x"),
            update("customers", 2, at="2024-02-29 10:00:00.123456"),
            insert("words", {"word": "new", "means": "exact"}, "word"),
        )
        assert a.cursor
        news = await world.rows(a.cursor)
        row = news[RowId("customers", (1,))].values
        assert (row["balance"], row["mood"], row["data"]) == (7.13, "sad", '{"b": 2}')
        assert row["code"] == "x"
        assert news[RowId("customers", (2,))].values["at"] == "2024-02-29 10:00:00.123000"
        assert (await world.client.fetchval("SELECT count(*) FROM electric.quarantine")) == 0


async def test_what_a_kept_type_can_not_hold_is_refused(any_database: str) -> None:
    async with shop(any_database) as world:
        a = await world.device()
        await a.catch_up()
        await a.write(update("customers", 1, name="x" * 21))
        await a.write(update("customers", 1, mood="angry"))
        await a.write(update("customers", 1, name="short"))
        assert (await world.client.fetchval("SELECT count(*) FROM electric.quarantine")) == 2
        assert (await world.tables())[RowId("words", ("w1",))]
        name = await world.client.fetchval("SELECT name FROM customers WHERE id = 1")
        assert name == "short"


async def test_what_devices_adopted_loses_to_what_was_in_postgres(any_database: str) -> None:
    async with shop(any_database) as world:
        a = await world.device()
        offers = [
            Change("words", Op.OFFER, (word,), {"word": word, "means": means})
            for word, means in (("w1", "stale"), ("own", "of the device"))
        ]
        await a.write(*offers, hlc=NO_HLC)
        words = await world.tables()
        assert words[RowId("words", ("w1",))]["means"] == "m1"
        assert words[RowId("words", ("own",))]["means"] == "of the device"


async def test_children_and_parents_come_in_one_merge(any_database: str) -> None:
    """Foreign keys that Postgres had are checked at a merge's end."""
    async with shop(any_database) as world:
        a = await world.device()
        line: dict[str, Value] = {"customer": 900, "line": 1, "group": "g"}
        customer: dict[str, Value] = {"id": 900, "name": "new", "mood": "sad", "balance": 1}
        await a.write(
            insert("Order Lines", line, "customer", "line"), insert("customers", customer)
        )
        assert RowId("Order Lines", (900, 1)) in await world.tables()
        with pytest.raises(asyncpg.ForeignKeyViolationError):  # others wait no longer than before
            async with world.client.transaction():
                await world.client.execute("INSERT INTO \"Order Lines\" VALUES (901, 1, 'g')")
                raise AssertionError("it was to be refused at once")


COMPUTING = """
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER, s TEXT,
    low BOOLEAN AS (s < 'm'), next INTEGER AS (n * 1000000))
"""


async def test_what_is_computed_is_added_to_a_table_that_was_there(any_database: str) -> None:
    ddl = "CREATE TABLE t (id text PRIMARY KEY, n int4, s varchar(9) COLLATE {});"
    insert = "INSERT INTO t VALUES ('a', 1000000, 'Z'), ('b', NULL, 'z')"
    await there(any_database, ddl.format('"POSIX"') + insert)
    async with opened(any_database, COMPUTING) as world:
        rows = await world.client.fetch("SELECT low, next FROM t ORDER BY id")
        assert [tuple(row) for row in rows] == [(True, 10**12), (False, None)]
        assert (await world.hub.status()).drift == ()


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("char(9)", "low is computed from s, which is character(9) there"),
        ("text, low boolean", "it has low, which devices compute"),
    ],
)
async def test_what_would_be_computed_otherwise_is_refused(
    database: str, column: str, says: str
) -> None:
    await there(database, f"CREATE TABLE t (id text PRIMARY KEY, n int4, s {column})")
    with pytest.raises(MigrationError, match="table-differs") as refused:
        async with opened(database, COMPUTING):
            pass
    assert says in refused.value.problem


async def test_so_it_is_when_it_is_added_later(any_database: str) -> None:
    async with shop(any_database) as world:
        base = (await world.hub.migrations())[0].source
        for sql in ("x INTEGER AS (length(code))", "x BOOLEAN AS (balance > 1)"):
            with pytest.raises(MigrationError, match="table-differs"):
                await world.hub.migrate(sources(base, f"ALTER TABLE customers ADD COLUMN {sql}"))
        fine = "ALTER TABLE customers ADD COLUMN x BOOLEAN AS (data IS NULL)"
        await world.hub.migrate(sources(base, fine))
        assert await world.client.fetchval("SELECT bool_or(x) FROM customers") is False


@pytest.mark.parametrize(
    ("ddl", "says"),
    [
        ("CREATE TABLE t (id text PRIMARY KEY)", "it has no column n"),
        ("CREATE TABLE t (id text PRIMARY KEY, n text)", "n is text, which can't hold INTEGER"),
        ("CREATE TABLE t (id text, n int PRIMARY KEY)", "its primary key is (n), not (id)"),
        ("CREATE TABLE t (id text PRIMARY KEY, n int, x int NOT NULL)", "devices lack it"),
        ("CREATE TABLE t (id char(3) PRIMARY KEY, n int)", "can't be a key's type"),
        ("CREATE TABLE t (id text PRIMARY KEY, n int NOT NULL)", "may be NULL on devices"),
        ("CREATE TABLE t (id text PRIMARY KEY, n int) PARTITION BY LIST (id)", "no"),
    ],
)
async def test_a_table_that_can_not_serve_is_left_alone(database: str, ddl: str, says: str) -> None:
    await there(database, ddl)
    with pytest.raises(MigrationError, match="table-differs") as refused:
        async with opened(database, "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER)"):
            pass
    assert says in refused.value.problem


async def test_values_that_devices_can_not_hold_are_told(database: str) -> None:
    await there(
        database,
        "CREATE TABLE t (id text PRIMARY KEY, d date); INSERT INTO t VALUES ('a', 'infinity')",
    )
    with pytest.raises(MigrationError, match="postgres-refused"):
        async with opened(database, "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, d DATE)"):
            pass


async def test_a_marked_database_is_its_environments_and_is_never_dropped(database: str) -> None:
    draft = await there(database, SHOP)
    connection = await asyncpg.connect(database)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"COMMENT ON DATABASE {name} IS 'ours, since 2009'")
    app = f"shop-{name.replace('_', '-')}"
    await mark(database, app, "prod")
    await mark(database, app, "prod")
    with pytest.raises(PostgresError, match="other-environment"):
        await mark(database, "other", "prod")
    cluster = await Cluster.open(database)
    try:
        await cluster.create(app, "prod")
        hub = await cluster.hub(app, "prod")
        assert cluster.database_url(app, "prod").endswith(f"/{name}")
        migrations = sources(draft.sql)
        await hub.migrate(migrations)
        await cluster.reset(app, "prod")
        assert await connection.fetchval("SELECT count(*) FROM customers") == 50
        assert not await connection.fetchval("SELECT to_regnamespace('electric') IS NOT NULL")
        hub = await cluster.hub(app, "prod")
        await hub.migrate(migrations)
        async with hub.reading() as reading:
            assert await reading.rows_since(None) == 120
    finally:
        await cluster.close()
        await connection.close()


async def test_a_row_that_no_device_could_hold_keeps_a_table_from_being_adopted(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electricsql.schema.postgres.ROW_BYTES_MAX", 10)
    draft = await there(database, "CREATE TABLE words (word text PRIMARY KEY, means jsonb)")
    client = await asyncpg.connect(database)
    await client.execute("""INSERT INTO words VALUES ('a', '[1, 2, 3, 4, 5]'), ('b', '[]')""")
    with pytest.raises(MigrationError, match=r"electric_row_at_most_32_MiB.* is violated") as error:
        async with opened(database, draft.sql):
            pass
    assert error.value.code == "postgres-refused"
    await client.execute("DELETE FROM words WHERE word = 'a'")
    async with opened(database, draft.sql) as world:
        assert len(await world.rows()) == 1
        with pytest.raises(asyncpg.CheckViolationError):
            await client.execute("UPDATE words SET means = '[1, 2, 3, 4, 5]'")
    await client.close()
