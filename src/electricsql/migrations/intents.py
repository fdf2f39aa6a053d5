"""What the author of a migration says of what it changes, where SQL does not say it.

    -- @rename items.title -> name
    -- @drop items.nickname down='' reason="nobody has one"
    -- @drop drafts
    -- @down items.note = ''

`down` is what older versions show, where a newer one has nothing for them: a constant of SQLite's.
Tables are called as they are before the migration, or after it; columns as they were, but for the
new name. Whether all that has to be said is said is for `checks` to tell.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from electricsql.migrations.source import Directive
from electricsql.schema import Kind, Token, fold, is_literal, tokens

RENAME: Final = "rename"
DROP: Final = "drop"
DOWN: Final = "down"
"""The directives."""
_NAMES: Final = (Kind.WORD, Kind.NAME)


@dataclass(frozen=True, slots=True)
class Intent:
    """A directive, read: about a table, or one of its columns. Names are as SQLite compares
    them."""

    directive: Directive
    table: str
    column: str = ""
    to: str = ""
    down: str = ""

    def is_about(self, names: Iterable[str], column: str) -> bool:
        """Whether it is about this column (empty: the table itself) of a table called so."""
        return self.table in map(fold, names) and self.column == fold(column)


@dataclass(frozen=True, slots=True)
class Intents:
    """All that a migration says of such, as far as it can be read."""

    every: tuple[Intent, ...] = ()

    @classmethod
    def of(cls, directives: Iterable[Directive]) -> "Intents":
        """Those among directives."""
        return cls(tuple(intent for each in directives for intent in _read(each)))

    @property
    def renamed(self) -> Iterator[Intent]:
        return (each for each in self.every if each.directive.name == RENAME)

    def dropped(self, names: Iterable[str], column: str = "") -> Intent | None:
        """What says that a table, or a column of it, is meant to go."""
        return self._find(DROP, names, column)

    def down(self, names: Iterable[str], column: str) -> str:
        """What older versions are to show of a column; empty if nothing says it."""
        names = tuple(names)
        found = self._find(DOWN, names, column) or self._find(DROP, names, column)
        return found.down if found else ""

    def _find(self, name: str, names: Iterable[str], column: str) -> Intent | None:
        names = tuple(names)
        found = (each for each in self.every if each.directive.name == name)
        return next((each for each in found if each.is_about(names, column)), None)


def _read(directive: Directive) -> Iterator[Intent]:
    """What a directive says; nothing if it can't be read."""
    if directive.name not in (RENAME, DROP, DOWN):
        return
    every = list(tokens(directive.arguments))
    table, column, rest = _target(every)
    match directive.name:
        case _ if not table:
            pass
        case "rename" if column and len(rest) == 2 and rest[0].text == "->" and _named(rest[1:]):
            yield Intent(directive, table, column, to=fold(rest[1].name))
        case "down" if column and rest and rest[0].text == "=":
            down = directive.arguments[rest[0].end :].strip()
            if is_literal(down):
                yield Intent(directive, table, column, down=down)
        case "drop":
            said = _said(directive.arguments, rest)
            if said is not None and (column or not said):
                yield Intent(directive, table, column, down=said)
        case _:
            pass


def _target(every: list[Token]) -> tuple[str, str, list[Token]]:
    """The table and the column that a directive begins with, and what follows."""
    if not _named(every):
        return "", "", every
    if len(every) > 2 and every[1].text == "." and _named(every[2:]):
        return fold(every[0].name), fold(every[2].name), every[3:]
    return fold(every[0].name), "", every[1:]


def _named(every: list[Token]) -> bool:
    return bool(every) and every[0].kind in _NAMES


def _said(arguments: str, rest: list[Token]) -> str | None:
    """What follows `down=`, without the reason behind it; None if it is something else."""
    reasons = [n for n, token in enumerate(rest) if token.is_word("REASON")]
    if reasons and rest[reasons[-1] + 1 :][:1] and rest[reasons[-1] + 1].text == "=":
        arguments, rest = arguments[: rest[reasons[-1]].start], rest[: reasons[-1]]
    if not rest:
        return ""
    if len(rest) < 3 or not rest[0].is_word("DOWN") or rest[1].text != "=":
        return None
    down = arguments[rest[1].end :].strip()
    return down if is_literal(down) else None
