"""Policies: what becomes of a write that a constraint refuses only because of others' writes.

    -- @unique users.email on-conflict=quarantine
    -- @unique seats(room, place) on-conflict=keep-first
    -- @check spans.first_before_last on-conflict=quarantine

A policy is a directive above the statement that makes the constraint; the table is called as it is
after the migration. Whether it has to be there is said by `checks`; what the hub does about it is
in `hub/keeping.py`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from electricsql.migrations.source import Directive
from electricsql.schema import Column, Index, Kind, Table, Token, tokens

QUARANTINE: Final = "quarantine"
KEEP_FIRST: Final = "keep-first"
ON_CONFLICT: Final = {"unique": (QUARANTINE, KEEP_FIRST), "check": (QUARANTINE,)}
"""The directives, each with the policies that it may state."""
_ARGUMENTS: Final = re.compile(r"(.*?)\s+on-conflict=([\w-]+)")


@dataclass(frozen=True, slots=True)
class Policy:
    """A directive, read: about these columns (or this constraint) of a table. Names are in lower
    case: SQLite does not tell case apart."""

    directive: Directive
    table: str
    names: frozenset[str]
    on_conflict: str

    @property
    def is_known(self) -> bool:
        """Whether there is such a policy."""
        return self.on_conflict in ON_CONFLICT[self.directive.name]

    def is_about(self, kind: str, table: str, names: Iterable[str]) -> bool:
        """Whether it is of that kind, about these names, of a table that is called so."""
        return (
            self.directive.name == kind
            and self.table == table.lower()
            and self.names == {name.lower() for name in names}
        )


def policies(directives: Iterable[Directive]) -> Iterator[Policy]:
    """The policies among directives, as far as they can be read."""
    for directive in directives:
        match = _ARGUMENTS.fullmatch(directive.arguments)
        if directive.name in ON_CONFLICT and match:
            table, *names = _target(list(tokens(match[1])))
            if table and names and all(names):
                yield Policy(directive, table, frozenset(names), match[2])


def given_up(table: Table, index: Index) -> Column | None:
    """The column of a unique rule whose value gives way under `keep-first`: the last that may be
    NULL. None if there is none, or if the rule is over more than columns that
    somebody writes."""
    columns = [table.every[name] for name in index.columns if name not in table.primary_key]
    if any(column.is_generated for column in columns):
        return None
    return next((column for column in reversed(columns) if not column.not_null), None)


def _target(parts: list[Token]) -> Iterator[str]:
    """The names in `table.name` or `table(name, …)`; an empty one if it is neither."""
    texts = [part.text for part in parts]
    is_dotted = len(parts) == 3 and texts[1] == "."
    is_listed = len(parts) > 3 and len(parts) % 2 == 0 and (texts[1], texts[-1]) == ("(", ")")
    commas = texts[3:-1:2] if is_listed else []
    if not (is_dotted or (is_listed and set(commas) <= {","})):
        yield ""
        return
    for part in (parts[0], *(parts[2:3] if is_dotted else parts[2:-1:2])):
        yield part.name.lower() if part.kind in (Kind.WORD, Kind.NAME) else ""
