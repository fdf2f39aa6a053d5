"""The conservation law, asked of the files and of Postgres: every transaction has one fate."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import asyncpg

_HERE = """
SELECT device, number, acknowledged, unsent, waiting, retried, discarded, holds
FROM _electric_fates
"""
_THERE = "SELECT device, number, waiting, retried, discarded, holds FROM electric.fates"
Fates = dict[str, tuple[int, ...]]


def check_laws(url: str, paths: Sequence[Path]) -> None:
    """It holds at any time, also while everybody writes."""
    assert all(fates[-1] for fates in _at_the_hub(url).values())
    check_files(paths)


def check_files(paths: Sequence[Path]) -> None:
    """The same, where there is no Postgres to be asked."""
    for path in paths:
        assert all(fates[-1] for fates in _in_the_file(path).values())


def check_fates(url: str, paths: Sequence[Path]) -> None:
    """When all is in sync, both sides say the same; of what a file was before it became another
    device, the hub may know more."""
    hub = _at_the_hub(url)
    for path in paths:
        with closing(sqlite3.connect(path)) as file:
            sql = "SELECT value FROM _electric_meta WHERE key = 'device'"
            (current,) = file.execute(sql).fetchone()
        for device, (number, acknowledged, unsent, *fates) in _in_the_file(path).items():
            assert fates[-1] and hub[device][-1], (device, fates, hub[device])
            if device == current:
                assert (number, acknowledged, unsent) == (hub[device][0], hub[device][0], 0)
                assert tuple(fates) == hub[device][1:]
            else:
                assert acknowledged <= hub[device][0]


def _in_the_file(path: Path) -> Fates:
    with closing(sqlite3.connect(path)) as file:
        return {device: tuple(fates) for device, *fates in file.execute(_HERE)}


def _at_the_hub(url: str) -> Fates:
    async def fetch() -> Fates:
        connection = await asyncpg.connect(url)
        try:
            return {record[0]: tuple(record)[1:] for record in await connection.fetch(_THERE)}
        finally:
            await connection.close()

    return asyncio.run(fetch())
