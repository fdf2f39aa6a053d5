"""A device that was away for longer than the hub waits, and is cut off again as soon as it has been
told so: what it writes before all rows are there is taken, whatever was deleted and forgotten."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing

import asyncpg

from electricsql import Database, electrify
from electricsql.device.meta import read_meta
from electricsql.device.replica import Replica
from electricsql.hub.cleaning import clean
from electricsql.migrations import schema_of
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import PATIENCE_S, App
from tests.integration.whole.test_convergence import agreed, run, settle, write

TABLES = [
    """
-- @allow device-local-key reason="the tests give them"
CREATE TABLE lists (id INTEGER PRIMARY KEY NOT NULL, name TEXT);
""",
    """
-- @allow device-local-key reason="the tests give them"
CREATE TABLE notes (
    id INTEGER PRIMARY KEY NOT NULL, list INTEGER REFERENCES lists (id), body TEXT
);
""",
]


def forget(app: App, *away: str) -> int:
    """These devices have not been seen for a year, and the hub forgets all tombstones; gives its
    horizon."""

    async def forget_all() -> int:
        schema = schema_of(TABLES, None)
        tombstones = " UNION ALL ".join(
            f"SELECT 1 FROM electric.shadow_{table.number} WHERE deleted <> 0" for table in schema
        )
        async with (
            asyncpg.create_pool(app.database_url(), min_size=1) as pool,
            pool.acquire() as connection,
        ):
            await connection.execute(
                "UPDATE electric.devices SET seen_at = now() - interval '1 year'"
                " WHERE device = ANY ($1::text[])",
                away,
            )
            end = time.monotonic() + PATIENCE_S
            while await connection.fetchval(f"SELECT EXISTS ({tombstones})"):
                assert time.monotonic() < end, "the hub does not forget"
                await clean(connection, schema, [])
                await asyncio.sleep(0.05)
            return int(await connection.fetchval("SELECT horizon::text FROM electric.hub"))

    return asyncio.run(forget_all())


def tell(database: Database, horizon: int) -> None:
    """The device is told that the hub has forgotten too much, and then the connection is lost."""
    with (
        closing(Replica(database.path)) as replica,
        closing(sqlite3.connect(database.path)) as file,
    ):
        replica.reconcile(read_meta(file).acknowledged, horizon, int(time.time() * 1000))


def test_nothing_is_refused_that_is_written_before_all_rows_are_there(
    app: App, device: Open
) -> None:
    app.migrate("tables", "".join(TABLES))
    one, away = device("one"), device("away")
    write(
        one, "INSERT INTO lists VALUES (1, 'a'), (2, 'b')", "INSERT INTO notes VALUES (1, 1, 'a')"
    )
    settle(one, away)
    away.close()
    with closing(sqlite3.connect(away.path)) as program:
        name = read_meta(program).device
        with program:
            program.execute("INSERT INTO notes VALUES (2, 1, 'unsent')")
        write(one, "DELETE FROM notes", "DELETE FROM lists")
        settle(one)
        run(app, "INSERT INTO lists VALUES (3, 'so that the first device passes it')")
        settle(one)
        one.close()
        one = device("one")  # it says what it has
        settle(one)
        tell(away, forget(app, name))
        for sql in (
            "UPDATE notes SET body = 'later' WHERE id = 1",
            "INSERT INTO notes VALUES (3, 2, 'of a forgotten list')",
        ):
            with program:
                program.execute(sql)
    with closing(electrify(away.path, app.bundle, token=app.token)) as again:
        settle(again, one)
        assert json.loads(app.electric("quarantine", "list", "--json")) == []
        notes = [(1, 1, "later"), (2, 1, "unsent"), (3, 2, "of a forgotten list")]
        assert agreed(app, "notes", one, again) == notes
        assert agreed(app, "lists", one, again)[:2] == [(1, "a"), (2, "b")]
        assert run(app, "SELECT count(*) FROM electric.quarantine") == [(0,)]
