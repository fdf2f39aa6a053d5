"""Every kind of direct write leaves the shadow rows that the pure rules would."""

import pytest

from electricsql.schema import Value
from tests.integration.hub.hubs import World, delete, insert, opened, update
from tests.integration.hub.twin import Twin

pytestmark = pytest.mark.anyio
PEOPLE = """
CREATE TABLE people (
    id TEXT PRIMARY KEY NOT NULL, name TEXT DEFAULT 'anon', age INTEGER, ok INTEGER DEFAULT 0
);
"""
WRITES = {
    "one row": ["INSERT INTO people VALUES ('a', 'Ann', 1)"],
    "defaults are made up": ["INSERT INTO people (id) VALUES ('a')"],
    "values equal to the defaults": ["INSERT INTO people VALUES ('a', 'anon', NULL, 0)"],
    "a default that was written": [
        "INSERT INTO people (id, ok) VALUES ('a', 1)",
        "UPDATE people SET ok = 0, age = 3",
    ],
    "bulk": [
        "INSERT INTO people SELECT n::text, 'x' || n, n % 3, n % 2 FROM generate_series(1, 2000) n",
        "UPDATE people SET age = age + 1 WHERE age > 0",
        "DELETE FROM people WHERE ok = 1",
    ],
    "nothing": [
        "INSERT INTO people VALUES ('a')",
        "UPDATE people SET name = name, age = age",
        "DELETE FROM people WHERE false",
    ],
    "on conflict": [
        "INSERT INTO people VALUES ('a', 'Ann'), ('b', 'Bob')",
        "INSERT INTO people VALUES ('b', 'Bea'), ('c', 'Cis'), ('a', 'Ann')"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "INSERT INTO people VALUES ('b', 'Bill'), ('d', 'Dan') ON CONFLICT DO NOTHING",
    ],
    "merge": [
        "INSERT INTO people VALUES ('a', 'Ann', 1), ('b', 'Bob', 2), ('c', 'Cis', 3)",
        "MERGE INTO people p USING (VALUES ('b'), ('c'), ('d')) n(id) ON p.id = n.id"
        " WHEN MATCHED AND p.age = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET age = 30"
        " WHEN NOT MATCHED THEN INSERT VALUES (n.id, 'new')",
    ],
    "a key moves": [
        "INSERT INTO people VALUES ('a', 'Ann', 1), ('b', 'Bob', 2)",
        "UPDATE people SET id = 'z', age = 5 WHERE id = 'a'",
    ],
    "keys move on to each other": [
        "INSERT INTO people VALUES ('c', 'Cis', 3), ('b', 'Bob', 2), ('a', 'Ann', 2)",
        "UPDATE people SET id = translate(id, 'abc', 'bcd')",
    ],
    "truncate": [
        "INSERT INTO people VALUES ('a', 'Ann', 1), ('b', 'Bob', 2)",
        "DELETE FROM people WHERE id = 'a'",
        "TRUNCATE people",
    ],
    "a row that goes and comes": [
        "INSERT INTO people VALUES ('a', 'Ann', 1)",
        "DELETE FROM people",
        "INSERT INTO people VALUES ('a', 'Ann', 1)",
        "DELETE FROM people",
        "INSERT INTO people (id) VALUES ('a')",
    ],
    "delete and insert in one statement": [
        "INSERT INTO people VALUES ('a', 'Ann', 1), ('b', 'Bob', 2)",
        "WITH gone AS (DELETE FROM people RETURNING *)"
        " INSERT INTO people SELECT 'x' || id, name FROM gone",
    ],
    "savepoints": [
        "INSERT INTO people VALUES ('a', 'Ann', 1)",
        "SAVEPOINT one",
        "UPDATE people SET age = 2",
        "INSERT INTO people VALUES ('b', 'Bob', 1)",
        "ROLLBACK TO one",
        "UPDATE people SET name = 'Anna'",
        "SAVEPOINT two",
        "INSERT INTO people VALUES ('c')",
        "RELEASE two",
    ],
}


async def _by_the_rules(world: World, statements: list[str], *, together: bool) -> None:
    twin = Twin(world)
    for transaction in [statements] if together else [[each] for each in statements]:
        before = await world.cursor()
        await twin.transaction(*transaction)
        await twin.check()
        assert (await world.rows(before)).keys() == twin.written


@pytest.mark.parametrize("what", WRITES)
async def test_writes_in_one_transaction(any_database: str, what: str) -> None:
    async with opened(any_database, PEOPLE) as world:
        await _by_the_rules(world, WRITES[what], together=True)


@pytest.mark.parametrize("what", sorted(WRITES.keys() - {"savepoints"}))
async def test_writes_in_a_transaction_each(any_database: str, what: str) -> None:
    async with opened(any_database, PEOPLE) as world:
        await _by_the_rules(world, WRITES[what], together=False)


async def test_a_rolled_back_transaction_leaves_nothing(any_database: str) -> None:
    async with opened(any_database, PEOPLE) as world:
        twin = Twin(world)
        await twin.transaction("INSERT INTO people VALUES ('a')")
        await twin.transaction("UPDATE people SET age = 1", "DELETE FROM people", "ROLLBACK")
        await twin.check()
        assert twin.written == set()


async def test_rows_inserted_before_their_delete_is_done_stay(any_database: str) -> None:
    async with opened(any_database, PEOPLE) as world:
        await world.client.execute("INSERT INTO people VALUES ('a', 'Ann', 1), ('b', 'Bob', 2)")
        await world.client.execute(
            "WITH gone AS (DELETE FROM people RETURNING *)"
            " INSERT INTO people SELECT * FROM gone LIMIT 1"
        )
        assert await world.shown() == await world.tables()
        assert len(await world.tables()) == 1


async def test_copy(any_database: str) -> None:
    async with opened(any_database, PEOPLE) as world:
        rows = [(str(n), f"x{n}", n, 0) for n in range(1000)]
        await world.client.copy_records_to_table("people", records=rows)
        captured = await world.rows()
        assert {row.values["age"] for row in captured.values()} == set(range(1000))
        assert {tuple(row.writers) for row in captured.values()} == {("id", "name", "age", "ok")}
        assert all(row.writers["ok"] < 0 < row.writers["name"] for row in captured.values())


async def test_direct_writes_over_those_of_devices(any_database: str) -> None:
    async with opened(any_database, PEOPLE) as world:
        a, b = await world.device("a"), await world.device("b")
        row: dict[str, Value] = {"name": "x", "age": 1, "ok": 0}
        await a.write(*(insert("people", {"id": id, **row}) for id in "klmn"))
        await b.catch_up()
        await b.write(update("people", "l", name="y"), delete("people", "n"))
        twin = Twin(world)
        await twin.reload()
        await twin.transaction(
            "UPDATE people SET age = 2 WHERE id IN ('k', 'l')",
            "DELETE FROM people WHERE id = 'm'",
            "INSERT INTO people VALUES ('n', 'back')",
        )
        await twin.check()
        await twin.transaction("UPDATE people SET id = id || id, ok = 1")
        await twin.check()
