"""Whatever is written as a migration, the build refuses it with findings, or what it makes runs on
both sides, comes to the same model there, and lets the same rows in."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TypeAlias

import asyncpg
import pytest

from electricsql.checks import Refused, checked_build
from electricsql.checks.formats import github, json, sarif, text
from electricsql.errors import MigrationError
from electricsql.hub import Hub
from electricsql.hub.capture import create_capture
from electricsql.hub.catalog import read_catalog
from electricsql.hub.values import finish, wire
from electricsql.migrations import CAPTURE_TABLES, Build
from electricsql.schema import ColumnType, Schema, Scratch, Table, Value, postgres_literal, quote
from tests.checks.sources import sources
from tests.integration.made_up import Maker
from tests.integration.models import expected, found, unnumbered

"""
"""

pytestmark = pytest.mark.anyio

_VALUES: dict[ColumnType, Sequence[Value]] = {
    ColumnType.INTEGER: (1, 0, -1, 2**63 - 1, 5),
    ColumnType.REAL: (1.5, 0.0, -1e300, float("inf"), 2.0),
    ColumnType.TEXT: ("a", "", "A", "Grüße 🙂", "x" * 11),
    ColumnType.BLOB: (b"a", b"", b"\0\xff"),
    ColumnType.BOOLEAN: (1, 0),
    ColumnType.DATE: ("2024-02-29", "0001-01-01", "9999-12-31"),
    ColumnType.TIME: ("12:00:00", "00:00:00", "23:59:59.999999"),
    ColumnType.TIMESTAMP: ("2024-02-29 12:00:00", "9999-12-31 23:59:59.999999"),
    ColumnType.TIMESTAMPTZ: ("2024-02-29 12:00:00+00:00", "9999-12-30 00:00:00+00:00"),
    ColumnType.UUID: tuple(f"2b0d7b3d-6f0c-4f0e-9d3c-{n:012x}" for n in range(5)),
    ColumnType.JSON: ("null", "[1]", '{"a": 1}', 5),
    ColumnType.NUMERIC: (1, 0, -1.5, 2**63 - 1),
}
_ROWS = 6
_REFUSALS = (asyncpg.CheckViolationError, asyncpg.NumericValueOutOfRangeError)
"""Postgres computes a row's columns before it looks at its CHECKs."""
_Client: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def test_whatever_is_written_is_refused_or_works_on_both_sides(database: str) -> None:
    outcomes = await tried(database, range(300))
    assert outcomes["accepted"] > 50
    assert len(outcomes) > 20, "all kinds of mistakes are made"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("thousand", range(10))
async def test_ten_thousand_made_up_applications(any_database: str, thousand: int) -> None:
    outcomes = await tried(any_database, range(1000 * thousand, 1000 * (thousand + 1)))
    assert outcomes["accepted"] > 200


async def tried(url: str, seeds: range) -> Counter[str]:
    """How many came to what: accepted, or the first rule that refused."""
    hub = await Hub.open(url, "test", "default")
    client = await asyncpg.connect(url, statement_cache_size=0)  # tables come and go
    try:
        outcomes: Counter[str] = Counter()
        for seed in seeds:
            texts = Maker(seed).migrations()
            try:
                outcomes[await outcome(client, texts)] += 1
            except Exception as error:
                shown = "\n-- next migration\n".join(texts)
                raise AssertionError(f"seed {seed}: {error!r}\n{shown}") from error
        return outcomes
    finally:
        await client.close()
        await hub.close()


async def outcome(client: _Client, texts: Sequence[str]) -> str:
    """What an application's migrations come to."""
    try:
        built = checked_build(sources(*texts)).build
    except Refused as refused:
        for format in (github, json, sarif, text):
            assert format.shown(refused.findings)
        return next(each.rule for each in refused.findings if each.is_error)
    except MigrationError as error:
        raise AssertionError(f"nothing was found, and yet: {error}") from error
    await works(client, built)
    return "accepted"


async def works(client: _Client, built: Build) -> None:
    """What was built does, on both sides."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as device:
        for statement in (*CAPTURE_TABLES, *(s for m in built.migrations for s in m.statements)):
            device.execute(statement)
        await client.execute("BEGIN")
        try:
            for migration in built.migrations:
                for table in migration.difference.dropped:  # the hub moves them out of the way
                    await client.execute(f"DROP TABLE {quote(table.name)} CASCADE")
                for sql in migration.postgres:
                    await client.execute(sql)
            for table in built.schema:
                for sql in create_capture(table):
                    await client.execute(sql)
            assert unnumbered(on_the_device(device, built.schema)) == unnumbered(built.schema)
            assert found(await read_catalog(client)) == expected(built.schema)
            for table in built.schema:
                await same_rows_get_in(client, device, table)
                assert await computed_in_postgres(client, table) == computed(device, table)
        finally:
            await client.execute("ROLLBACK")


def on_the_device(device: sqlite3.Connection, schema: Schema) -> Schema:
    """What the file says of its tables."""
    made = "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND type <> 'trigger' AND sql > ''"
    with closing(Scratch()) as scratch:
        for table in schema:
            for (sql,) in device.execute(made, (table.name,)).fetchall():
                scratch.run(sql)
        return scratch.schema()


async def same_rows_get_in(client: _Client, device: sqlite3.Connection, table: Table) -> None:
    """What the device takes Postgres takes; what is against a CHECK on one is so on both."""
    names = ", ".join(map(quote, table.column_names))
    insert = f"INSERT INTO {quote(table.name)} ({names}) VALUES "
    for row in rows(table):
        literals = ", ".join(
            postgres_literal(value, column.type)
            for value, column in zip(row, table.columns, strict=True)
        )
        try:
            device.execute(f"{insert} ({', '.join('?' * len(row))})", row)
        except sqlite3.Error as error:
            if "CHECK constraint failed" in str(error):
                with pytest.raises(_REFUSALS):
                    await client.execute(f"SAVEPOINT s; {insert} ({literals})")
                await client.execute("ROLLBACK TO SAVEPOINT s")
        else:
            await client.execute(f"{insert} ({literals})")


def computed(device: sqlite3.Connection, table: Table) -> list[tuple[Value, ...]]:
    """What the device's generated columns show."""
    names = ", ".join(quote(column.name) for column in table.generated) or "NULL"
    return sorted(device.execute(f"SELECT {names} FROM {quote(table.name)}").fetchall(), key=repr)


async def computed_in_postgres(client: _Client, table: Table) -> list[tuple[Value, ...]]:
    """What Postgres shows in them, as a device would have it."""
    wired = ", ".join(wire(column, quote(column.name)) for column in table.generated) or "NULL"
    records = await client.fetch(f"SELECT {wired} FROM {quote(table.name)}")
    if not table.generated:
        return [(None,) for _ in records]
    columns = zip(table.generated, zip(*records, strict=True), strict=False)
    return sorted(zip(*(finish(*each) for each in columns), strict=True), key=repr)


def rows(table: Table) -> Iterator[list[Value]]:
    """Some rows, with NULL where it is allowed."""
    for number in range(_ROWS):
        row: list[Value] = []
        for place, column in enumerate(table.columns):
            is_key = column.name in table.primary_key
            values = _VALUES[column.type]
            nullable = not (is_key or column.not_null)
            value = values[(number * (1 if is_key else place + 1)) % len(values)]
            row.append(None if nullable and (number + place) % 4 == 3 else value)
        yield row
