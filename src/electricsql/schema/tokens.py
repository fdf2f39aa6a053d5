"""SQL text as tokens: enough to find what SQLite's pragmas don't tell, never a parser.

Nothing here decides what a statement means: that is read back from a SQLite that ran it.
"""

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final, NamedTuple


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    NAME = auto()  # a quoted identifier
    STRING = auto()
    BLOB = auto()
    NUMBER = auto()
    SYMBOL = auto()
    COMMENT = auto()


class Token(NamedTuple):
    """One token: its kind, its text as written, and where it starts in the SQL."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def name(self) -> str:
        """What an identifier names, without its quotes; SQLite takes a string for a name, too."""
        if self.kind not in (Kind.NAME, Kind.STRING):
            return self.text
        closing = "]" if self.text[0] == "[" else self.text[0]
        return self.text[1:-1].replace(closing * 2, closing)

    def is_word(self, *words: str) -> bool:
        return self.kind is Kind.WORD and self.text.upper() in words


_TOKEN: Final = re.compile(
    r"""(?P<SKIP>\s+)
      |(?P<COMMENT>--[^\n]*|/\*.*?(?:\*/|\Z))
      |(?P<BLOB>[xX]'[0-9a-fA-F]*')
      |(?P<STRING>'(?:[^']|'')*')
      |(?P<NAME>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      |(?P<NUMBER>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      |(?P<WORD>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
      |(?P<SYMBOL><>|<=|>=|==|!=|\|\||<<|>>|->>?|.)""",
    re.VERBOSE | re.DOTALL,
)


_KINDS: Final = {kind.name: kind for kind in Kind}
_END: Final = Token(Kind.SYMBOL, "", 0)
_AT_THE_COMMIT: Final = ["INITIALLY", "DEFERRED"]
_CHAINED_MAX: Final = 50


def quote(name: str) -> str:
    """An identifier, quoted for SQLite and Postgres alike."""
    return '"' + name.replace('"', '""') + '"'


def chained(terms: Sequence[str], operator: str) -> str:
    """Terms with an operator between them; many of them in brackets, by halves: SQLite takes
    expressions of a thousand levels, and each term of a plain chain is one."""
    if len(terms) <= _CHAINED_MAX:
        return f" {operator} ".join(terms)
    half = len(terms) // 2
    return f"({chained(terms[:half], operator)}) {operator} ({chained(terms[half:], operator)})"


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a text, without white space and comments."""
    return (token for token in tokens_and_comments(sql) if token.kind is not Kind.COMMENT)


def tokens_and_comments(sql: str) -> Iterator[Token]:
    """The tokens of a text, without white space."""
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        assert kind is not None
        if kind != "SKIP":
            yield Token(_KINDS[kind], match[0], match.start())


@lru_cache(maxsize=64)
def _every(sql: str) -> tuple[Token, ...]:
    """The tokens of a text that several questions are asked about."""
    return tuple(tokens(sql))


class AboutOneTable(NamedTuple):
    """A statement that needs no other table than this one: it creates it (`is_new`) or an index on
    it, which is `made`, or adds a column to it."""

    table: str
    made: str
    is_new: bool


def about_one_table(statement: str) -> AboutOneTable | None:
    """What a statement is about, if that is a single table, as far as its beginning tells."""
    every = [*_beginning(statement), *[_END] * 7]
    first, rest = every[0], every[1:]
    if first.is_word("ALTER") and rest[0].is_word("TABLE") and rest[2].is_word("ADD"):
        return AboutOneTable(rest[1].name, "", False) if _may_name(rest[1]) else None
    if not first.is_word("CREATE"):
        return None
    if rest[0].is_word("TABLE") and rest[2].text == "(":
        return AboutOneTable(rest[1].name, rest[1].name, True) if _may_name(rest[1]) else None
    kind, made, on, table, bracket = rest[rest[0].is_word("UNIQUE") :][:5]
    is_index = kind.is_word("INDEX") and on.is_word("ON") and bracket.text == "("
    if is_index and _may_name(made) and _may_name(table):
        return AboutOneTable(table.name, made.name, False)
    return None


def _beginning(statement: str) -> list[Token]:
    """The first tokens of a statement, without IF NOT EXISTS and `main.`."""
    every = list(islice(tokens(statement), 12))
    for skipped in (["IF", "NOT", "EXISTS"], ["MAIN", "."]):
        words = [token.name.upper() for token in every]
        for place in range(len(words)):
            if words[place : place + len(skipped)] == skipped:
                del every[place : place + len(skipped)]
                break
    return every


def _may_name(token: Token) -> bool:
    return token.kind in (Kind.WORD, Kind.NAME, Kind.STRING)


class Check(NamedTuple):
    """A CHECK constraint: its name (empty if it has none), its expression without the outer
    brackets, and where it starts in the SQL."""

    name: str
    sql: str
    start: int


def check_constraints(statement: str) -> Iterator[Check]:
    """The CHECK constraints of a CREATE TABLE, or of an added column."""
    every = _every(statement)
    for place, token in enumerate(every[:-1]):
        if token.is_word("CHECK") and every[place + 1].text == "(":
            named = place > 1 and every[place - 2].is_word("CONSTRAINT")
            name = every[place - 1].name if named else ""
            yield Check(name, _bracketed(statement, every[place + 1 :]), token.start)


def names_collation(create_table: str) -> bool:
    """Whether a CREATE TABLE says COLLATE anywhere."""
    return any(token.is_word("COLLATE") for token in _every(create_table))


class IndexParts(NamedTuple):
    """What a CREATE INDEX says: each of its terms, without collation and order, and the condition
    of a partial one."""

    terms: tuple[str, ...]
    where: str


def index_parts(create_index: str) -> IndexParts:
    """What an index is made of."""
    terms, rest = _listed(list(tokens(create_index)))
    where = create_index[rest[0].end :].strip() if rest and rest[0].is_word("WHERE") else ""
    return IndexParts(tuple(_bare(create_index, term) for term in terms), where)


def generated_columns(create_table: str) -> Iterator[tuple[str, str]]:
    """The generated columns of a CREATE TABLE: their names, and what they are computed by."""
    definitions, _ = _listed(_every(create_table))
    for definition in definitions:
        depth = 0
        for place, (token, following) in enumerate(pairwise(definition)):
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.is_word("AS") and following.text == "(":
                yield definition[0].name, _bracketed(create_table, definition[place + 1 :])


def deferred_references(create_table: str) -> Iterator[bool]:
    """For each foreign key of a CREATE TABLE, whether it is checked at the commit only."""
    every = _every(create_table)
    for place, token in enumerate(every):
        if token.is_word("REFERENCES"):
            words = [each.text.upper() for each in _clause(every[place:])]
            at = words.index("DEFERRABLE") if "DEFERRABLE" in words else 0
            yield at > 0 and words[at - 1] != "NOT" and words[at + 1 : at + 3] == _AT_THE_COMMIT


def _clause(rest: Sequence[Token]) -> Iterator[Token]:
    """The tokens up to a comma, or to a bracket that closes what is around."""
    depth = 0
    for token in rest:
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0 or (depth == 0 and token.text == ","):
            return
        yield token


def _listed(every: Sequence[Token]) -> tuple[list[list[Token]], Sequence[Token]]:
    """What commas part between the first brackets, and what follows these."""
    opening = next(place for place, token in enumerate(every) if token.text == "(")
    rest = every[opening + 1 :]
    parts = []
    while True:
        parts.append(list(_clause(rest)))
        end, rest = rest[len(parts[-1])], rest[len(parts[-1]) + 1 :]
        if end.text == ")":
            return parts, rest


def _bare(sql: str, term: Sequence[Token]) -> str:
    """A term of an index without COLLATE and ASC or DESC behind it."""
    end = len(term)
    if end > 1 and term[end - 1].is_word("ASC", "DESC"):
        end -= 1
    if end > 2 and term[end - 2].is_word("COLLATE"):
        end -= 2
    return sql[term[0].start : term[end - 1].end]


def _bracketed(sql: str, rest: Sequence[Token]) -> str:
    """The text between the first bracket and the one that closes it."""
    depth = 0
    for token in rest:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return sql[rest[0].end : token.start].strip()
    return sql[rest[0].end :]
