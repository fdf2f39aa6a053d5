"""What became of each table and column in a migration.

What there is before and after a statement was read back from a SQLite that ran it; the statement's
text says only what that can't: that a name which went and one which came are the same thing. A
table that is built anew and filled from the old one, which is then dropped, is the old one. What
not even the text can tell, its author says by a directive (`intents.py`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from electricsql.migrations.grammar import Action, Parsed
from electricsql.migrations.intents import Intents
from electricsql.migrations.source import Span, Statement
from electricsql.schema import Column, Kind, Schema, Table, Token, fold, quote

_Tokens = tuple[Token, ...]


@dataclass(frozen=True)
class Step:
    """A statement, and what there was before and after it. `failure` is what SQLite said to it on
    an empty database, `filled_failure` on one with rows; `ran` if it was run at all; `local` if
    it concerns devices only."""

    statement: Statement
    parsed: Parsed
    before: Schema
    after: Schema
    ran: bool = True
    local: bool = False
    failure: str | None = None
    filled_failure: str | None = None

    @property
    def span(self) -> Span:
        return Span(self.statement.start, self.statement.end)


@dataclass(frozen=True, slots=True)
class ColumnFate:
    """A column, as it was before the migration and as it is after; None where there is none. `at`
    is where that was decided. Of one in a table that was built anew, `filled` is the expression
    that it is filled with, if that is more than a column: then one of the same name is
    converted."""

    before: Column | None
    after: Column | None
    at: Span
    filled: _Tokens = ()

    @property
    def is_written(self) -> bool:
        """Whether it is there, and somebody writes it: it is not computed."""
        return self.after is not None and not self.after.is_generated


@dataclass(frozen=True, slots=True)
class TableFate:
    """The same of a table that the migration touches; `rebuilt` if it was made anew and filled."""

    before: Table | None
    after: Table | None
    at: Span
    columns: tuple[ColumnFate, ...]
    rebuilt: bool = False

    def place_of(self, column: str) -> Span:
        """Where it was decided what a column is now; the table's own place if it was not."""
        found = (each.at for each in self.columns if each.after and each.after.name == column)
        return next(found, self.at)


class _Origin(NamedTuple):
    """Where a column comes from."""

    before: Column | None
    at: Span
    filled: _Tokens = ()


@dataclass(eq=False)
class _Trace:
    """A table on its way through the statements. `source` is the one that it was filled from,
    `copied` what its columns are then, and `copied_at` where that is written."""

    before: Table | None
    at: Span
    columns: dict[str, _Origin]
    lost: list[ColumnFate] = field(default_factory=list)
    rebuilt: bool = False
    source: "_Trace | None" = None
    copied: dict[str, _Origin] = field(default_factory=dict)
    copied_at: Span = field(default_factory=lambda: Span(0, 0))

    def inherit(self) -> None:
        """Be the table that it was filled from; what was not copied is lost."""
        assert self.source is not None
        old = self.source
        columns = {
            name: self.copied.get(name, _Origin(None, origin.at))
            for name, origin in self.columns.items()
        }
        kept = {origin.before.name for origin in columns.values() if origin.before}
        self.lost = [
            *old.lost,
            *(
                ColumnFate(origin.before, None, self.copied_at)
                for origin in old.columns.values()
                if origin.before is not None and origin.before.name not in kept
            ),
        ]
        self.before, self.columns, self.rebuilt = old.before, columns, True


class _Walk:
    """Follows the tables through the steps."""

    def __init__(self, before: Schema) -> None:
        self._before = before
        self._traces: dict[str, _Trace] = {}
        self._dropped: list[_Trace] = []

    def step(self, step: Step) -> None:
        """One more statement."""
        parsed = step.parsed
        gone = sorted(step.before.tables.keys() - step.after.tables.keys())
        made = sorted(step.after.tables.keys() - step.before.tables.keys())
        if parsed.action is Action.RENAME_TABLE and gone and made:
            trace = self._trace(gone[0], step)
            trace.at = _token_span(parsed.new_name, step)
            self._traces[made[0]] = self._traces.pop(gone[0])
            return
        for name in gone:
            self._drop(name, step)
        for name in made:
            at = _token_span(parsed.name, step)
            trace = self._traces[name] = _Trace(None, at, {})
            for column in step.after.tables[name].every:
                trace.columns[column] = _Origin(None, _definition_span(step, column))
        for name, now in step.after.tables.items():
            then = step.before.tables.get(name, now)
            if then is not now and [*then.every] != [*now.every]:
                self._altered(self._trace(name, step), then, now, step)
        if parsed.action is Action.COPY and parsed.name and parsed.on:
            self._copied(step)

    def _trace(self, name: str, step: Step) -> _Trace:
        if name not in self._traces:
            table = self._before.tables[name]
            columns = {name: _Origin(each, step.span) for name, each in table.every.items()}
            self._traces[name] = _Trace(table, step.span, columns)
        return self._traces[name]

    def _drop(self, name: str, step: Step) -> None:
        """A table goes; if another one was filled from it, it goes on as that."""
        trace = self._trace(name, step)
        trace.at = _token_span(step.parsed.name, step)
        del self._traces[name]
        heirs = [each for each in self._traces.values() if each.source is trace]
        if len(heirs) == 1:
            heirs[0].inherit()
        else:
            self._dropped.append(trace)

    def _altered(self, trace: _Trace, then: Table, now: Table, step: Step) -> None:
        gone = [name for name in then.every if name not in now.every]
        made = [name for name in now.every if name not in then.every]
        if step.parsed.action is Action.RENAME_COLUMN and gone and made:
            at = _token_span(step.parsed.new_name, step)
            for columns in (trace.columns, trace.copied):
                if gone[0] in columns:
                    columns[made[0]] = columns.pop(gone[0])._replace(at=at)
            return
        for name in gone:
            before = trace.columns.pop(name).before
            trace.copied.pop(name, None)
            if before is not None:
                at = _token_span(step.parsed.column, step)
                trace.lost.append(ColumnFate(before, None, at))
        for name in made:
            trace.columns[name] = _Origin(None, _definition_span(step, name))

    def _copied(self, step: Step) -> None:
        """A table that is new here is filled from one that was there."""
        parsed = step.parsed
        assert parsed.name and parsed.on
        into, source = step.after.find(parsed.name.name), step.after.find(parsed.on.name)
        if into is None or source is None or into is source:
            return
        target, origin = self._trace(into.name, step), self._trace(source.name, step)
        if target.before is not None:
            return
        named = [token.name for token in parsed.columns] or into.column_names
        selected = dict(zip(map(fold, named), _selected(parsed, source), strict=False))
        known = {fold(name): each for name, each in origin.columns.items()}
        target.source, target.copied, target.copied_at = origin, {}, step.span
        for name, column in into.every.items():
            filled = selected.get(fold(name), ())
            bare = known.get(fold(name if column.is_generated else _bare(filled, source.name)))
            same = known.get(fold(name)) if filled and not bare else None
            there = bare or same or _Origin(None, step.span)
            at, rest = target.columns[name].at, () if bare else filled
            target.copied[name] = there._replace(at=at, filled=rest)

    def fates(self, after: Schema) -> Iterator[TableFate]:
        """What became of all that were touched."""
        for trace in self._dropped:
            if trace.before is not None:
                yield TableFate(trace.before, None, trace.at, tuple(trace.lost))
        for name, trace in self._traces.items():
            table = after.tables[name]
            kept = (
                ColumnFate(origin.before, table.every[column], origin.at, origin.filled)
                for column, origin in trace.columns.items()
            )
            yield TableFate(trace.before, table, trace.at, (*trace.lost, *kept), trace.rebuilt)


def fates(before: Schema, after: Schema, steps: Iterable[Step]) -> tuple[TableFate, ...]:
    """What became of every table that the steps touch."""
    walk = _Walk(before)
    said = Intents.of(each for step in steps for each in step.statement.directives)
    for step in steps:
        walk.step(step)
    return tuple(_renamed(fate, said) for fate in walk.fates(after))


def _renamed(fate: TableFate, said: Intents) -> TableFate:
    """With the columns in one that are said to be renamed."""
    came = {fold(each.after.name): each for each in fate.columns if each.after and not each.before}
    lost = {fold(each.before.name): each for each in fate.columns if each.before and not each.after}
    names = {fold(table.name) for table in (fate.before, fate.after) if table}
    for intent in said.renamed:
        if intent.table in names and intent.column in lost and intent.to in came:
            old, new = lost.pop(intent.column), came.pop(intent.to)
            one = replace(new, before=old.before)
            columns = (one if each is new else each for each in fate.columns if each is not old)
            fate = replace(fate, columns=tuple(columns))
    return fate


def _selected(copy: Parsed, source: Table) -> tuple[_Tokens, ...]:
    """The expressions of a copy, with `*` written out."""
    if [token.text for part in copy.selected for token in part] != ["*"]:
        return copy.selected
    (star,) = copy.selected[0]
    return tuple((Token(Kind.NAME, quote(name), star.start),) for name in source.every)


def _bare(tokens: _Tokens, source: str) -> str:
    """The column that an expression of a SELECT is, if it is no more than that; else empty."""
    if len(tokens) > 2 and tokens[-2].is_word("AS"):
        tokens = tokens[:-2]
    if len(tokens) == 3 and tokens[1].text == "." and fold(tokens[0].name) == fold(source):
        tokens = tokens[2:]
    names = (Kind.WORD, Kind.NAME)
    return tokens[0].name if len(tokens) == 1 and tokens[0].kind in names else ""


def _token_span(token: Token | None, step: Step) -> Span:
    """Where a token is; the whole statement if it has none."""
    return step.span if token is None else Span(token.start, token.end)


def _definition_span(step: Step, column: str) -> Span:
    definition = step.parsed.definition(column)
    return Span.of(*definition.tokens) if definition else step.span
