"""An index calls a function that can fail, or that some devices may not have.

SQLite computes the index whenever a row is written, also where the row comes from elsewhere: from
Postgres, or from an app of another version. If that fails, the row can't be written, and the device
gets no further. So an index may call only what every SQLite has, and what gives a value, or NULL,
for any other value. `json_extract` and `->>`, for one, fail on a text that is no JSON, and `abs` on
the smallest number.

Give what can fail only what it takes, as with `json_valid` below, and say so.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    CREATE INDEX by_title ON notes (json_extract(body, '$.title'));

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- @allow index-can-fail reason="json_extract is only asked of what is JSON"
    -- @allow device-only-index reason="only the app searches by it"
    CREATE INDEX by_title ON notes (
        CASE WHEN json_valid(body) THEN json_extract(body, '$.title') END
    );

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT);
    CREATE INDEX by_title ON notes (title);
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import Index, Kind, Token, tokens

_SURE: Final = frozenset(
    (
        *("coalesce", "date", "datetime", "hex", "ifnull", "instr", "julianday", "length", "lower"),
        *("ltrim", "max", "min", "nullif", "quote", "replace", "round", "rtrim", "substr", "time"),
        *("trim", "typeof", "unicode", "upper"),
    )
)
"""Functions that every SQLite has, and that take any value."""
_WORDS: Final = frozenset(
    (
        *("AND", "BETWEEN", "CASE", "CAST", "ELSE", "IN", "IS", "NOT", "OR", "THEN", "WHEN"),
        *("COLLATE", "END", "FROM", "DISTINCT"),
    )
)
"""Words that a bracket may follow, and that call nothing."""


@rule(Severity.ERROR, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """New indexes on expressions that may fail."""
    for table, index, at in seen.new_indexes:
        for called in _doubtful(index):
            yield Problem(
                at,
                f"The index {index.name} of {table.name} uses {called}.",
                "Where that fails, or is not known, the device can't write a row that others have.",
                help="Leave it out, or see that it is asked only of what it takes.",
            )
            break


def _doubtful(index: Index) -> Iterator[str]:
    for sql in (*(term.sql for term in index.terms if not term.column), index.where):
        for token, following in pairwise([*tokens(sql), Token(Kind.SYMBOL, "", 0)]):
            if _may_fail(token, following):
                yield token.text


def _may_fail(token: Token, following: Token) -> bool:
    if token.is_word("LIKE", "GLOB"):
        return following.kind is not Kind.STRING  # a pattern can be too complex
    if following.text == "(" and token.kind in (Kind.WORD, Kind.NAME):
        return not (token.text.lower() in _SURE or token.is_word(*_WORDS))
    return token.text in ("->", "->>") or token.is_word("MATCH", "REGEXP", "ESCAPE")
