"""Direct writes with effects: foreign keys' actions, users' triggers; and tables of every look."""

import asyncpg
import pytest

from tests.integration.hub.hubs import insert, opened
from tests.integration.hub.twin import Twin

pytestmark = pytest.mark.anyio
FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL, name TEXT);
CREATE TABLE clingy (
    id INTEGER PRIMARY KEY NOT NULL, parent INTEGER REFERENCES parents ON DELETE CASCADE
);
CREATE TABLE free (
    id INTEGER PRIMARY KEY NOT NULL, parent INTEGER REFERENCES parents ON DELETE SET NULL
);
CREATE TABLE grand (id INTEGER PRIMARY KEY NOT NULL, c INTEGER REFERENCES clingy ON DELETE CASCADE);
"""
LOG = """
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, size INTEGER DEFAULT 0);
CREATE TABLE log (id TEXT PRIMARY KEY NOT NULL, what TEXT);
"""
TRIGGERS = {
    "writes elsewhere": """
        INSERT INTO log VALUES (NEW.id || TG_OP, NEW.body)
        ON CONFLICT (id) DO UPDATE SET what = excluded.what""",
    "writes the same row": """
        UPDATE notes SET size = length(NEW.body) WHERE id = NEW.id AND size <> length(NEW.body)""",
    "deletes the row": "DELETE FROM notes WHERE id = NEW.id AND NEW.body LIKE 'bad%'",
    "moves the row": "UPDATE notes SET id = 'x' || id WHERE id = NEW.id AND id NOT LIKE 'x%'",
}
WRITES = (
    "INSERT INTO notes VALUES ('a', 'one'), ('b', 'bad one'), ('c', 'three')",
    "UPDATE notes SET body = 'bad too' WHERE id LIKE '%a'",
    "UPDATE notes SET body = body || '!'",
)
NAMES = """
CREATE TABLE "Mixed Case" (
    "xid" INTEGER NOT NULL, "n" TEXT NOT NULL, "o" TEXT NOT NULL, "id" TEXT, "s" TEXT DEFAULT 's',
    "here" TEXT, "Select ""it"" now" TEXT, excluded TEXT, k0 TEXT, writers TEXT, deleted INTEGER,
    PRIMARY KEY ("xid", "n", "o")
);
"""
TYPES = """
CREATE TABLE types (
    id UUID PRIMARY KEY NOT NULL, i INTEGER DEFAULT -5, r REAL DEFAULT 0.5, t TEXT DEFAULT 'a\\b',
    b BLOB DEFAULT x'00ff', yes BOOLEAN DEFAULT TRUE, d DATE DEFAULT '2024-02-29', ti TIME,
    ts DATETIME DEFAULT '2024-01-01 00:00:00', tz TIMESTAMPTZ, j JSON DEFAULT '{"a": 1}',
    n DECIMAL(10, 2) DEFAULT 1.5
);
"""


async def test_actions_of_foreign_keys(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        twin = Twin(world)
        await twin.transaction(
            "INSERT INTO parents SELECT n FROM generate_series(1, 4) n",
            "INSERT INTO clingy SELECT n, n % 4 + 1 FROM generate_series(1, 12) n",
            "INSERT INTO free SELECT n, n % 4 + 1 FROM generate_series(1, 12) n",
            "INSERT INTO grand SELECT n, n FROM generate_series(1, 12) n",
        )
        await twin.transaction("DELETE FROM parents WHERE id = 1")
        await twin.check()
        await twin.transaction("DELETE FROM parents WHERE id > 2", "TRUNCATE parents CASCADE")
        await twin.check()


@pytest.mark.parametrize("what", TRIGGERS)
async def test_triggers_of_users(any_database: str, what: str) -> None:
    async with opened(any_database, LOG) as world:
        await world.client.execute(
            "CREATE FUNCTION effect() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {TRIGGERS[what]}; RETURN NULL; END $$;"
            "CREATE TRIGGER effect AFTER INSERT OR UPDATE ON notes"
            " FOR EACH ROW EXECUTE FUNCTION effect()"
        )
        twin = Twin(world)
        for statement in WRITES:
            await twin.transaction(statement)
            assert await world.shown() == await world.tables()
        await twin.transaction(*WRITES[1:], "DELETE FROM notes", *WRITES)
        assert await world.shown() == await world.tables()


async def test_a_trigger_that_brings_rows_back(any_database: str) -> None:
    async with opened(any_database, LOG) as world:
        await world.client.execute(
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO notes VALUES (OLD.id, 'kept'); RETURN NULL; END $$;"
            "CREATE TRIGGER keep AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION keep()"
        )
        await world.client.execute("INSERT INTO notes VALUES ('a', 'one'), ('b', 'two')")
        await world.client.execute("DELETE FROM notes WHERE id = 'a'")
        assert await world.shown() == await world.tables()
        await world.client.execute("TRUNCATE notes")
        assert await world.shown() == await world.tables() == {}


async def test_a_trigger_that_changes_what_is_written(any_database: str) -> None:
    async with opened(any_database, LOG) as world:
        await world.client.execute(
            "CREATE FUNCTION measure() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.size = length(NEW.body); RETURN NEW; END $$;"
            "CREATE TRIGGER measure BEFORE INSERT OR UPDATE ON notes"
            " FOR EACH ROW EXECUTE FUNCTION measure()"
        )
        twin = Twin(world)
        for statement in WRITES:
            await twin.transaction(statement)
            await twin.check()


async def test_names_of_every_kind(any_database: str) -> None:
    async with opened(any_database, NAMES) as world:
        twin = Twin(world)
        await twin.transaction(
            """INSERT INTO "Mixed Case" VALUES (1, 'n', 'o', 'id'), (2, 'n', 'o', 'id')""",
            """UPDATE "Mixed Case" SET "Select ""it"" now" = 'x', here = 'y', deleted = 1""",
        )
        await twin.check()
        await twin.transaction(
            """UPDATE "Mixed Case" SET "o" = 'p', writers = 'w' WHERE xid = 1""",
            """DELETE FROM "Mixed Case" WHERE xid = 2""",
        )
        await twin.check()


async def test_types_of_every_kind(any_database: str) -> None:
    async with opened(any_database, TYPES) as world:
        twin = Twin(world)
        some = "'2b0d7b3d-6f0c-4f0e-9d3c-{:012}'"
        await twin.transaction(
            f"INSERT INTO types (id) VALUES ({some.format(1)})",
            f"INSERT INTO types (id, ti, tz) VALUES ({some.format(2)}, '10:00', now())",
            f"INSERT INTO types (id, j, n, r) VALUES ({some.format(3)}, '{{\"a\":1}}', 1.50, 1)",
        )
        await twin.check()
        await twin.transaction("UPDATE types SET j = j, n = 1.5, yes = NOT yes, b = b || b")
        await twin.check()
        await twin.transaction(
            "UPDATE types SET ts = '2024-01-01 00:00:00.5', d = d + 1, ti = NULL, j = 'null'",
            "DELETE FROM types WHERE n = 1.5",
        )
        await twin.check()


async def test_a_role_without_rights_on_our_schema_writes(any_database: str) -> None:
    async with opened(any_database, LOG) as world:
        device = await world.device()
        await device.write(insert("notes", {"id": "d", "body": "device's", "size": 0}))
        await world.client.execute(
            "DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN;"
            "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON notes TO writer; SET ROLE writer"
        )
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await world.client.execute("SELECT * FROM electric.touched")
            for statement in (*WRITES, "DELETE FROM notes WHERE id = 'a'", "TRUNCATE notes"):
                await world.client.execute(statement)
        finally:
            await world.client.execute("RESET ROLE; DROP OWNED BY writer; DROP ROLE writer")
        assert await world.shown() == {}
        assert {row.alive for row in (await world.rows()).values()} == {False}
