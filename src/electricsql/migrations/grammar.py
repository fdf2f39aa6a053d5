"""What a statement's text says: what it does, to what, and which definitions it has.

The text tells the intent and the place. What a statement really made is read back from a SQLite
that ran it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from electricsql.migrations.source import Statement
from electricsql.schema import Token


class Action(Enum):
    """What a statement does."""

    CREATE_TABLE = auto()
    CREATE_INDEX = auto()
    CREATE_VIEW = auto()
    CREATE_TRIGGER = auto()
    CREATE_VIRTUAL_TABLE = auto()
    RENAME_TABLE = auto()
    RENAME_COLUMN = auto()
    ADD_COLUMN = auto()
    DROP_COLUMN = auto()
    DROP_TABLE = auto()
    DROP_INDEX = auto()
    DROP_VIEW = auto()
    DROP_TRIGGER = auto()
    COPY = auto()  # INSERT INTO one table SELECT … FROM another, all rows
    DATA = auto()
    TRANSACTION = auto()
    LOCAL = auto()
    OTHER = auto()


SCHEMA_ACTIONS: Final = frozenset(
    action
    for action in Action
    if action.name.startswith(("CREATE_", "RENAME_", "ADD_", "DROP_", "COPY"))
)
"""What may be run to see what it makes: it concerns the schema, or copies a table."""
_FIRST_WORDS: Final = {
    **dict.fromkeys(("REPLACE", "UPDATE", "DELETE", "SELECT", "WITH", "VALUES"), Action.DATA),
    **dict.fromkeys(
        ("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"), Action.TRANSACTION
    ),
    **dict.fromkeys(
        ("PRAGMA", "ATTACH", "DETACH", "VACUUM", "REINDEX", "ANALYZE", "EXPLAIN"), Action.LOCAL
    ),
}
_CONSTRAINT_WORDS: Final = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


@dataclass(frozen=True, slots=True)
class Definition:
    """One part of a CREATE TABLE's body, or an added column. `name` is None for a constraint of the
    table."""

    name: Token | None
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A statement, read. `name` is what it makes, changes or drops, as it is spelled there; `on` is
    the table of an index or a trigger, or the one that is copied from.

    A copy names the `columns` it fills (none: all), and has an expression for each in `selected`.
    """

    action: Action
    name: Token | None = None
    qualifier: Token | None = None
    on: Token | None = None
    column: Token | None = None
    new_name: Token | None = None
    definitions: tuple[Definition, ...] = ()
    columns: tuple[Token, ...] = ()
    selected: tuple[tuple[Token, ...], ...] = ()

    def definition(self, column: str) -> Definition | None:
        """That of a column; SQLite does not tell case apart."""
        for each in self.definitions:
            if each.name is not None and each.name.name.lower() == column.lower():
                return each
        return None


class _Reader:
    """The tokens of a statement, one after the other."""

    def __init__(self, every: Sequence[Token]) -> None:
        self._rest = list(reversed(every))

    def word(self, *words: str) -> bool:
        """Pass over a word, if it is the next."""
        if self._rest and self._rest[-1].is_word(*words):
            self._rest.pop()
            return True
        return False

    def name(self) -> Token | None:
        """The next token, whatever it is."""
        return self._rest.pop() if self._rest else None

    def qualified(self) -> tuple[Token | None, Token | None]:
        """A name, and what stands before its dot."""
        name = self.name()
        if self._rest and self._rest[-1].text == ".":
            self._rest.pop()
            return self.name(), name
        return name, None

    def bracketed(self) -> tuple[tuple[Token, ...], ...]:
        """The parts of the next pair of brackets, if there is one."""
        if not self._rest or self._rest[-1].text != "(":
            return ()
        self._rest.pop()
        return self.parts()

    def parts(self, end: str = "") -> tuple[tuple[Token, ...], ...]:
        """What commas part, up to the bracket that closes, or to a word."""
        parts: list[list[Token]] = [[]]
        depth = 0
        while self._rest:
            token = self._rest.pop()
            depth += (token.text == "(") - (token.text == ")")
            if depth < 0 or (depth == 0 and token.is_word(end)):
                break
            if depth == 0 and token.text == ",":
                parts.append([])
            else:
                parts[-1].append(token)
        return tuple(tuple(part) for part in parts if part)

    def rest(self) -> tuple[Token, ...]:
        return tuple(reversed(self._rest))


def parse(statement: Statement) -> Parsed:
    """Read a statement; what SQLite does not know is OTHER."""
    reader = _Reader(statement.tokens)
    for word, parser in _PARSERS.items():
        if reader.word(word):
            return parser(reader)
    first = statement.tokens[0].text.upper() if statement.tokens else ""
    return Parsed(_FIRST_WORDS.get(first, Action.OTHER))


def created(sql: str) -> tuple[str, str]:
    """What a statement creates, in the words of `sqlite_schema` (`table`, `view`), and its name;
    empty for any other."""
    parsed = parse(Statement(sql, 0))
    kind = _KINDS.get(parsed.action)
    return (kind, parsed.name.name) if kind and parsed.name else ("", "")


def fills(sql: str) -> str:
    """The table that a statement inserts rows into, in lower case; empty for any other."""
    parsed = parse(Statement(sql, 0))
    is_insert = parsed.action in (Action.COPY, Action.DATA) and parsed.name is not None
    return parsed.name.name.lower() if is_insert and parsed.name else ""


def _create(reader: _Reader) -> Parsed:
    if reader.word("TEMP", "TEMPORARY"):
        return Parsed(Action.LOCAL)
    if reader.word("VIRTUAL"):
        reader.word("TABLE")
        return _named(reader, Action.CREATE_VIRTUAL_TABLE)
    if reader.word("TABLE"):
        found = _named(reader, Action.CREATE_TABLE)
        if reader.word("AS"):
            return Parsed(Action.DATA, found.name, found.qualifier)
        definitions = tuple(map(_definition, reader.bracketed()))
        return Parsed(found.action, found.name, found.qualifier, definitions=definitions)
    if reader.word("VIEW"):
        return _named(reader, Action.CREATE_VIEW)
    if reader.word("TRIGGER"):
        return _on(reader, _named(reader, Action.CREATE_TRIGGER))
    reader.word("UNIQUE")
    if reader.word("INDEX"):
        return _on(reader, _named(reader, Action.CREATE_INDEX))
    return Parsed(Action.OTHER)


def _named(reader: _Reader, action: Action) -> Parsed:
    for word in ("IF", "NOT", "EXISTS"):
        reader.word(word)
    return Parsed(action, *reader.qualified())


def _on(reader: _Reader, found: Parsed) -> Parsed:
    while (token := reader.name()) is not None:
        if token.is_word("ON"):
            return Parsed(found.action, found.name, found.qualifier, on=reader.name())
    return found


def _alter(reader: _Reader) -> Parsed:
    if not reader.word("TABLE"):
        return Parsed(Action.OTHER)
    table = reader.qualified()
    if reader.word("ADD"):
        reader.word("COLUMN")
        added = reader.rest()
        definitions = (_definition(added),) if added else ()
        return Parsed(
            Action.ADD_COLUMN, *table, column=added[0] if added else None, definitions=definitions
        )
    if reader.word("DROP"):
        reader.word("COLUMN")
        return Parsed(Action.DROP_COLUMN, *table, column=reader.name())
    if not reader.word("RENAME"):
        return Parsed(Action.OTHER, *table)
    if reader.word("TO"):
        return Parsed(Action.RENAME_TABLE, *table, new_name=reader.name())
    reader.word("COLUMN")
    column = reader.name()
    reader.word("TO")
    return Parsed(Action.RENAME_COLUMN, *table, column=column, new_name=reader.name())


def _insert(reader: _Reader) -> Parsed:
    if not reader.word("INTO"):
        return Parsed(Action.DATA)
    into = reader.qualified()
    columns = tuple(part[0] for part in reader.bracketed())
    if reader.word("SELECT"):
        selected = reader.parts("FROM")
        source, _ = reader.qualified()
        if source is not None and not reader.rest():
            return Parsed(Action.COPY, *into, on=source, columns=columns, selected=selected)
    return Parsed(Action.DATA, *into)


def _drop(reader: _Reader) -> Parsed:
    for word, action in _DROPPED.items():
        if reader.word(word):
            return _named(reader, action)
    return Parsed(Action.OTHER)


def _definition(tokens: tuple[Token, ...]) -> Definition:
    first = tokens[0]
    return Definition(None if first.is_word(*_CONSTRAINT_WORDS) else first, tokens)


_PARSERS: Final[dict[str, Callable[[_Reader], Parsed]]] = {
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "INSERT": _insert,
}
_KINDS: Final = {
    Action.CREATE_TABLE: "table",
    Action.CREATE_INDEX: "index",
    Action.CREATE_VIEW: "view",
    Action.CREATE_TRIGGER: "trigger",
    Action.CREATE_VIRTUAL_TABLE: "table",
}
_DROPPED: Final = {
    "TABLE": Action.DROP_TABLE,
    "INDEX": Action.DROP_INDEX,
    "VIEW": Action.DROP_VIEW,
    "TRIGGER": Action.DROP_TRIGGER,
}
