"""A migration's SQL: its hash, its statements, the directives above them, and where each stands.

A directive is a comment `-- @name arguments` above a statement or in it, and is bound to it. Places
are offsets into `Source.text`.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from electricsql.schema import Kind, Token, tokens, tokens_and_comments

FILE: Final = "migration.sql"
_DIRECTIVE: Final = re.compile(r"--\s*@([\w-]+)[ \t]*(.*)")


@dataclass(frozen=True)
class Source:
    """One migration as its author wrote it."""

    name: str
    title: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of the text with CRLF read as LF: what `sha256sum` shows of the file."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()

    @cached_property
    def text(self) -> str:
        """The SQL without a byte order mark, and with LF."""
        return self.sql.removeprefix("\ufeff").replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Directive:
    """`-- @name arguments`, and where it stands."""

    name: str
    arguments: str
    start: int
    end: int


@dataclass(frozen=True)
class Statement:
    """One statement, without its closing `;`, and where it starts; with what is bound to it."""

    sql: str
    start: int
    directives: tuple[Directive, ...] = ()

    @property
    def end(self) -> int:
        return self.start + len(self.sql)

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Its tokens, with places in the migration's text."""
        return tuple(
            Token(token.kind, token.text, self.start + token.start) for token in tokens(self.sql)
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a migration's text."""

    start: int
    end: int

    @classmethod
    def of(cls, *tokens: "Token | Statement | Directive") -> "Span":
        """From the first to the last of these."""
        return cls(tokens[0].start, tokens[-1].end)


def statements(source: Source) -> tuple[Statement, ...]:
    """The statements of a migration, in order. SQLite itself says where one is complete, so that a
    `;` in a string, a comment or a trigger's body does not end it; a last one without `;` counts
    too.
    """
    text, start = source.text, 0
    readable = text.replace("\0", " ")  # SQLite says what is wrong with it when it is to run it
    found: list[Statement] = []
    for match in re.finditer(";", text):
        if sqlite3.complete_statement(readable[start : match.end()]):
            found += _statement(text, start, match.start())
            start = match.end()
    return (*found, *_statement(text, start, len(text)))


def unbound(source: Source) -> tuple[Directive, ...]:
    """The directives that no statement follows."""
    every = statements(source)
    return tuple(_directives(source.text, every[-1].end if every else 0, len(source.text)))


def _statement(text: str, start: int, end: int) -> Iterator[Statement]:
    """What stands between two places of the text, unless that is only space and comments."""
    first = next(tokens(text[start:end]), None)
    if first is None:
        return
    begin = start + first.start
    sql = text[begin:end].rstrip()
    yield Statement(sql, begin, tuple(_directives(text, start, end)))


def _directives(text: str, start: int, end: int) -> Iterator[Directive]:
    if "@" not in text[start:end]:
        return
    for token in tokens_and_comments(text[start:end]):
        match = _DIRECTIVE.fullmatch(token.text)
        if token.kind is Kind.COMMENT and match:
            yield Directive(match[1], match[2].strip(), start + token.start, start + token.end)
