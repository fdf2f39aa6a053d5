"""`electric status`: whether somebody has changed the tables otherwise than by a migration."""

import asyncio

import asyncpg

from tests.cli.conftest import Typist

NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, done BOOLEAN);\n"
ALL_THE_SAME = "SET electric.migrating = 'on'; ALTER TABLE notes DROP COLUMN done"
A_RULE = "ALTER TABLE notes ADD CONSTRAINT short CHECK (length(body) < 9)"


def run(url: str, *statements: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url.strip())
        for sql in statements:
            await connection.execute(sql)
        await connection.close()

    asyncio.run(execute())


def test_drift_is_told_with_what_to_do(deployed: Typist) -> None:
    deployed.migration("add notes", NOTES)
    deployed.well("sync")
    assert "drift" not in deployed.well("status")
    assert deployed("status", "--json").json()["drift"] == []
    run(deployed.well("database-url"), A_RULE, ALL_THE_SAME)
    said = deployed.well("status")
    assert "drift           2 changes that no migration made\n" in said
    assert "  notes: Column done was dropped or renamed" in said
    assert (
        '    Rename it back, or add it again: ALTER TABLE public."notes" ADD COLUMN "done"' in said
    )
    assert "  notes: The constraint short was added: CHECK ((length(body) < 9))." in said
    breaking, rule = deployed("status", "--json").json()["drift"]
    assert (breaking["table"], breaking["breaks"], rule["breaks"]) == ("notes", True, False)
