"""What became of each table and column in a migration.

What there is before and after a statement was read back from a SQLite that ran it; the statement's
text says only what that can't: that a name which went and one which came are the same thing. A
table that is built anew, filled from the old one and given its name is the old one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from electricsql.checks.finding import Span
from electricsql.migrations import Action, Parsed, Statement
from electricsql.schema import Column, Schema, Table


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
    is where that was decided."""

    before: Column | None
    after: Column | None
    at: Span

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


@dataclass
class _Trace:
    """A table on its way through the statements."""

    before: Table | None
    at: Span
    columns: dict[str, tuple[Column | None, Span]]
    lost: list[ColumnFate] = field(default_factory=list)
    rebuilt: bool = False


class _Walk:
    """Follows the tables through the steps."""

    def __init__(self, before: Schema) -> None:
        self._before = before
        self._traces: dict[str, _Trace] = {}
        self._dropped: list[tuple[str, _Trace]] = []
        self._copies: dict[str, tuple[str, Mapping[str, str]]] = {}

    def step(self, step: Step) -> None:
        """One more statement."""
        parsed = step.parsed
        gone = sorted(step.before.tables.keys() - step.after.tables.keys())
        made = sorted(step.after.tables.keys() - step.before.tables.keys())
        if parsed.action is Action.RENAME_TABLE and gone and made:
            self._renamed(gone[0], made[0], _token_span(parsed.new_name, step))
            return
        for name in gone:
            trace = self._trace(name, step)
            trace.at = _token_span(parsed.name, step)
            self._dropped.append((name, self._traces.pop(name)))
        for name in made:
            at = _token_span(parsed.name, step)
            trace = self._traces[name] = _Trace(None, at, {})
            for column in step.after.tables[name].every:
                trace.columns[column] = (None, _definition_span(step, column))
        for name, now in step.after.tables.items():
            then = step.before.tables.get(name, now)
            if then is not now and [*then.every] != [*now.every]:
                self._altered(self._trace(name, step), then, now, step)
        if parsed.action is Action.COPY and parsed.name and parsed.on:
            self._copied(step)

    def _trace(self, name: str, step: Step) -> _Trace:
        if name not in self._traces:
            table = self._before.tables[name]
            columns = {name: (each, step.span) for name, each in table.every.items()}
            self._traces[table.name] = _Trace(table, step.span, dict(columns))
        return self._traces[name]

    def _renamed(self, old: str, new: str, at: Span) -> None:
        trace = self._traces.pop(old, None)
        if trace is None:
            table = self._before.tables[old]
            trace = _Trace(table, at, {name: (each, at) for name, each in table.every.items()})
        trace.at = at
        copied = self._copies.get(old)
        replaced = [each for each in self._dropped if copied and each[0] == copied[0] == new]
        if trace.before is None and copied and replaced:
            self._dropped.remove(replaced[-1])
            trace = _rebuilt(replaced[-1][1], trace, copied[1])
        self._traces[new] = trace

    def _altered(self, trace: _Trace, then: Table, now: Table, step: Step) -> None:
        gone = [name for name in then.every if name not in now.every]
        made = [name for name in now.every if name not in then.every]
        if step.parsed.action is Action.RENAME_COLUMN and gone and made:
            before, _ = trace.columns.pop(gone[0])
            trace.columns[made[0]] = (before, _token_span(step.parsed.new_name, step))
            return
        for name in gone:
            before, _ = trace.columns.pop(name)
            if before is not None:
                at = _token_span(step.parsed.column, step)
                trace.lost.append(ColumnFate(before, None, at))
        for name in made:
            trace.columns[name] = (None, _definition_span(step, name))

    def _copied(self, step: Step) -> None:
        parsed = step.parsed
        assert parsed.name and parsed.on
        into, source = step.after.find(parsed.name.name), step.after.find(parsed.on.name)
        if into is None or source is None:
            return
        named = [token.name.lower() for token in parsed.columns]
        columns = named or [name.lower() for name in into.column_names]
        pairs = dict(zip(columns, parsed.selected, strict=False))
        known = {name.lower(): name for name in source.column_names}
        theirs = {column.name for column in source.generated}
        mapped = {c.name: c.name for c in into.generated if c.name in theirs}
        for column in into.column_names:
            tokens = pairs.get(column.lower(), ())
            if len(tokens) == 1 and tokens[0].name.lower() in known:
                mapped[column] = known[tokens[0].name.lower()]
        self._copies[into.name] = (source.name, mapped)

    def fates(self, after: Schema) -> Iterable[TableFate]:
        """What became of all that were touched."""
        for _, trace in self._dropped:
            if trace.before is not None:
                yield TableFate(trace.before, None, trace.at, tuple(trace.lost))
        for name, trace in self._traces.items():
            table = after.tables[name]
            kept = tuple(
                ColumnFate(before, table.every[column], at)
                for column, (before, at) in trace.columns.items()
            )
            yield TableFate(trace.before, table, trace.at, (*trace.lost, *kept), trace.rebuilt)


def fates(before: Schema, after: Schema, steps: Iterable[Step]) -> tuple[TableFate, ...]:
    """What became of every table that the steps touch."""
    walk = _Walk(before)
    for step in steps:
        walk.step(step)
    return tuple(walk.fates(after))


def _rebuilt(old: _Trace, new: _Trace, mapped: Mapping[str, str]) -> _Trace:
    """The old table with the new one's columns; what was not copied is lost."""
    columns = {}
    for name, (_, at) in new.columns.items():
        origin = old.columns.get(mapped.get(name, ""))
        columns[name] = (origin[0] if origin else None, at)
    kept = set(mapped.values())
    lost = [
        ColumnFate(before, None, new.at)
        for name, (before, _) in old.columns.items()
        if before is not None and name not in kept
    ]
    return replace(new, before=old.before, columns=columns, lost=old.lost + lost, rebuilt=True)


def _token_span(token: object, step: Step) -> Span:
    """Where a token is; the whole statement if it has none."""
    start, end = getattr(token, "start", None), getattr(token, "end", None)
    return step.span if start is None or end is None else Span(start, end)


def _definition_span(step: Step, column: str) -> Span:
    definition = step.parsed.definition(column)
    return Span.of(*definition.tokens) if definition else step.span
