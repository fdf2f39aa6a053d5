"""A table as two neighbouring versions have it, and which of its rules are still the same.

Columns and tables may be called otherwise, and SQLite rewrites what reads them: a rule is the same
if it says the same of the same columns.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, Generic, TypeVar

from electricsql.schema.expressions import columns_read
from electricsql.schema.model import Column, ForeignKey, Index, Table, Term, fold
from electricsql.schema.tokens import Kind, Token, quote, tokens

_END: Final = Token(Kind.SYMBOL, "", 0)
_Names = Mapping[str, str]
"""What columns are called, by their names as SQLite compares them."""
Rule = TypeVar("Rule")


@dataclass(frozen=True, slots=True)
class Changed(Generic[Rule]):
    """Rules of a table: those that went, those that came, and those that stayed, as they were and
    as they are."""

    gone: tuple[Rule, ...]
    came: tuple[Rule, ...]
    stayed: tuple[tuple[Rule, Rule], ...]

    @classmethod
    def of(cls, before: Mapping[object, Rule], after: Mapping[object, Rule]) -> "Changed[Rule]":
        """The difference, given each rule by what it says."""
        return cls(
            tuple(rule for key, rule in before.items() if key not in after),
            tuple(rule for key, rule in after.items() if key not in before),
            tuple((rule, after[key]) for key, rule in before.items() if key in after),
        )


@dataclass(frozen=True)
class Pair:
    """A table `before` and `after`; `columns` are those that both have, by the older name."""

    before: Table
    after: Table
    columns: Mapping[str, str]

    @classmethod
    def of_one_name(cls, before: Table, after: Table) -> "Pair":
        """A table none of whose columns is called otherwise."""
        return cls(before, after, {name: name for name in before.every if name in after.every})

    @property
    def is_same(self) -> bool:
        return self.before is self.after

    @cached_property
    def added(self) -> tuple[Column, ...]:
        """The new columns, in their order."""
        old = set(self.columns.values())
        return tuple(column for name, column in self.after.every.items() if name not in old)

    @cached_property
    def lost(self) -> tuple[Column, ...]:
        """The columns that are there no more."""
        before = self.before.every.items()
        return tuple(column for name, column in before if name not in self.columns)

    @property
    def kept(self) -> Iterator[tuple[Column, Column]]:
        """The columns that are still there, as they were and as they are."""
        for old, new in self.columns.items():
            yield self.before.every[old], self.after.every[new]

    @cached_property
    def checks(self) -> Changed[str]:
        """CHECK constraints. One goes with any column that it reads."""
        then, now = _called(self.before, self.columns), _called(self.after)
        lost = {column.name for column in self.lost}
        return Changed.of(
            {
                _spelled(sql, then): sql
                for sql in self.before.checks
                if not columns_read(self.before, sql) & lost
            },
            {_spelled(sql, now): sql for sql in self.after.checks},
        )

    @cached_property
    def indexes(self) -> Changed[Index]:
        """Indexes, and UNIQUE constraints."""
        then, now = _called(self.before, self.columns), _called(self.after)
        return Changed.of(
            {_index(each, then): each for each in self.before.indexes},
            {_index(each, now): each for each in self.after.indexes},
        )

    def foreign_keys(self, pairs: Mapping[str, "Pair"]) -> Changed[ForeignKey]:
        """Foreign keys, given all pairs by their older names. One goes with any of its columns, and
        with its parent."""
        there = [
            (key, pairs[key.parent])
            for key in self.before.foreign_keys
            if key.parent in pairs and self.columns.keys() >= set(key.columns)
        ]
        return Changed.of(
            {_foreign_key(key, self.columns, parent): key for key, parent in there},
            {_foreign_key(key): key for key in self.after.foreign_keys},
        )

    def computes_the_same(self, before: Column, after: Column) -> bool:
        """Whether a column that is there is still computed as it was, or still is not."""
        then, now = _called(self.before, self.columns), _called(self.after)
        return _spelled(before.expression, then) == _spelled(after.expression, now)


def _called(table: Table, columns: Mapping[str, str] | None = None) -> _Names:
    """A table's columns, called as in the later version."""
    return {fold(name): (columns or {}).get(name, name) for name in table.every}


def _spelled(sql: str, names: _Names) -> tuple[str, ...]:
    """What an expression says: its tokens, with columns called as these names."""
    return tuple(
        quote(names[fold(token.name)])
        if token.kind in (Kind.WORD, Kind.NAME)
        and following.text not in ("(", ".")
        and fold(token.name) in names
        else _plain(token)
        for token, following in pairwise([*tokens(sql), _END])
    )


def _plain(token: Token) -> str:
    return token.text.upper() if token.kind is Kind.WORD else token.text


def _index(index: Index, names: _Names) -> object:
    terms = index.terms or [Term(quote(name), name) for name in index.columns]
    return (
        index.name if index.sql else "",
        index.unique,
        index.descending,
        tuple((_spelled(term.sql, names), term.collation) for term in terms),
        _spelled(index.where, names),
    )


def _foreign_key(
    key: ForeignKey, columns: Mapping[str, str] | None = None, parent: Pair | None = None
) -> object:
    own, theirs = columns or {}, parent.columns if parent else {}
    return (
        tuple(own.get(name, name) for name in key.columns),
        parent.after.name if parent else key.parent,
        tuple(theirs.get(name, name) for name in key.parent_columns),
        key.on_delete,
        key.on_update,
    )
