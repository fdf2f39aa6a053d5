"""What of a migration concerns devices only: views, triggers, virtual tables, tables with
`-- @local-only`, and whatever is done to these.

It runs on every device in its place among the other statements, and Postgres has nothing of it. In
a compiled migration such a statement carries a mark, so that whoever reads the schema back passes
over it.
"""

from collections.abc import Collection, Iterator
from typing import Final

from electricsql.migrations.grammar import Action, Parsed, parse
from electricsql.migrations.local_triggers import kept_trigger
from electricsql.migrations.source import Statement
from electricsql.schema import Scratch

LOCAL_ONLY: Final = "local-only"
"""The directive."""
_MARK: Final = f"-- @{LOCAL_ONLY}\n"
_ALWAYS: Final = (
    Action.CREATE_VIEW,
    Action.DROP_VIEW,
    Action.CREATE_TRIGGER,
    Action.DROP_TRIGGER,
    Action.CREATE_VIRTUAL_TABLE,
)


def says_local(statement: Statement) -> bool:
    """Whether its author has said that it concerns devices only."""
    return any(directive.name == LOCAL_ONLY for directive in statement.directives)


def is_local(statement: Statement, parsed: Parsed, scratch: Scratch) -> bool:
    """Whether a statement concerns devices only, when all before it was run in `scratch`."""
    if parsed.action in _ALWAYS:
        return True
    if parsed.action is Action.CREATE_TABLE:
        return says_local(statement)
    target = parsed.on if parsed.action is Action.CREATE_INDEX else parsed.name
    if target is None:
        return False
    if parsed.action is Action.DROP_INDEX:
        return scratch.is_local(scratch.table_of_index(target.name))
    return scratch.is_local(target.name)


def compiled_local(statement: Statement, replicated: Collection[str]) -> Iterator[str]:
    """Such a statement as devices run it, given the lower-case names of what is replicated."""
    if parse(statement).action is Action.CREATE_TRIGGER:
        yield from (f"{_MARK}{sql}" for sql in kept_trigger(statement.sql, replicated))
    else:
        yield f"{_MARK}{statement.sql}"


def is_marked(sql: str) -> bool:
    """Whether a compiled statement concerns devices only."""
    return sql.startswith(_MARK)
