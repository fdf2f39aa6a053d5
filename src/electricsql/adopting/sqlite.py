"""Drafting the first migration from the schema of a SQLite file.

A table's text stays as its author wrote it, but for what can't be replicated: that is corrected
where there is one right way, and else left out, as a comment with the reason. A type that does not
fit what a column holds gives way to one that does. The draft always builds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from electricsql.adopting.ddl import (
    Clause,
    ColumnPart,
    CreateTable,
    edited,
    read_create_table,
    without_part,
)
from electricsql.adopting.draft import (
    Draft,
    Finding,
    Found,
    Outcome,
    Piece,
    left_out,
    parents_first,
    problem,
    trial,
)
from electricsql.adopting.local import is_virtual, local_pieces, shadows
from electricsql.adopting.types import Misfits, fitting_type
from electricsql.checks import Finding as Problem
from electricsql.checks import check
from electricsql.schema import OURS, ColumnType, check_constraints

_BOOKKEEPING: Final = frozenset(
    (
        *("android_metadata", "room_master_table", "grdb_migrations", "django_migrations"),
        *("alembic_version", "schema_migrations", "ar_internal_metadata", "_prisma_migrations"),
        *("knex_migrations", "knex_migrations_lock", "__efmigrationshistory", "flyway_schema"),
        *("sequelizemeta", "typeorm_metadata", "__drizzle_migrations", "goose_db_version"),
    )
)
_COUNTS: Final = (
    "A number that SQLite would count up. The rows that are there keep theirs. New ones need"
    " numbers that are given out nowhere else, or two devices make one row of two: let the app"
    " choose them, or use a UUID."
)
_ALLOW: Final = (
    '-- @allow device-local-key reason="the rows that are there keep their numbers;'
    ' the app gives out new ones"'
)
_SPANS: Final = "check-spans-columns"
_STATED: Final = frozenset(("unique-can-collide", _SPANS))
_COLLIDES: Final = (
    "Two devices that are offline can both keep a UNIQUE rule, or a CHECK over several columns, and"
    " break it together. What comes later waits in the quarantine then; another policy may fit"
    " better (`electric check --explain unique-can-collide`)."
)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table on its way into the draft."""

    name: str
    parts: CreateTable
    findings: list[Finding] = field(default_factory=list)
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def note(self, outcome: Outcome, what: str, why: str) -> None:
        self.findings.append(Finding(outcome, what, why))

    def sql(self) -> str:
        return edited(self.parts.sql, self.edits)


class _Unfit(Exception):
    """The table can't be replicated, for this reason."""


def draft(name: str, found: Sequence[Found], misfits: Misfits) -> Draft:
    """The first migration from what a file of that `name` has. `misfits` counts the values of a
    column that a type could not hold."""
    hidden = shadows(found)
    own = [o for o in found if _is_own_table(o) and o.name.lower() not in hidden]
    fit: dict[str, _Table] = {}
    pieces: list[Piece] = []
    for each in own:
        try:
            fit[each.name] = _corrected(each, misfits)
        except _Unfit as unfit:
            pieces.append(left_out(each, str(unfit)))
    for table in fit.values():
        _correct_foreign_keys(table, fit)
    order = parents_first(list(fit), {name: _parents(table, fit) for name, table in fit.items()})
    indexes = [o for o in found if o.kind == "index" and o.table in fit]
    built, late = _buildable([fit[name] for name in order], indexes)
    local, lost = local_pieces(found, built)
    pieces += [*late, *lost]
    heading = (
        f"The schema of {name}, as `electric init --from-sqlite` has read it. What could not stay"
        " as it was is noted where it stands."
    )
    return Draft(heading, [*built, *local, *pieces])


def _is_own_table(found: Found) -> bool:
    is_ours = found.name.lower().startswith(OURS)
    return found.kind == "table" and not (is_virtual(found) or is_ours)


def _corrected(found: Found, misfits: Misfits) -> _Table:
    """A table with its columns and key as they can be replicated.

    Raises:
        _Unfit: they can't.
    """
    if found.name.lower() in _BOOKKEEPING:
        raise _Unfit("It says what a framework has done to this one file.")
    table = _Table(found.name, read_create_table(found.sql))
    if not table.parts.primary_key():
        raise _Unfit(
            "It has no PRIMARY KEY, so its rows can't be told apart on devices. Make it anew with"
            " one, in the app and here, for example: id TEXT PRIMARY KEY NOT NULL, with a UUID that"
            " the app makes for each row."
        )
    for column in table.parts.columns:
        if not _is_generated(column):
            _correct_type(table, column, misfits)
    _correct_key(table)
    return table


def _is_generated(column: ColumnPart) -> bool:
    return bool(column.clause("GENERATED") or column.clause("AS"))


def _correct_type(table: _Table, column: ColumnPart, misfits: Misfits) -> None:
    is_key = column.name in table.parts.primary_key()
    declared = column.declared(table.parts.sql)
    what = f"{table.name}.{column.name}"

    def misfit(type: ColumnType) -> int:
        return misfits(table.name, column.name, type, is_key)

    type, why = fitting_type(declared, misfit)
    if type is None:
        raise _Unfit(f"Column {column.name} {why}.")
    if why:
        place = column.tokens[0].end
        end = column.type[-1].end if column.type else place
        table.edits.append((place, end, f" {type}"))
        table.note(Outcome.CORRECTED, f"{what} is {type} here", f"The column {why}.")


def _correct_key(table: _Table) -> None:
    """A key that is never NULL, and that no file counts up by itself."""
    parts, key = table.parts, table.parts.primary_key()
    nullable = []
    for name in key:
        column = parts.column(name)
        assert column is not None
        if (primary := column.clause("PRIMARY")) and primary.has("AUTOINCREMENT"):
            word = next(token for token in primary.tokens if token.is_word("AUTOINCREMENT"))
            before = primary.tokens[primary.tokens.index(word) - 1]
            table.edits.append((before.end, word.end, ""))
            table.note(
                Outcome.CORRECTED,
                f"{table.name}.{name} is without AUTOINCREMENT",
                "Each file would count for itself, and give the same number to different rows.",
            )
        if not any(clause.kind == "NOT" for clause in column.clauses):
            nullable.append(name)
            end = column.tokens[-1].end
            table.edits.append((end, end, " NOT NULL"))
    if nullable and not parts.options & {"WITHOUT", "STRICT"} and not _counts(table):
        table.note(
            Outcome.CORRECTED,
            f"{table.name} has NOT NULL on its key",
            "SQLite takes NULL in a key, and Postgres does not.",
        )
    if _counts(table):
        table.note(Outcome.MIND, f"{table.name}.{key[0]}", _COUNTS)


def _counts(table: _Table) -> bool:
    """Whether SQLite gives the key's number to a row that comes without one."""
    key = table.parts.primary_key()
    column = table.parts.column(key[0])
    assert column is not None
    declared = column.declared(table.parts.sql).upper()
    return len(key) == 1 and declared == "INTEGER" and "WITHOUT" not in table.parts.options


def _foreign_keys(table: _Table) -> Iterator[tuple[Clause, ColumnPart | None]]:
    """The clauses with REFERENCES, with the column if they are part of one."""
    for column in table.parts.columns:
        yield from ((clause, column) for clause in column.clauses if clause.kind == "REFERENCES")
    yield from ((c, None) for c in table.parts.constraints if c.kind == "FOREIGN")


def _parents(table: _Table, names: Iterable[str]) -> set[str]:
    targets = {clause.target().lower() for clause, _ in _foreign_keys(table)}
    return {name for name in names if name.lower() in targets}


def _correct_foreign_keys(table: _Table, fit: dict[str, _Table]) -> None:
    """Leave out foreign keys to what is not there, or to other columns than the primary key."""
    names = {name.lower(): name for name in fit}
    for clause, column in _foreign_keys(table):
        parent = names.get(clause.target().lower())
        key = {name.lower() for name in fit[parent].parts.primary_key()} if parent else set()
        if parent and {name.lower() for name in clause.references()} in (set(), key):
            continue
        if column is None:
            table.edits.append(without_part(table.parts, clause.tokens))
        else:
            at = column.tokens.index(clause.tokens[0])
            table.edits.append((column.tokens[at - 1].end, clause.end, ""))
        own = column.name if column else ", ".join(clause.bracketed())
        why = "refers to other columns than its primary key" if parent else "is not replicated"
        table.note(
            Outcome.LEFT_OUT,
            f"the foreign key {table.name} ({own}) to {clause.target()}",
            f"{'It' if parent else 'That table'} {why}.",
        )


def _buildable(
    tables: Sequence[_Table], indexes: Sequence[Found]
) -> tuple[list[Piece], list[Piece]]:
    """The pieces that build, and those of what does not, left out."""
    wanted = [_piece(table) for table in tables]
    wanted += [_index(wanted, index) for index in indexes]
    if problem(wanted) is None:
        return wanted, []
    kept: list[Piece] = []
    late: list[Piece] = []
    for table in tables:
        piece = _first_that_builds(kept, _variants(table))
        (late if piece.sql is None else kept).append(piece)
    for index in indexes:
        piece = _index(kept, index)
        error = problem([*kept, piece])
        if error is None:
            kept.append(piece)
        else:
            late.append(left_out(index, f"{error.problem} {error.help}"))
    return kept, late


def _piece(table: _Table) -> Piece:
    sql = _with_named_checks(table.sql())
    directives = [_ALLOW] if _counts(table) else []
    stated = _policies([Piece([], sql=sql)])
    findings = [*table.findings, *_minded(table.name, stated)]
    return Piece(findings, sql=sql, directives=[*directives, *stated])


def _index(tables: Sequence[Piece], index: Found) -> Piece:
    piece = Piece([], sql=index.sql)
    stated = _policies([*tables, piece])
    return Piece(_minded(index.table, stated), sql=index.sql, directives=stated)


def _policies(pieces: Sequence[Piece]) -> list[str]:
    """The directives that they lack: what devices do against each other waits in the quarantine."""
    return [each.fix for each in check([trial(pieces)]) if each.rule in _STATED]


def _minded(table: str, stated: Sequence[str]) -> list[Finding]:
    return [Finding(Outcome.MIND, f"rules of {table}", _COLLIDES)] if stated else []


def _with_named_checks(sql: str) -> str:
    """The statement with names for the CHECKs that need one for a policy."""
    found = check([trial([Piece([], sql=sql)])])
    lines = sql.split("\n")
    flagged = {
        sum(len(line) + 1 for line in lines[: each.line - 1]) + each.column - 1
        for each in found
        if each.rule == _SPANS
    }
    every = list(check_constraints(sql))
    names = {constraint.name.lower() for constraint in every}
    for constraint in reversed(every):
        if not constraint.name and constraint.start in flagged:
            name = next(n for n in map("check_{}".format, count(1)) if n not in names)
            names.add(name)
            start = constraint.start
            sql = f"{sql[:start]}CONSTRAINT {name} {sql[start:]}"
    return sql


def _first_that_builds(kept: Sequence[Piece], variants: Iterable[_Table]) -> Piece:
    error: Problem | None = None
    for table in variants:
        piece = _piece(table)
        error = problem([*kept, piece])
        if error is None:
            return piece
        last = table
    assert error is not None
    found = Found("table", last.name, last.name, last.parts.sql)
    return left_out(found, f"{error.problem} {error.help}")


def _variants(table: _Table) -> Iterator[_Table]:
    """A table with less and less of what may be in the way."""
    yield table
    yield from _deferred(table)
    for less in _computing_nothing(table):
        yield less
        table = less
    for kind, what, why in _DISPENSABLE:
        less = replace(table, findings=list(table.findings), edits=list(table.edits))
        for column in table.parts.columns:
            _drop_clauses(less, column, kind)
        for clause in table.parts.constraints:
            if clause.kind == kind:
                less.edits.append(without_part(less.parts, clause.tokens))
        if less.edits != table.edits:
            less.note(Outcome.LEFT_OUT, f"{what} of {table.name}", why)
            yield less
            table = less


def _deferred(table: _Table) -> Iterator[_Table]:
    """The table with foreign keys that are checked at the commit, if it has any."""
    less = replace(table, findings=list(table.findings), edits=list(table.edits))
    for clause, _ in _foreign_keys(table):
        is_gone = any(start <= clause.end <= end for start, end, _ in table.edits)
        if not is_gone and not clause.has("DEFERRABLE"):
            less.edits.append((clause.end, clause.end, " DEFERRABLE INITIALLY DEFERRED"))
    if less.edits != table.edits:
        why = "Each row needs another one first; so they are inserted in one transaction."
        less.note(Outcome.CORRECTED, f"the foreign keys of {table.name} wait for the commit", why)
        yield less


def _computing_nothing(table: _Table) -> Iterator[_Table]:
    """The table without its generated columns, if it has any."""
    less = replace(table, findings=list(table.findings), edits=list(table.edits))
    for column in filter(_is_generated, table.parts.columns):
        less.edits.append(without_part(less.parts, column.tokens))
        what = f"column {table.name}.{column.name}"
        less.note(
            Outcome.LEFT_OUT, what, "Postgres may compute it otherwise; in this file it stays."
        )
    if less.edits != table.edits:
        yield less


_DISPENSABLE: Final = (
    ("CHECK", "the CHECKs", "SQLite and Postgres may take them differently."),
    ("DEFAULT", "the DEFAULTs", "They are no values of their columns as everybody spells them."),
)


def _drop_clauses(table: _Table, column: ColumnPart, kind: str) -> None:
    for clause in column.clauses:
        if clause.kind == kind:
            before = column.tokens[column.tokens.index(clause.tokens[0]) - 1]
            table.edits.append((before.end, clause.end, ""))
