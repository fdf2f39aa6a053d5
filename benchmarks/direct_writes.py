"""Direct writes in Postgres: a replicated table against one that isn't, in the same database.

Both sides are single statements on one connection; single rows are committed one by one, with
fsync. No device is connected. The tables grow from round to round, both alike.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias

from benchmarks import notes
from benchmarks.measuring import Result, Side, in_turns, scaled, timed
from benchmarks.postgres import Connection, connect, settle
from benchmarks.stage import Stage

_ROUNDS = 7
_SINGLE_ROUNDS = 40  # short ones: how long an fsync takes changes from second to second
_SINGLE_ROWS = 50
_BULK_ROWS = 100_000
_FIRST_SINGLE: Final = 100_000_000  # far from the rows of the bulk writes
_AGAINST = "plain Postgres"
_UPDATE: Final = "UPDATE {} SET stars = stars + 1, price = price * 2 WHERE id >= $1 AND id < $2"

Write: TypeAlias = Callable[[Connection, str, int], Awaitable[None]]
"""Writes into a table of that name what belongs to a round."""


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    url = stage.service.environment("direct").database_url
    bulk = scaled(_BULK_ROWS, stage.scale)
    pairs: list[tuple[str, float, Write, int]] = [
        ("1-row", 1.4, _singly(scaled(_SINGLE_ROWS, stage.scale)), _SINGLE_ROUNDS),
        ("bulk insert", 3.0, _inserting(bulk), _ROUNDS),
        ("bulk update", 3.5, _updating(bulk), _ROUNDS),
    ]
    with asyncio.Runner() as runner:
        connection = runner.run(connect(url))
        for name, target_max, write, rounds in pairs:

            def on(table: str, write: Write = write) -> Side:
                return lambda number: runner.run(_timed(connection, write, table, number))

            times = in_turns(on("notes"), on("plain_notes"), rounds)
            yield Result(f"direct Postgres write, {name}", _AGAINST, target_max, *times)
        runner.run(connection.close())


async def _timed(connection: Connection, write: Write, table: str, number: int) -> float:
    await settle(connection)
    with timed() as watch:
        await write(connection, table, number)
    return watch.seconds


def _singly(count: int) -> Write:
    async def write(connection: Connection, table: str, number: int) -> None:
        start = _FIRST_SINGLE + number * count
        sql = f"INSERT INTO {table} VALUES ($1, $2, $3, $4, $5)"
        for row in notes.rows(start, start + count):
            await connection.execute(sql, *row)

    return write


def _inserting(count: int) -> Write:
    async def write(connection: Connection, table: str, number: int) -> None:
        start = number * count
        sql = f"INSERT INTO {table} {notes.GENERATED}"
        await connection.execute(sql, start, start + count, notes.BODY)

    return write


def _updating(count: int) -> Write:
    """Updates what was inserted in the same round."""

    async def write(connection: Connection, table: str, number: int) -> None:
        start = number * count
        keys = notes.key(start), notes.key(start + count)
        await connection.execute(_UPDATE.format(table), *keys)

    return write
