"""Building and checking a large application: 500 migrations over 200 tables, by the CPU time of the
command with the start of Python, against a plain SQLite that runs the same DDL.

`build` judges and compiles all of them, as after a fresh checkout; `check` judges one new migration
on top of those that were applied.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.measuring import Result, in_turns, scaled
from benchmarks.stage import Stage
from electricsql.migrations import bundle_json, read_bundle

_ROUNDS = 3
_TABLES = 200
_MIGRATIONS = 500
_TYPES = ("TEXT", "REAL", "BOOLEAN", "TIMESTAMP", "UUID", "JSON", "DATE", "NUMERIC")
_NEW = """CREATE TABLE newest (id TEXT PRIMARY KEY NOT NULL, first TEXT REFERENCES t0 (id));
ALTER TABLE t1 ADD COLUMN newest TEXT;
"""
_PLAIN = """
import sqlite3, sys
from pathlib import Path
database = sqlite3.connect(":memory:", isolation_level=None)
for path in sorted(Path("migrations").glob("*/migration.sql")):
    database.executescript(path.read_text())
"""


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    tables, count = scaled(_TABLES, stage.scale), scaled(_MIGRATIONS, stage.scale)
    with stage.folder() as folder:
        _electric(folder, "init", "large")
        for number, sql in enumerate(_migrations(tables, count)):
            _write(folder, number, sql)
        of = f"{count} migrations over {tables} tables"
        times = in_turns(lambda _: _build(folder), lambda _: _plain(folder), _ROUNDS)
        yield Result(f"electric build, {of}, CPU", "plain SQLite, the same DDL", 8.0, *times)
        yield Result(f"electric build, {of}, CPU", "", 5000, times[0])
        _synced(folder)
        _write(folder, count, _NEW)
        times = in_turns(lambda _: _check(folder), lambda _: _plain(folder), _ROUNDS)
        yield Result("electric check of one more, CPU", "plain SQLite, the same DDL", 1.5, *times)
        yield Result("electric check of one more, CPU", "", 1000, times[0])


def _migrations(tables: int, count: int) -> Iterator[str]:
    """First the tables, each with an index and most with a parent; then columns and indexes."""
    for n in range(tables):
        columns = [f"c{k} {_TYPES[(n + k) % len(_TYPES)]}" for k in range(8)]
        if n % 3:
            columns.append(f"parent TEXT REFERENCES t{n - 1} (id) ON DELETE CASCADE")
        yield (
            f"-- Table {n}.\nCREATE TABLE t{n} (\n    id TEXT PRIMARY KEY NOT NULL,\n"
            "    title TEXT NOT NULL DEFAULT '' CHECK (length(title) < 200),\n    "
            + ",\n    ".join(columns)
            + f"\n);\nCREATE INDEX t{n}_by_title ON t{n} (title);\n"
        )
    for n in range(tables, count):
        table = f"t{n % tables}"
        yield f"ALTER TABLE {table} ADD COLUMN d{n} TEXT NOT NULL DEFAULT 'x';\n" + (
            f"CREATE INDEX {table}_by_d{n} ON {table} (d{n});\n" if n % 2 else ""
        )


def _write(folder: Path, number: int, sql: str) -> None:
    made = folder / "migrations" / f"20240101{number:09}_m{number}"
    made.mkdir(parents=True)
    (made / "migration.sql").write_text(sql)


def _build(folder: Path) -> float:
    (folder / "migrations" / "manifest.json").unlink(missing_ok=True)
    return _electric(folder, "build")


def _check(folder: Path) -> float:
    return _electric(folder, "check")


def _synced(folder: Path) -> None:
    """As if all that was built had been applied."""
    path = folder / ".electric" / "large" / "default" / "bundle.json"
    bundle = read_bundle(path)
    path.write_text(bundle_json(msgspec.structs.replace(bundle, env="default")))


def _electric(folder: Path, *arguments: str) -> float:
    return _cpu_seconds(folder, ["-m", "electricsql", *arguments])


def _plain(folder: Path) -> float:
    return _cpu_seconds(folder, ["-c", _PLAIN])


def _cpu_seconds(folder: Path, arguments: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
