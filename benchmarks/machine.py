"""What a run was measured on: the numbers mean nothing without it."""

import os
import platform
import sqlite3
from pathlib import Path

import asyncpg


async def describe(postgres_url: str) -> dict[str, str]:
    """The machine and the versions."""
    connection = await asyncpg.connect(postgres_url)
    try:
        postgres = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return {
        "CPU": f"{_first('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "RAM": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        "OS": platform.platform(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "Postgres": str(postgres),
    }


def _first(path: str, start: str) -> str:
    """The value of the first line of that name; on Linux, where there are such files."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return "unknown"
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(start))
    return next(found, "unknown")
