"""A migration's SQL: its hash, its statements, and where each of them stands."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from electricsql.errors import MigrationError
from electricsql.schema import Kind, Token, tokens

FILE: Final = "migration.sql"


@dataclass(frozen=True, slots=True)
class Source:
    """One migration as its author wrote it."""

    name: str
    title: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of the text with CRLF read as LF: what `sha256sum` shows of the file."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its closing `;`. `line` and `column` count from 1."""

    sql: str
    line: int
    column: int


def statements(sql: str) -> Iterator[Statement]:
    """The statements of a text, in order. SQLite itself says where one is complete, so that a `;`
    in a string, a comment or a trigger's body does not end it; a last one without `;` counts too.
    """
    text = sql.removeprefix("\ufeff").replace("\r\n", "\n")
    start = 0
    for match in re.finditer(";", text):
        part = text[start : match.end()]
        if sqlite3.complete_statement(part):
            yield from _statement(text, start, match.start())
            start = match.end()
    yield from _statement(text, start, len(text))


def _statement(text: str, start: int, end: int) -> Iterator[Statement]:
    """What stands between two places of the text, unless that is only space and comments."""
    first = next(tokens(text[start:end]), None)
    if first is None:
        return
    begin = start + first.start
    line = text.count("\n", 0, begin) + 1
    column = begin - (text.rfind("\n", 0, begin) + 1) + 1
    yield Statement(text[begin:end].rstrip(), line, column)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a migration something is, to be shown to its author."""

    migration: str
    line: int
    column: int
    excerpt: str

    def __str__(self) -> str:
        pointer = " " * (self.column - 1) + "^"
        where = f"{self.migration}/{FILE}:{self.line}:{self.column}"
        return f"{where}\n    {self.excerpt}\n    {pointer}\n"


def place(source: Source, statement: Statement, offset: int = 0) -> Place:
    """The place of a character of a statement."""
    before = statement.sql[:offset]
    line = statement.line + before.count("\n")
    column = offset - before.rfind("\n") if "\n" in before else statement.column + offset
    text = source.sql.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return Place(source.name, line, column, text[line - 1])


_KINDS: Final = (
    (("CREATE", "TABLE"), None),
    (("CREATE", "INDEX"), None),
    (("CREATE", "UNIQUE", "INDEX"), None),
    (("ALTER", "TABLE"), None),
    (("DROP", "INDEX"), None),
    (("CREATE", "VIEW"), "view"),
    (("CREATE", "TRIGGER"), "trigger"),
    (("CREATE", "VIRTUAL"), "virtual-table"),
    (("CREATE", "TEMP"), "local-statement"),
    (("CREATE", "TEMPORARY"), "local-statement"),
    (("ATTACH",), "local-statement"),
    (("DETACH",), "local-statement"),
    (("PRAGMA",), "local-statement"),
    (("VACUUM",), "local-statement"),
    (("REINDEX",), "local-statement"),
    (("ANALYZE",), "local-statement"),
    (("BEGIN",), "transaction-control"),
    (("COMMIT",), "transaction-control"),
    (("END",), "transaction-control"),
    (("ROLLBACK",), "transaction-control"),
    (("SAVEPOINT",), "transaction-control"),
    (("RELEASE",), "transaction-control"),
    (("INSERT",), "data-statement"),
    (("REPLACE",), "data-statement"),
    (("UPDATE",), "data-statement"),
    (("DELETE",), "data-statement"),
    (("SELECT",), "data-statement"),
    (("WITH",), "data-statement"),
    (("VALUES",), "data-statement"),
    (("DROP",), "not-additive"),
)
_REFUSALS: Final = {
    "view": (
        "Views are not part of a migration yet",
        "Create the view in the app when it opens the database: it needs no replication.",
    ),
    "trigger": (
        "A trigger would fire on every device again, for changes that were captured once",
        "Let the app do this write: it is replicated like any other.",
    ),
    "virtual-table": (
        "A virtual table can't be replicated",
        "Create it in the app when it opens the database.",
    ),
    "local-statement": (
        "This concerns one database file, not the schema that all share",
        "Leave it out, or run it in the app.",
    ),
    "transaction-control": (
        "A migration is applied in one transaction already",
        "Leave this statement out.",
    ),
    "data-statement": (
        "Data in a migration would be written by every device anew",
        "Write the rows once, in Postgres or in an app: they reach every device.",
    ),
    "not-additive": (
        "Dropping is not supported yet: devices on older versions still use it",
        "Leave it in place, and add what the new version needs beside it.",
    ),
}


def created(statement: str) -> tuple[str, str]:
    """What a statement creates: `table` or `index`, and its name; empty for any other."""
    parts = [token for token, _ in zip(tokens(statement), range(8), strict=False)]
    words = [token.text.upper() for token in parts if token.kind is Kind.WORD]
    kind = next((each for each in ("TABLE", "INDEX") if each in words[1:3]), "")
    if words[:1] != ["CREATE"] or not kind:
        return "", ""
    at = 1 + next(n for n, token in enumerate(parts) if token.is_word(kind))
    return kind.lower(), parts[at + 3 if parts[at].is_word("IF") else at].name


def refuse_unfit(source: Source, statement: Statement) -> None:
    """Let through only what a migration may consist of: tables, indexes, and added columns.

    Raises:
        MigrationError: with a code of its kind (`data-statement`, `transaction-control`, …).
    """
    parts = list(tokens(statement.sql))
    words = [token.text.upper() for token in parts[:3] if token.kind is Kind.WORD]
    for start, code in _KINDS:
        if tuple(words[: len(start)]) == start:
            if code is not None:
                raise _refusal(source, statement, code)
            _refuse_qualified(source, statement, parts)
            return
    # What SQLite does not know either is reported by SQLite, with its own words.


def _refusal(source: Source, statement: Statement, code: str) -> MigrationError:
    problem, remedy = _REFUSALS[code]
    return MigrationError(code, f"{place(source, statement)}{problem}.", remedy)


def _refuse_qualified(source: Source, statement: Statement, parts: list[Token]) -> None:
    """`main.notes` names one database of one connection."""
    for name, dot in pairwise(parts):
        if dot.text == "(":
            return
        if dot.text == ".":
            raise MigrationError(
                "qualified-name",
                f"{place(source, statement, name.start)}The name is qualified with {name.text}.",
                "Name tables and indexes without a database.",
            )
