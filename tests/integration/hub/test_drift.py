"""Somebody changes replicated tables otherwise than by a migration: it is told, with what to do,
and refused where we may have an event trigger."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from electricsql.errors import MigrationError
from tests.integration.hub.hubs import World, insert, opened, sources

pytestmark = pytest.mark.anyio
NOTES = """
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, n INTEGER, g TEXT AS (trim(body)));
CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, note TEXT REFERENCES notes);
-- @unique tags.note on-conflict=keep-first
CREATE UNIQUE INDEX one ON tags (note);
"""
ALLOWED = "SET electric.migrating = 'on'; "
DEEDS = {
    "ALTER TABLE notes DROP COLUMN n": "Column n was dropped or renamed",
    "ALTER TABLE notes RENAME COLUMN n TO m": "Column n was dropped or renamed",
    "ALTER TABLE notes ADD COLUMN x int": "Column x (integer) was added",
    "ALTER TABLE notes ALTER COLUMN n TYPE int": "Column n is integer now, and was bigint",
    "ALTER TABLE notes ALTER COLUMN n SET NOT NULL": "Column n is bigint NOT NULL now",
    "ALTER TABLE notes ALTER COLUMN g DROP EXPRESSION": "Column g is text now, and was text GENER",
    "ALTER TABLE notes DROP COLUMN g, ADD g text GENERATED ALWAYS AS (body) STORED": "Column g is",
    "ALTER TABLE notes RENAME TO sheets": "The table was dropped or renamed",
    "DROP TABLE tags": "The table was dropped or renamed",
    "DROP TABLE notes CASCADE": "The table was dropped or renamed",
    "DROP TRIGGER electric_update ON notes": "Trigger electric_update was dropped",
    "ALTER TABLE notes DISABLE TRIGGER electric_insert": "electric_insert was disabled",
    "ALTER TABLE notes DISABLE TRIGGER ALL": "was disabled",
    "DROP TRIGGER electric_keep_first_1 ON tags": "dropped: values that are taken go to the quar",
    "ALTER TABLE tags DISABLE TRIGGER electric_keep_first_1": "maybe values that are taken go",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE"
    " TRIGGER electric_mine BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION f()": "like ours",
    "ALTER TABLE tags DROP CONSTRAINT tags_note_fkey": "The constraint tags_note_fkey was dropped",
    "ALTER TABLE notes DROP CONSTRAINT notes_pkey CASCADE": "notes_pkey was dropped",
    "DROP INDEX one": "The unique index one was dropped",
}
ADDED = {
    "ALTER TABLE notes ADD CONSTRAINT small CHECK (n < 9)": "CHECK ((n < 9))",
    "CREATE UNIQUE INDEX two ON notes (body)": "The unique index two was added",
}
HARMLESS = (
    "CREATE INDEX three ON notes (n)",
    "ALTER TABLE notes ALTER COLUMN n SET DEFAULT 7",
    "CREATE TABLE other (x int); ALTER TABLE other ADD y int; DROP TABLE other",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    " CREATE TRIGGER own BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION f()",
    "COMMENT ON TABLE notes IS 'theirs'",
    "ANALYZE notes",
)


async def problems(world: World) -> list[str]:
    return [each.problem for each in (await world.hub.status()).drift]


@pytest.mark.parametrize("sql", DEEDS)
async def test_what_devices_would_not_hear_of_is_refused(database: str, sql: str) -> None:
    async with opened(database, NOTES) as world:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="replicated") as error:
            await world.client.execute(sql)
        assert "electric sync" in str(error.value.hint)
        assert await problems(world) == []


@pytest.mark.parametrize("sql", DEEDS)
async def test_what_was_done_all_the_same_is_told(database: str, sql: str) -> None:
    async with opened(database, NOTES) as world:
        await world.client.execute(ALLOWED + sql)
        assert DEEDS[sql] in " ".join(await problems(world))
        drift = (await world.hub.status()).drift
        assert all(each.remedy and each.breaks for each in drift)


async def test_on_each_postgres_one_deed_is_refused_and_told(any_database: str) -> None:
    async with opened(any_database, NOTES) as world:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await world.client.execute("ALTER TABLE notes DROP COLUMN n")
        assert await problems(world) == []
        await world.client.execute(ALLOWED + "ALTER TABLE notes DROP COLUMN n")
        (drift,) = (await world.hub.status()).drift
        add = drift.remedy.partition(": ")[2]
        assert add == 'ALTER TABLE public."notes" ADD COLUMN "n" bigint;'
        await world.client.execute(add)
        assert await problems(world) == []


async def test_what_computes_a_column_can_be_put_back(any_database: str) -> None:
    async with opened(any_database, NOTES) as world:
        await world.client.execute(ALLOWED + "ALTER TABLE notes ALTER COLUMN g DROP EXPRESSION")
        (drift,) = (await world.hub.status()).drift
        await world.client.execute(ALLOWED + drift.remedy.partition(": ")[2])
        assert await problems(world) == []


@pytest.mark.parametrize("sql", ADDED)
async def test_a_rule_that_is_added_is_told_and_may_be_meant(database: str, sql: str) -> None:
    async with opened(database, NOTES) as world:
        await world.client.execute(sql)
        (drift,) = (await world.hub.status()).drift
        assert ADDED[sql] in drift.problem
        assert "quarantine" in drift.remedy
        assert not drift.breaks


@pytest.mark.parametrize("sql", HARMLESS)
async def test_what_concerns_nobody_is_let_through(database: str, sql: str) -> None:
    async with opened(database, NOTES) as world:
        await world.client.execute(sql)
        assert await problems(world) == []


async def test_a_migration_is_no_drift_and_hides_none(database: str) -> None:
    async with opened(database, NOTES) as world:
        await world.client.execute(ALLOWED + "ALTER TABLE notes ADD COLUMN x int")
        more = "ALTER TABLE notes ADD COLUMN y INTEGER; CREATE UNIQUE INDEX by_y ON notes (y)"
        await world.hub.migrate(sources(NOTES, more))
        assert await problems(world) == ["Column x (integer) was added: devices don't hear of it."]
        computed = "ALTER TABLE notes ADD COLUMN h INTEGER AS (length(body)) CHECK (h < 99)"
        await world.hub.migrate(sources(NOTES, more, computed))
        assert len(await problems(world)) == 1
        clash = "ALTER TABLE notes ADD COLUMN x TEXT"
        with pytest.raises(MigrationError, match="postgres-refused"):
            await world.hub.migrate(sources(NOTES, more, computed, clash))


async def test_a_role_that_may_have_no_event_trigger_is_told_of_drift(database: str) -> None:
    admin = await asyncpg.connect(database)
    role = f"owner_of_{await admin.fetchval('SELECT current_database()')}"
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD 'secret'; GRANT ALL ON DATABASE {name} TO {role};"
        f" GRANT ALL ON SCHEMA public TO {role}"
    )
    try:
        parts = urlsplit(database)
        host = parts.netloc.rpartition("@")[2]
        url = urlunsplit(parts._replace(netloc=f"{role}:secret@{host}"))
        async with opened(url, NOTES) as world:
            await world.client.execute("ALTER TABLE notes DROP COLUMN n")
            assert len(await problems(world)) == 1
            writer = await world.device()
            await writer.write(insert("tags", {"id": "t", "note": None}))
    finally:
        await admin.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
        await admin.close()


async def test_all_that_is_ours_can_be_taken_out(database: str) -> None:
    async with opened(database, NOTES) as world:
        await world.client.execute("DROP SCHEMA electric CASCADE")
        await world.client.execute("ALTER TABLE notes DROP COLUMN n")
        left = await world.client.fetchval("SELECT count(*) FROM pg_event_trigger")
        assert left == 0
