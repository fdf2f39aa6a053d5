"""The app's own triggers in its file, but for those that migrations bring: on a table that is
adopted they are made again, by the rules that hold for all (`migrations.kept_trigger`)."""

import sqlite3
from collections.abc import Sequence

from electricsql.migrations import created, hears, kept_trigger, triggers
from electricsql.schema import OURS, Schema, Table


def triggers_of(database: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """The name and text of each trigger that a table has, but for ours."""
    return database.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?)"
        " AND substr(name, 1, ?) <> ? ORDER BY rowid",
        (table, len(OURS), OURS),
    ).fetchall()


def keep_triggers(
    database: sqlite3.Connection, texts: Sequence[str], table: Table, schema: Schema
) -> None:
    """Make an adopted table's triggers again, but for those that the migrations have made anew;
    and capture's after them, which so hear of every write first."""
    replicated = {name.lower() for name in schema.tables}
    for text in texts:
        _, name = created(text)
        is_there = "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND lower(name) = lower(?)"
        if database.execute(is_there, (name,)).fetchone() is None:
            for statement in kept_trigger(text, replicated):
                database.execute(statement)
    for statement in triggers(table) if texts else ():
        database.execute(statement)


def has_listeners(database: sqlite3.Connection, table: str) -> bool:
    """Whether a table has triggers that must hear of what comes from others."""
    return any(hears(sql) for _, sql in triggers_of(database, table))
