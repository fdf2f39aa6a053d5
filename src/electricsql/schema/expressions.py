"""The expressions that mean the same in SQLite and in Postgres, and how Postgres spells them.

80 of 127 expressions that were tried differ between the two, so this is a short list of what is
known to agree: comparisons, AND/OR/NOT, IN, BETWEEN, IS NULL, CASE, ||, and a few functions. What
is not on it is refused; that its types fit together is seen to in `portable.py`.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from electricsql.schema.model import ColumnType, Index, Table
from electricsql.schema.portable import Unportable, require_portable
from electricsql.schema.tokens import Kind, Token, tokens

_WORDS: Final = frozenset(
    ("AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "CASE", "WHEN", "THEN", "ELSE", "END")
)
_SYMBOLS: Final = frozenset(("(", ")", ",", "=", "<>", "<", "<=", ">", ">=", "+", "-", "||"))
_SPELLED: Final = {"==": "=", "!=": "<>"}
_FUNCTIONS: Final = frozenset(("length", "coalesce", "nullif", "trim", "ltrim", "rtrim", "replace"))


def postgres_expression(
    table: Table, sql: str, *, is_condition: bool = True, folds: bool = False
) -> str:
    """An expression of this table, mostly a CHECK, as Postgres spells it. With `folds`, a column
    that devices compare without regard to case can't be compared in it.

    Raises:
        Unportable: naming the first thing that may differ.
    """
    names = {column.name.lower(): column.name for column in table.columns}
    every = list(tokens(sql))
    spelled = " ".join(_spelled(names, table, every))
    require_portable(table, every, is_condition=is_condition, folds=folds)
    return spelled


def index_columns(table: Table, index: Index) -> tuple[str, ...]:
    """The columns that an index is over, those in its expressions included."""
    if index.columns:
        return index.columns
    found = [
        {term.column} if term.column else columns_read(table, term.sql) for term in index.terms
    ]
    return tuple(name for name in table.column_names if any(name in each for each in found))


def columns_read(table: Table, sql: str) -> frozenset[str]:
    """The columns of this table that an expression reads."""
    names = {column.name.lower(): column.name for column in table.columns}
    every = [*tokens(sql), None]
    return frozenset(
        names[token.name.lower()]
        for token, following in pairwise(every)
        if token is not None
        and _may_name(token)
        and not token.is_word(*_WORDS)
        and token.name.lower() in names
        and (following is None or following.text != "(")
    )


def _spelled(names: dict[str, str], table: Table, every: Sequence[Token]) -> Iterator[str]:
    for place, token in enumerate(every):
        called = place + 1 < len(every) and every[place + 1].text == "("
        column = names.get(token.name.lower()) if _may_name(token) else None
        if token.is_word(*_WORDS):
            yield token.text.upper()
        elif token.kind is Kind.STRING or token.text in _SYMBOLS or _is_decimal(token):
            yield token.text
        elif token.text in _SPELLED:
            yield _SPELLED[token.text]
        elif called and token.text.lower() in _FUNCTIONS:
            yield token.text.lower()
        elif column is not None and not called:
            quoted = '"' + column.replace('"', '""') + '"'
            is_boolean = table.by_name[column].type is ColumnType.BOOLEAN
            yield f"{quoted}::int" if is_boolean else quoted
        else:
            raise Unportable(token)


def _may_name(token: Token) -> bool:
    return token.kind in (Kind.WORD, Kind.NAME)


def _is_decimal(token: Token) -> bool:
    return token.kind is Kind.NUMBER and not token.text.lower().startswith("0x")
