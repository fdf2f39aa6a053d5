"""SQL text as tokens: enough to find what SQLite's pragmas don't tell, never a parser.

Nothing here decides what a statement means: that is read back from a SQLite that ran it.
"""

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from itertools import pairwise
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
_AT_THE_COMMIT: Final = ["INITIALLY", "DEFERRED"]


def quote(name: str) -> str:
    """An identifier, quoted for SQLite and Postgres alike."""
    return '"' + name.replace('"', '""') + '"'


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a text, without white space and comments."""
    return (token for token in tokens_and_comments(sql) if token.kind is not Kind.COMMENT)


def tokens_and_comments(sql: str) -> Iterator[Token]:
    """The tokens of a text, without white space."""
    for match in _TOKEN.finditer(sql):
        assert match.lastgroup is not None
        if match.lastgroup != "SKIP":
            yield Token(Kind[match.lastgroup], match.group(), match.start())


class Check(NamedTuple):
    """A CHECK constraint: its name (empty if it has none), its expression without the outer
    brackets, and where it starts in the SQL."""

    name: str
    sql: str
    start: int


def check_constraints(statement: str) -> Iterator[Check]:
    """The CHECK constraints of a CREATE TABLE, or of an added column."""
    every = list(tokens(statement))
    for place, token in enumerate(every[:-1]):
        if token.is_word("CHECK") and every[place + 1].text == "(":
            named = place > 1 and every[place - 2].is_word("CONSTRAINT")
            name = every[place - 1].name if named else ""
            yield Check(name, _bracketed(statement, every[place + 1 :]), token.start)


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
    definitions, _ = _listed(list(tokens(create_table)))
    for definition in definitions:
        depth = 0
        for place, (token, following) in enumerate(pairwise(definition)):
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.is_word("AS") and following.text == "(":
                yield definition[0].name, _bracketed(create_table, definition[place + 1 :])


def deferred_references(create_table: str) -> Iterator[bool]:
    """For each foreign key of a CREATE TABLE, whether it is checked at the commit only."""
    every = list(tokens(create_table))
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
