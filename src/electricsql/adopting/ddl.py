"""A CREATE TABLE that SQLite has taken, cut into its columns and constraints, so that single ones
of them can be corrected or left out and all the rest stays as its author wrote it.

It knows the grammar as far as where a clause ends; what a clause means is left to who asks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from electricsql.schema import Token, tokens

_TABLE_CLAUSES: Final = frozenset(("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"))
_COLUMN_CLAUSES: Final = frozenset(
    ("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE")
) | {"REFERENCES", "GENERATED", "AS"}
_GOES_ON: Final = frozenset(
    (
        *(("NOT", "NULL"), ("DEFAULT", "NULL"), ("SET", "NULL"), ("SET", "DEFAULT")),
        *(("ALWAYS", "AS"), ("MATCH", "NOT")),
    )
)
"""Words that begin no clause of their own after the word before."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A constraint of a column or of the table. `kind` is its first word, without its name."""

    kind: str
    tokens: Sequence[Token]

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end

    def has(self, word: str) -> bool:
        return any(token.is_word(word) for token in self.tokens)

    def bracketed(self) -> list[str]:
        """The names in the clause's first brackets."""
        inside = False
        names: list[str] = []
        for before, token in zip((None, *self.tokens), self.tokens, strict=False):
            if token.text == ")":
                return names
            if inside and before is not None and before.text in "(,":
                names.append(token.name)
            inside = inside or token.text == "("
        return names

    def target(self) -> str:
        """The table that a REFERENCES names."""
        at = next(n for n, token in enumerate(self.tokens) if token.is_word("REFERENCES"))
        return self.tokens[at + 1].name

    def references(self) -> list[str]:
        """The columns that a REFERENCES names; none for the primary key."""
        at = next(n for n, token in enumerate(self.tokens) if token.is_word("REFERENCES"))
        named = self.tokens[at + 2 : at + 3]
        brackets = bool(named) and named[0].text == "("
        return Clause("", self.tokens[at + 2 :]).bracketed() if brackets else []


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """A column: its name, the words of its type, and its clauses."""

    tokens: Sequence[Token]
    type: Sequence[Token]
    clauses: Sequence[Clause]

    @property
    def name(self) -> str:
        return self.tokens[0].name

    def clause(self, kind: str) -> Clause | None:
        return next((each for each in self.clauses if each.kind == kind), None)

    def declared(self, sql: str) -> str:
        """The type as it is written."""
        return sql[self.type[0].start : self.type[-1].end] if self.type else ""


@dataclass(frozen=True, slots=True)
class CreateTable:
    """A CREATE TABLE statement in parts; `parts` are its columns and constraints as they stand."""

    sql: str
    columns: Sequence[ColumnPart]
    constraints: Sequence[Clause]
    parts: Sequence[Sequence[Token]]
    options: frozenset[str]

    def column(self, name: str) -> ColumnPart | None:
        return next((c for c in self.columns if c.name.lower() == name.lower()), None)

    def primary_key(self) -> list[str]:
        """The names of the key's columns, as the table spells them; none if there is no key."""
        for clause in self.constraints:
            if clause.kind == "PRIMARY":
                found = map(self.column, clause.bracketed())
                return [column.name for column in found if column is not None]
        return [column.name for column in self.columns if column.clause("PRIMARY")]


def read_create_table(sql: str) -> CreateTable:
    """The parts of a statement."""
    every = list(tokens(sql))
    opening = next(n for n, token in enumerate(every) if token.text == "(")
    parts, closing = _split(every, opening)
    columns: list[ColumnPart] = []
    constraints: list[Clause] = []
    for part in parts:
        if part[0].is_word(*_TABLE_CLAUSES):
            constraints += _clauses(part, _TABLE_CLAUSES)
        else:
            columns.append(_column(part))
    options = frozenset(token.text.upper() for token in every[closing + 1 :])
    return CreateTable(sql, tuple(columns), tuple(constraints), parts, options)


def edited(sql: str, edits: Sequence[tuple[int, int, str]]) -> str:
    """The text with parts of it replaced."""
    for start, end, text in sorted(edits, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql


def without_part(table: CreateTable, part: Sequence[Token]) -> tuple[int, int, str]:
    """The edit that leaves out one of the table's parts, and one comma."""
    at = next((n for n, each in enumerate(table.parts) if each[0] == part[0]), None)
    if at is None:  # SQLite needs no comma between constraints
        return part[0].start, part[-1].end, ""
    if at:
        return table.parts[at - 1][-1].end, part[-1].end, ""
    return part[0].start, table.parts[1][0].start, ""


def _split(every: Sequence[Token], opening: int) -> tuple[list[Sequence[Token]], int]:
    """What stands between the commas, and where the bracket is that closes."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for at, token in enumerate(every[opening + 1 :], start=opening + 1):
        if depth == 0 and token.text == ")":
            return [part for part in parts if part], at
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    raise AssertionError("SQLite has taken it, so its brackets close")


def _column(part: Sequence[Token]) -> ColumnPart:
    end = next(
        (n for n, token in enumerate(part[1:], start=1) if token.is_word(*_COLUMN_CLAUSES)),
        len(part),
    )
    return ColumnPart(part, part[1:end], tuple(_clauses(part[end:], _COLUMN_CLAUSES)))


def _clauses(part: Sequence[Token], starts: frozenset[str]) -> Iterator[Clause]:
    """The clauses of a column, or those of the table that no comma parts."""
    groups: list[list[Token]] = []
    depth = 0
    for at, token in enumerate(part):
        begins = depth == 0 and token.is_word(*starts) and not _goes_on(part, at, groups)
        depth += (token.text == "(") - (token.text == ")")
        if begins or not groups:
            groups.append([token])
        else:
            groups[-1].append(token)
    for group in groups:
        named = group[0].is_word("CONSTRAINT")
        yield Clause(group[2 if named else 0].text.upper(), group)


def _goes_on(part: Sequence[Token], at: int, groups: Sequence[Sequence[Token]]) -> bool:
    """Whether a word that may begin a clause is part of the one before."""
    if not groups:
        return False
    if groups[-1][0].is_word("CONSTRAINT") and len(groups[-1]) == 2:
        return True
    word, before = part[at].text.upper(), part[at - 1].text.upper()
    is_deferring = word == "NOT" and part[at + 1].is_word("DEFERRABLE")
    return is_deferring or (before, word) in _GOES_ON
