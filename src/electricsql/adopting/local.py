"""What of a file concerns devices only: its views, triggers and virtual tables. They become part of
the draft, so that new files have them too, as far as they work with what is replicated."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from electricsql.adopting.draft import Finding, Found, Outcome, Piece, left_out, problem
from electricsql.migrations import LOCAL_ONLY, created
from electricsql.schema import tokens

_SHADOWS: Final = (
    *("data", "idx", "content", "docsize", "config"),  # FTS5, and FTS3 and 4:
    *("segments", "segdir", "stat"),
    *("node", "rowid", "parent"),  # R-Tree
)
"""How the tables in which SQLite's modules keep a virtual table are called, after its name."""
_TRIGGER: Final = (
    "On devices only: what is written in Postgres does not set it off. If it writes something that"
    " is replicated, it is silent while changes of others come in (docs/local-only.md)."
)
_VIRTUAL: Final = (
    "Each device has its own, and fills it: by triggers, which hear of everybody's changes, or in"
    " the app, which does not."
)


def is_virtual(found: Found) -> bool:
    """Whether a table belongs to a module of SQLite."""
    return any(token.is_word("VIRTUAL") for token in islice(tokens(found.sql), 2))


def shadows(found: Sequence[Found]) -> set[str]:
    """The lower-case names of the tables that virtual tables are kept in."""
    return {f"{o.name.lower()}_{end}" for o in found if is_virtual(o) for end in _SHADOWS}


def local_pieces(found: Sequence[Found], built: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The pieces for devices only, after those that are `built`, and those that are left out. A
    trigger of a table that is left out goes with it unsaid."""
    tables = {created(each.sql)[1].lower() for each in built if each.sql}
    others = [o for o in found if o.kind == "view" or is_virtual(o)]
    on = {*tables, *(each.name.lower() for each in others)}
    wanted = [*others, *(o for o in found if o.kind == "trigger" and o.table.lower() in on)]
    pieces = list(map(_piece, wanted))
    lost = [_lost_contents(each, tables) for each in wanted]
    if not any(lost) and problem([*built, *pieces]) is None:
        return pieces, []
    kept: list[Piece] = []
    late: list[Piece] = []
    for each, piece, table in zip(wanted, pieces, lost, strict=True):
        error = problem([*built, *kept, piece])
        if table:
            late.append(left_out(each, f"Its contents are in {table}, which is left out."))
        elif error is not None:
            late.append(left_out(each, error.problem))
        else:
            kept.append(piece)
    return kept, late


def _piece(found: Found) -> Piece:
    if found.kind == "view":
        return Piece([], sql=found.sql)
    why = _TRIGGER if found.kind == "trigger" else _VIRTUAL
    finding = Finding(Outcome.MIND, f"{found.kind} {found.name}", why)
    return Piece([finding], sql=found.sql, directives=[f"-- @{LOCAL_ONLY}"])


def _lost_contents(found: Found, tables: Collection[str]) -> str:
    """The table, which is left out, that a virtual one reads its contents from."""
    if not is_virtual(found):
        return ""
    every = list(tokens(found.sql))
    for option, equals, value in zip(every, every[1:], every[2:], strict=False):
        if option.is_word("CONTENT") and equals.text == "=" and value.name:
            return "" if value.name.lower() in tables else value.name
    return ""
