"""Whether an expression means the same in SQLite and in Postgres: by its types.

SQLite compares anything with anything, takes numbers for truths, and lets a sum that is too large
become a REAL; Postgres refuses each of these, or does it otherwise. So each part of an expression
has a type here, and what does not fit together is refused. There is no arithmetic in a condition:
`n + 1` is a number on a device where Postgres has an overflow. What computes a column may have it,
on integers, as long as nothing but the column comes of it: there a device refuses what is too large
(`migrations/capture.py`), as Postgres does.

Brackets bind as in SQLite. Where Postgres binds otherwise (`a = b < c`), a truth is compared, and
that is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum, auto
from itertools import pairwise
from typing import Final, NoReturn

from electricsql.schema.model import BINARY, Column, ColumnType, Table
from electricsql.schema.tokens import Kind, Token


class Unportable(Exception):
    """An expression may mean different things to SQLite and to Postgres. `token` is the first part
    that may, with its place in the expression."""

    def __init__(self, token: Token) -> None:
        super().__init__(token)
        self.token: Final = token


class Mistyped(Unportable):
    """An expression gives another type than the column that it is for."""


class _Type(Enum):
    """What a part of an expression is. A literal goes with every type of its kind, but two of them
    say nothing of how text is ordered."""

    TRUTH = auto()
    INTEGER = auto()
    REAL = auto()
    NUMERIC = auto()
    TEXT = auto()
    FOLDED = auto()  # a text that the device compares by a collation of its own
    FLAG = auto()  # a BOOLEAN: a truth where it stands alone, else its number
    COUNT = auto()  # an integer of 32 bits in Postgres, which sums are not made of
    SUM = auto()  # what is computed of integers, and may be too large
    OPAQUE = auto()  # what can only be asked whether it is NULL
    NUMBER = auto()  # a literal
    STRING = auto()  # a literal
    NULL = auto()


_COLUMNS: Final = {
    ColumnType.INTEGER: _Type.INTEGER,
    ColumnType.REAL: _Type.REAL,
    ColumnType.NUMERIC: _Type.NUMERIC,
    ColumnType.TEXT: _Type.TEXT,
    ColumnType.BOOLEAN: _Type.FLAG,
}
_RESULTS: Final = {
    ColumnType.INTEGER: (_Type.INTEGER, _Type.FLAG, _Type.COUNT, _Type.SUM, _Type.NUMBER),
    ColumnType.REAL: (_Type.REAL, _Type.NUMBER),
    ColumnType.NUMERIC: (_Type.NUMERIC, _Type.NUMBER),
    ColumnType.TEXT: (_Type.TEXT, _Type.STRING, _Type.FOLDED),
    ColumnType.BOOLEAN: (_Type.TRUTH,),
}
"""What may compute a column of a type."""
COMPUTED: Final = frozenset(_RESULTS)
"""The types of columns of which expressions know more than whether they are NULL."""
_LITERALS: Final = {
    _Type.NUMBER: (
        *(_Type.INTEGER, _Type.REAL, _Type.NUMERIC, _Type.FLAG, _Type.COUNT, _Type.SUM),
    ),
    _Type.FLAG: (_Type.INTEGER, _Type.COUNT, _Type.SUM),
    _Type.COUNT: (_Type.INTEGER, _Type.SUM),
    _Type.INTEGER: (_Type.SUM,),
    _Type.STRING: (_Type.TEXT,),
    _Type.NULL: tuple(_Type),
}
_TEXTS: Final = (_Type.TEXT, _Type.STRING)
_ANY_TEXTS: Final = (*_TEXTS, _Type.FOLDED)
_ASKED: Final = tuple(type for type in _Type if type is not _Type.SUM)
_ORDERED: Final = ("<", "<=", ">", ">=")
_OPERANDS: Final = (_Type.INTEGER, _Type.SUM, _Type.NUMBER)
_EQUAL: Final = ("=", "==", "<>", "!=")
_DIGITS_MAX: Final = 15
"""What every number of that many digits is as a REAL, it is again as a NUMERIC."""
_DEPTH_MAX: Final = 40
_END: Final = Token(Kind.SYMBOL, "", 0)
_TEXT_FUNCTIONS: Final[Mapping[str, tuple[int, ...]]] = {
    "length": (1,),
    "trim": (1, 2),
    "ltrim": (1, 2),
    "rtrim": (1, 2),
    "replace": (3,),
}
"""Functions of text, with how many arguments they may have."""


def require_portable(
    table: Table, every: Sequence[Token], *, is_condition: bool = True, folds: bool = True
) -> frozenset[Token]:
    """See that an expression on this table's columns, mostly a condition, has types that fit
    together. `folds` if columns with a collation may not be compared. Gives the BOOLEAN columns in
    it that are truths.

    Raises:
        Unportable: naming the first thing that does not.
    """
    reader = _Reader(table, every, folds=folds)
    first = reader.peek()
    found = reader.condition()
    if reader.peek() is not _END:
        reader.refuse()
    if is_condition and not reader.is_truth(found, first):
        reader.refuse(first)
    return frozenset(reader.truths)


def require_computable(table: Table, every: Sequence[Token], type: ColumnType) -> frozenset[Token]:
    """See that an expression on this table's columns can compute a column of a type. Gives the
    BOOLEAN columns in it that are truths.

    Raises:
        Unportable: naming the first thing that may differ; `Mistyped` if it gives another type.
    """
    reader = _Reader(table, every, folds=True, computes=True)
    first = reader.peek()
    found = reader.condition()
    if reader.peek() is not _END:
        reader.refuse()
    is_whole = not any(token.kind is Kind.NUMBER and "." in token.text for token in every)
    if type is ColumnType.BOOLEAN:
        fits = reader.is_truth(found, first)
    else:
        fits = found in _RESULTS.get(type, ()) and (is_whole or type is not ColumnType.INTEGER)
    if not fits:
        raise Mistyped(first)
    return frozenset(reader.truths)


def _known(column: Column, *, folds: bool) -> _Type:
    found = _COLUMNS.get(column.type, _Type.OPAQUE)
    is_folded = folds and found is _Type.TEXT and column.collation != BINARY
    return _Type.FOLDED if is_folded else found


class _Reader:
    """Reads an expression, from what binds least to what binds most."""

    def __init__(
        self, table: Table, every: Sequence[Token], *, folds: bool, computes: bool = False
    ) -> None:
        self._computes = computes
        self._types = {
            name.lower(): _known(each, folds=folds) for name, each in table.every.items()
        }
        self._flags: set[Token] = set()
        self.truths: set[Token] = set()
        self._rest = list(reversed(every))
        self._last = every[-1] if every else _END
        self._depth = 0

    def peek(self) -> Token:
        """The next token."""
        return self._rest[-1] if self._rest else _END

    def refuse(self, token: Token | None = None) -> NoReturn:
        """Name what is not portable: a token, or the next one."""
        found = token or self.peek()
        raise Unportable(self._last if found is _END else found)

    def condition(self) -> _Type:
        """Whatever can stand between brackets."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            self.refuse()
        found = self._all("OR", lambda: self._all("AND", self._negated))
        self._depth -= 1
        return found

    def _all(self, word: str, part: "Callable[[], _Type]") -> _Type:
        start = self.peek()
        found = part()
        while (token := self._word(word)) is not None:
            self._require_truth(found, start)
            start = self.peek()
            self._require_truth(part(), start)
            found, start = _Type.TRUTH, token
        return found

    def _negated(self) -> _Type:
        count = 0
        while self._word("NOT"):
            count += 1
        start = self.peek()
        found = self._compared()
        if count:
            self._require_truth(found, start)
            return _Type.TRUTH
        return found

    def _compared(self) -> _Type:
        """Values that are compared: =, IS NULL, IN, BETWEEN, and what binds more: <."""
        found = self._ordered()
        while True:
            token = self.peek()
            if token.text in _EQUAL:
                self._rest.pop()
                self._unified(found, self._ordered(), token)
            elif self._word("IS"):
                self._require(found, _ASKED, token)
                self._word("NOT")
                if not self._word("NULL"):
                    self.refuse(token)
            elif token.is_word("NOT", "IN", "BETWEEN"):
                self._listed(found)
            else:
                return found
            found = _Type.TRUTH

    def _listed(self, found: _Type) -> None:
        token = self.peek()
        self._word("NOT")
        if self._word("IN"):
            for each in self._bracketed():
                found = self._unified(found, each, token)
        elif self._word("BETWEEN"):
            low = self._ordered()
            if not self._word("AND"):
                self.refuse()
            found = self._unified(self._unified(found, low, token), self._ordered(), token)
            self._require_order(found, token)
        else:
            self.refuse(token)

    def _ordered(self) -> _Type:
        found = self._sum()
        while self.peek().text in _ORDERED:
            token = self._rest.pop()
            self._require_order(self._unified(found, self._sum(), token), token)
            found = _Type.TRUTH
        return found

    def _sum(self) -> _Type:
        return self._computed(("+", "-"), lambda: self._computed(("*", "/", "%"), self._joined))

    def _computed(self, signs: tuple[str, ...], part: "Callable[[], _Type]") -> _Type:
        """Integers with these signs between, or any other value."""
        found = part()
        while self._computes and self.peek().text in signs:
            sign = self._rest.pop()
            divisor = self.peek() if sign.text in ("/", "%") else None
            other = part()
            self._require(found, _OPERANDS, sign)
            self._require(other, _OPERANDS, sign)
            if found is other is _Type.NUMBER:
                self.refuse(sign)
            if divisor and (found is _Type.SUM or not _divides(divisor)):
                self.refuse(sign)
            found = _Type.SUM
        return found

    def _joined(self) -> _Type:
        """Texts with || between, or any other value."""
        found = self._value()
        while self.peek().text == "||":
            token = self._rest.pop()
            self._require(found, _ANY_TEXTS, token)
            other = self._value()
            self._require(other, _ANY_TEXTS, token)
            found = _together((found, other))
        return found

    def _value(self) -> _Type:
        """One operand."""
        token = self.peek()
        if token is _END:
            self.refuse()
        self._rest.pop()
        if token.text == "(":
            self._rest.append(token)
            parts = self._bracketed()
            return parts[0] if len(parts) == 1 else self.refuse(token)
        if token.text in ("-", "+") and self.peek().kind is Kind.NUMBER:
            token = self._rest.pop()
        if token.kind is Kind.NUMBER:
            return _Type.NUMBER if _is_exact(token.text) else self.refuse(token)
        if token.kind is Kind.STRING:
            return _Type.STRING
        if token.is_word("NULL"):
            return _Type.NULL
        if token.is_word("CASE"):
            return self._case(token)
        if token.kind is Kind.WORD and self.peek().text == "(":
            return self._called(token)
        known = self._types.get(token.name.lower()) if _may_name(token) else None
        if known is None or (known is _Type.OPAQUE and not self.peek().is_word("IS")):
            self.refuse(token)
        if known is _Type.FLAG:
            self._flags.add(token)
        return known

    def _called(self, function: Token) -> _Type:
        name = function.text.lower()
        if name not in ("coalesce", "nullif", *_TEXT_FUNCTIONS):
            self.refuse(function)
        if name == "replace":
            self._require_pattern(function)
        arguments = self._bracketed()
        if name in _TEXT_FUNCTIONS:
            if len(arguments) not in _TEXT_FUNCTIONS[name]:
                self.refuse(function)
            for each in arguments:
                self._require(each, _ANY_TEXTS, function)
            counted = _Type.COUNT if self._computes else _Type.INTEGER
            return counted if name == "length" else _together(arguments)
        if len(arguments) < 2 or (name == "nullif" and len(arguments) > 2):
            self.refuse(function)
        found = arguments[0]
        for each in arguments[1:]:
            found = self._unified(found, each, function)
        if name == "nullif" and (arguments[0] is not _Type.NUMBER or found is _Type.INTEGER):
            found = arguments[0]  # else what Postgres takes the literal for
        return self._told(found, function)

    def _require_pattern(self, function: Token) -> None:
        """What `replace` looks for is a literal with something in it: for the empty text SQLite
        does not ask what it is to be replaced by, and Postgres makes NULL of a NULL there."""
        depth = 0
        for before, token in pairwise(reversed(self._rest)):
            depth += (before.text == "(") - (before.text == ")")
            if depth == 0:
                break
            if depth == 1 and before.text == ",":
                if token.kind is not Kind.STRING or token.text == "''":
                    break
                return
        self.refuse(function)

    def _case(self, start: Token) -> _Type:
        base = None if self.peek().is_word("WHEN") else self._told(self.condition(), start)
        found = _Type.NULL
        while self._word("WHEN"):
            first = self.peek()
            when = self.condition()
            if base is None:
                self._require_truth(when, first)
            else:
                base = self._unified(base, when, start)
            if not self._word("THEN"):
                self.refuse()
            found = self._unified(found, self.condition(), start, results=True)
        if self._word("ELSE"):
            found = self._unified(found, self.condition(), start, results=True)
        return self._told(found, start) if self._word("END") else self.refuse()

    def _bracketed(self) -> list[_Type]:
        """What commas part, between the next brackets."""
        if self.peek().text != "(":
            self.refuse()
        self._rest.pop()
        parts = [self.condition()]
        while self.peek().text == ",":
            self._rest.pop()
            parts.append(self.condition())
        if self.peek().text != ")":
            self.refuse()
        self._rest.pop()
        return parts

    def _word(self, word: str) -> Token | None:
        """Pass over a word, if it is the next."""
        return self._rest.pop() if self.peek().is_word(word) else None

    def _told(self, found: _Type, at: Token) -> _Type:
        """Postgres takes what could be of any type for text."""
        return self.refuse(at) if found is _Type.NULL else found

    def is_truth(self, found: _Type, start: Token) -> bool:
        """Whether a part that begins there is a truth, and not NULL."""
        if found is _Type.FLAG and start in self._flags:
            self.truths.add(start)
        return found is _Type.TRUTH or start in self.truths

    def _require_truth(self, found: _Type, start: Token) -> None:
        if found is not _Type.NULL and not self.is_truth(found, start):
            self.refuse(start)

    def _require(self, found: _Type, wanted: tuple[_Type, ...], at: Token) -> None:
        if found not in wanted:
            self.refuse(at)

    def _require_order(self, found: _Type, at: Token) -> None:
        """How two literals are ordered depends on the database's own collation."""
        if found is _Type.STRING:
            self.refuse(at)

    def _unified(self, one: _Type, other: _Type, at: Token, *, results: bool = False) -> _Type:
        """The type of two that are compared, or that come to the same place."""
        is_result = _Type.TRUTH in (one, other) or _Type.SUM in (one, other)
        if (is_result and not results) or _Type.FOLDED in (one, other):
            self.refuse(at)
        if one is other or one in _LITERALS.get(other, ()):
            return one
        return other if other in _LITERALS.get(one, ()) else self.refuse(at)


def _divides(token: Token) -> bool:
    """Whether it is a whole number, and not 0."""
    return token.kind is Kind.NUMBER and token.text.isdecimal() and int(token.text) > 0


def _together(texts: Sequence[_Type]) -> _Type:
    """What is made of several texts: in Postgres it is ordered as the columns among them are."""
    return _Type.STRING if set(texts) == {_Type.STRING} else _Type.TEXT


def _may_name(token: Token) -> bool:
    return token.kind in (Kind.WORD, Kind.NAME)


def _is_exact(number: str) -> bool:
    """Whether it is the same number as a REAL, as a NUMERIC, and written in either."""
    if not set(number) <= set("0123456789."):
        return False
    return len(Decimal(number).as_tuple().digits) <= _DIGITS_MAX and len(number) <= _DIGITS_MAX + 2
