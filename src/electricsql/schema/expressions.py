"""The expressions that mean the same in SQLite and in Postgres, and how Postgres spells them.

80 of 127 expressions that were tried differ between the two, so this is a short list of what is
known to agree: comparisons, AND/OR/NOT, IN, BETWEEN, IS NULL, CASE, ||, and a few functions. What
is not on it is refused; that its types fit together is seen to in `portable.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from electricsql.schema.model import Column, ColumnType, Index, Table, Term
from electricsql.schema.portable import Unportable, require_computable, require_portable
from electricsql.schema.tokens import Kind, Token, quote, tokens

_WORDS: Final = frozenset(
    ("AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "CASE", "WHEN", "THEN", "ELSE", "END")
)
_SYMBOLS: Final = frozenset(
    ("(", ")", ",", "=", "<>", "<", "<=", ">", ">=", "+", "-", "||", "*", "/", "%")
)
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
    every = list(tokens(sql))
    list(_spelled(table, every, _PLAIN))
    truths = require_portable(table, every, is_condition=is_condition, folds=folds)
    return " ".join(_spelled(table, every, _PLAIN, truths))


def generated_expression(table: Table, column: Column) -> str:
    """What computes a generated column in Postgres: from columns that are replicated, whatever
    types and collations a table that was there before has there.

    Raises:
        Unportable: naming the first thing that may differ; `Mistyped` if it gives another type.
    """
    stored = replace(table, generated=())
    every = list(tokens(column.expression))
    list(_spelled(stored, every, _CAST))
    truths = require_computable(stored, every, column.type)
    return " ".join(_spelled(stored, every, _CAST, truths))


def qualified(table: Table, sql: str, row: str, *, is_there: bool = False) -> str:
    """An expression of SQLite's about a row that has a name. What is generated is written out,
    unless the row `is_there` in the table, and has it."""
    pieces, end = [], 0
    for token, name in _columns(_names(table), list(tokens(sql))):
        expression = "" if is_there else table.every[name].expression
        written = f"({qualified(table, expression, row)})" if expression else ""
        pieces += [sql[end : token.start], written or f"{row}.{quote(name)}"]
        end = token.end
    return "".join((*pieces, sql[end:]))


def rivals(table: Table, index: Index, there: str, new: str) -> str:
    """The condition of SQLite's under which a UNIQUE index does not let a new row be beside one
    that is there; both have names."""
    same = [
        f"({qualified(table, term.sql, there, is_there=True)}) COLLATE {quote(term.collation)}"
        f" = ({qualified(table, term.sql, new)})"
        for term in index.terms or [Term(quote(name), name) for name in index.columns]
    ]
    if index.where:
        same.append(f"({qualified(table, index.where, there, is_there=True)})")
        same.append(f"({qualified(table, index.where, new)})")
    return " AND ".join(same)


def index_columns(table: Table, index: Index) -> tuple[str, ...]:
    """The columns that an index is over, those in its expressions included."""
    if index.columns:
        return index.columns
    found = [
        {term.column} if term.column else columns_read(table, term.sql) for term in index.terms
    ]
    return tuple(name for name in table.every if any(name in each for each in found))


def columns_read(table: Table, sql: str) -> frozenset[str]:
    """The columns of this table that an expression reads."""
    return frozenset(name for _, name in _columns(_names(table), list(tokens(sql))))


def sources(table: Table, names: Iterable[str]) -> frozenset[str]:
    """The replicated columns that columns are, or are computed from."""
    found: set[str] = set()
    for name in names:
        read = columns_read(table, table.every[name].expression)
        found |= sources(table, read) if read else {name}
    return frozenset(found & set(table.by_name))


def _names(table: Table) -> dict[str, str]:
    return {name.lower(): name for name in table.every}


def _columns(names: Mapping[str, str], every: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """The tokens that name columns, each with the name."""
    for token, following in pairwise([*every, _END]):
        is_name = _may_name(token) and not token.is_word(*_WORDS) and following.text != "("
        if is_name and token.name.lower() in names:
            yield token, names[token.name.lower()]


_PLAIN: Final = {ColumnType.BOOLEAN: "{}::int"}
"""How columns are spelled, where that is not their name."""
_CAST: Final = {
    ColumnType.BOOLEAN: "{}::int",
    ColumnType.INTEGER: "{}::bigint",
    ColumnType.TEXT: '({} COLLATE "C")',
}
_END: Final = Token(Kind.SYMBOL, "", 0)


def _spelled(
    table: Table,
    every: Sequence[Token],
    forms: Mapping[ColumnType, str],
    truths: frozenset[Token] = frozenset(),
) -> Iterator[str]:
    columns = dict(_columns(_names(table), every))
    for token, following in pairwise([*every, _END]):
        called = following.text == "("
        column = table.every[columns[token]] if token in columns else None
        if token.is_word(*_WORDS):
            yield token.text.upper()
        elif token.kind is Kind.STRING or token.text in _SYMBOLS or _is_decimal(token):
            yield token.text
        elif token.text in _SPELLED:
            yield _SPELLED[token.text]
        elif called and token.text.lower() in _FUNCTIONS:
            yield token.text.lower()
        elif column is not None:
            form = "{}" if token in truths else forms.get(column.type, "{}")
            yield form.format(quote(column.name))
        else:
            raise Unportable(token)


def _may_name(token: Token) -> bool:
    return token.kind in (Kind.WORD, Kind.NAME)


def _is_decimal(token: Token) -> bool:
    return token.kind is Kind.NUMBER and not token.text.lower().startswith("0x")
