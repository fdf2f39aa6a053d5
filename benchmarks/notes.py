"""The app whose rows are written: one table, and the same without electricsql for the baselines.

Keys run upward, as UUIDv7s do: kinder to B-trees than random ones, so the baselines are fast.
"""

import sqlite3
from pathlib import Path
from typing import Final

from electricsql import Database, electrify
from electricsql.limits import BUSY_TIMEOUT_MS
from electricsql.migrations import Bundle, Source, build, bundled, make_bundle

APP: Final = "notes"
SOURCE: Final = Source(
    "20240101000000000_notes",
    "notes",
    "CREATE TABLE notes (\n"
    "    id TEXT PRIMARY KEY NOT NULL,\n"
    "    title TEXT NOT NULL,\n"
    "    body TEXT,\n"
    "    stars INTEGER NOT NULL DEFAULT 0,\n"
    "    price REAL\n"
    ");\n",
)
COLUMNS: Final = ("id", "title", "body", "stars", "price")
_NAMES: Final = ", ".join(COLUMNS)
_BODY: Final = "The quick brown fox jumps over the lazy dog, and the dog does not mind. "

INSERT: Final = f"INSERT INTO notes ({_NAMES}) VALUES (?, ?, ?, ?, ?)"
UPSERT: Final = (
    f"{INSERT} ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = excluded.body,"
    " stars = excluded.stars, price = excluded.price"
)
GENERATED: Final = (
    "SELECT 'n' || lpad(n::text, 9, '0'), 'Note ' || n, $3 || n, (n % 5)::int, n / 4.0"
    " FROM generate_series($1::bigint, $2::bigint - 1) n"
)
"""The rows from number $1 to before $2, made by Postgres itself; $3 is `BODY`."""
BODY: Final = _BODY

Row = tuple[str, str, str, int, float]


def key(number: int) -> str:
    """The key of row `number`."""
    return f"n{number:09}"


def rows(start: int, end: int, stars: int | None = None) -> list[Row]:
    """The rows from number `start` to before `end`; all with so many stars, or each with its
    own."""
    return [
        (key(n), f"Note {n}", f"{_BODY}{n}", n % 5 if stars is None else stars, n / 4)
        for n in range(start, end)
    ]


def bundle(env: str = "bench") -> Bundle:
    """What the app ships."""
    return make_bundle(APP, env, map(bundled, build([SOURCE]).migrations))


def open_ours(path: Path, opened: Bundle | None = None) -> Database:
    """The app's file as the app has it, not syncing."""
    return electrify(path, opened or bundle(), sync=False)


def connect_plain(path: Path) -> sqlite3.Connection:
    """A connection with the settings that electrify makes."""
    database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        database.execute(f"PRAGMA {setting}")
    database.execute("PRAGMA recursive_triggers = ON")
    return database


def open_plain(path: Path) -> sqlite3.Connection:
    """The same table in a file that electricsql has nothing to do with."""
    database = connect_plain(path)
    database.execute(SOURCE.sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    return database
