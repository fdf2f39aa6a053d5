"""The app's own triggers on a table that is adopted: they go on for what is written in this file,
and are silent while changes of others come in, which bring with them what such a trigger did there.

One that writes no replicated table goes on as it is: it keeps something of this file's own, such as
an index for searching, which needs to hear of every change.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from electricsql.migrations import GUARD
from electricsql.schema import OURS, Token, tokens

_FIRING: Final = "_electric_firing"
"""Which triggers are under way: SQLite would not fire one again because of what it does itself, but
for a setting that capture needs (`recursive_triggers`)."""


def triggers_of(database: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """The name and text of each trigger that a table has, but for ours."""
    return database.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?"
        " AND substr(name, 1, ?) <> ? ORDER BY rowid",
        (table, len(OURS), OURS),
    ).fetchall()


def keep_triggers(
    database: sqlite3.Connection, texts: Iterable[str], replicated: Collection[str]
) -> None:
    """Make an adopted table's triggers again, given the lower-case names of all that is
    replicated."""
    for text in texts:
        every = list(tokens(text))
        if _is_local(every, replicated):
            database.execute(text)
        else:
            database.execute(f"CREATE TABLE IF NOT EXISTS {_FIRING} (name)")
            database.execute(_guarded(text, every))


def _is_local(every: list[Token], replicated: Collection[str]) -> bool:
    """Whether a trigger refuses nothing, and writes nothing that is replicated."""
    if any(token.is_word("RAISE") for token in every):
        return False
    return not any(name.lower() in replicated for name in _written(every[_begin(every) :]))


def _written(body: list[Token]) -> Iterator[str]:
    """The tables that statements write, and perhaps words that are none."""
    for before, token, after in zip(body, body[1:], body[2:], strict=False):
        deletes = before.is_word("DELETE") and token.is_word("FROM")
        resolves = before.is_word("OR") and not token.is_word("INTO")
        if deletes or resolves or token.is_word("INTO", "UPDATE"):
            yield after.name


def _begin(every: list[Token]) -> int:
    """Where the body begins."""
    depth = 0
    for at, token in enumerate(every):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word("BEGIN"):
            return at
    raise AssertionError("SQLite has taken it, so it has a body")


def _guarded(text: str, every: list[Token]) -> str:
    begin = every[_begin(every)]
    when = next((t for t in every if t.is_word("WHEN") and t.start < begin.start), None)
    name = _name(every).replace("'", "''")
    silent = f"EXISTS (SELECT 1 FROM {GUARD})"
    again = f"EXISTS (SELECT 1 FROM {_FIRING} WHERE name = '{name}')"
    condition = f"NOT ({silent} OR {again})"
    if when is None:
        head = f"{text[: begin.start]}WHEN {condition}"
    else:
        head = f"{text[: when.end]} {condition} AND ({text[when.end : begin.start].strip()})"
    body = text[begin.end : every[-1].start].rstrip()
    return (
        f"{head}\nBEGIN\n  INSERT INTO {_FIRING} VALUES ('{name}');{body}"
        f"\n  DELETE FROM {_FIRING} WHERE name = '{name}';\nEND"
    )


def _name(every: list[Token]) -> str:
    """A trigger's name, which `sqlite_schema` shows without IF NOT EXISTS or TEMP."""
    return every[2].name
