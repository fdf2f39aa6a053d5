"""Values that must be unique pass between rows in one transaction, whatever the rule is like: over
texts in any case, or only for some rows. Postgres takes it, as the file did."""

from random import Random

import pytest

from electricsql.replication import Change, RowId
from electricsql.schema import Value
from tests.integration.hub.hubs import Device, delete, insert, opened, update

pytestmark = pytest.mark.anyio

SEATS = """
CREATE TABLE seats (
    id TEXT PRIMARY KEY NOT NULL, name TEXT, number INTEGER, is_taken BOOLEAN NOT NULL
);
-- @unique seats.name on-conflict=quarantine
CREATE UNIQUE INDEX one_name ON seats (name COLLATE NOCASE);
-- @unique one_number on-conflict=quarantine
CREATE UNIQUE INDEX one_number ON seats (number) WHERE is_taken;
"""
Rows = dict[str, dict[str, Value]]


def _is_allowed(rows: Rows) -> bool:
    names = [str(row["name"]).lower() for row in rows.values() if row["name"] is not None]
    numbers = [row["number"] for row in rows.values() if row["is_taken"]]
    numbers = [number for number in numbers if number is not None]
    return len(set(names)) == len(names) and len(set(numbers)) == len(numbers)


def _state(random: Random) -> Rows:
    rows: Rows = {}
    for id in random.sample("abcde", random.randint(1, 5)):
        row: dict[str, Value] = {
            "id": id,
            "name": random.choice([None, "x", "X", "y", "Y", "z"]),
            "number": random.choice([None, 1, 2, 3]),
            "is_taken": random.randint(0, 1),
        }
        if _is_allowed({**rows, id: row}):
            rows[id] = row
    return rows


def _changes(before: Rows, after: Rows, lives: dict[str, int]) -> list[Change]:
    changes = [delete("seats", id, lives[id]) for id in before.keys() - after.keys()]
    for id, row in after.items():
        if id not in before:
            lives[id] = lives.get(id, 0) + 1
            changes.append(insert("seats", row, incarnation=lives[id]))
        elif new := {name: row[name] for name in row if row[name] != before[id][name]}:
            changes.append(update("seats", id, lives[id], **new))
    return changes


async def test_values_pass_under_rules_of_every_kind(any_database: str) -> None:
    random = Random(1)
    async with opened(any_database, SEATS) as world:
        device: Device = await world.device()
        rows: Rows = {}
        lives: dict[str, int] = {}
        for _ in range(50):
            after = _state(random)
            await device.catch_up()
            if changes := _changes(rows, after, lives):
                await device.write(*changes)
            assert await world.hub.quarantined() == [], (rows, after)
            assert await world.tables() == {RowId("seats", (id,)): row for id, row in after.items()}
            rows = after


async def test_what_decides_whether_a_rule_is_for_a_row_passes_too(any_database: str) -> None:
    """Rows that give way to each other without changing the number itself."""
    async with opened(any_database, SEATS) as world:
        device: Device = await world.device()
        ids = "abcdefgh"
        seats = [{"id": id, "name": None, "number": 1, "is_taken": id == "a"} for id in ids]
        await device.write(
            *(insert("seats", {**row, "is_taken": int(row["is_taken"] or 0)}) for row in seats)
        )
        for last, next in zip(ids, ids[1:] + ids, strict=False):
            await device.catch_up()
            await device.write(update("seats", next, is_taken=1), update("seats", last, is_taken=0))
            assert await world.hub.quarantined() == [], (last, next)
