"""What a rule sees of a new migration. Made once; rules only read it.

The migration was run statement by statement on two databases, one empty, one with rows in every
table, that all migrations before it had been run on. The schemas read back are the truth; the text
gives places and intent.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from electricsql.checks.filling import fill
from electricsql.checks.finding import Finding
from electricsql.errors import MigrationError
from electricsql.migrations import (
    SCHEMA_ACTIONS,
    Action,
    ColumnFate,
    Definition,
    Directive,
    Gap,
    Intents,
    Policy,
    Source,
    Span,
    Statement,
    Step,
    TableFate,
    fates,
    fits,
    gaps,
    is_local,
    only_adds,
    pairs_of,
    parse,
    policies,
    statements,
    unbound,
)
from electricsql.schema import (
    Check,
    Column,
    ColumnType,
    ForeignKey,
    Index,
    Pair,
    Schema,
    Scratch,
    Table,
    Token,
    Value,
    about_one_table,
    check_constraints,
    index_columns,
)


@dataclass(frozen=True)
class Analysis:
    """A new migration. `applied` are those that the environment has, each with its sha256, as far
    as that is known. `broken` are views and triggers that can't be used afterwards, each with what
    SQLite says; `local_parents` the tables on devices only that refer to replicated ones;
    `once_local` the lower-case names of all that ever were there only.
    `findings` and `idle` (waivers that nothing needed) are only there for rules that come last.
    """

    source: Source
    before: Schema
    after: Schema
    steps: tuple[Step, ...]
    unbound: tuple[Directive, ...]
    holds: Callable[[str, Value], bool]
    broken: tuple[tuple[str, str], ...] = ()
    local_parents: tuple[tuple[str, str], ...] = ()
    once_local: frozenset[str] = frozenset()
    applied: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    idle: tuple[Directive, ...] = ()

    @cached_property
    def fates(self) -> tuple[TableFate, ...]:
        """What became of each table that the migration touches."""
        return fates(self.before, self.after, self.steps)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """All tables that were there and still are."""
        return pairs_of(self.before, self.after, self.fates)

    @cached_property
    def said(self) -> Intents:
        """What the author says of what is changed."""
        return Intents.of(each for step in self.steps for each in step.statement.directives)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """What its lens lacks."""
        return () if only_adds(self.fates) else tuple(gaps(self.fates, self.pairs, self.said))

    def pair(self, table: Table) -> Pair | None:
        """A table as it was and is; None if it is new."""
        return next((pair for pair in self.pairs if pair.after.name == table.name), None)

    @property
    def new_tables(self) -> Iterator[TableFate]:
        return (fate for fate in self.fates if fate.before is None)

    @property
    def kept_tables(self) -> Iterator[tuple[Table, Table, TableFate]]:
        """The tables that were there and still are, maybe under another name: before, after."""
        for fate in self.fates:
            if fate.before is not None and fate.after is not None:
                yield fate.before, fate.after, fate

    @property
    def columns(self) -> Iterator[tuple[Table, Column, ColumnFate]]:
        """Every column whose definition this migration wrote: of new tables, and of others those
        that are new or came to be different otherwise than by their names."""
        for table in self.fates:
            for fate in table.columns:
                if table.after and fate.after and not _is_only_renamed(fate):
                    yield table.after, fate.after, fate

    @property
    def named_columns(self) -> Iterator[tuple[Table, Column, ColumnFate]]:
        """Every column that has its name from this migration."""
        for table in self.fates:
            for fate in table.columns:
                was = fate.before.name if fate.before else ""
                if table.after and fate.after and fate.after.name != was:
                    yield table.after, fate.after, fate

    @property
    def added_columns(self) -> Iterator[tuple[Table, Column, ColumnFate]]:
        """Those that are new to a table that was there."""
        for _, table, fate in self.kept_tables:
            for column in fate.columns:
                if column.before is None and column.after is not None:
                    yield table, column.after, column

    @property
    def maybe_renamed(self) -> Iterator[tuple[Table, ColumnFate, ColumnFate]]:
        """The columns that go while one of the same type comes, with that, where nothing says that
        they are dropped."""
        for before, _, table in self.kept_tables:
            came = [each for each in table.columns if each.before is None and each.is_written]
            for lost in table.columns:
                is_lost = lost.before is not None and lost.after is None
                if lost.before and is_lost and not self.is_said(table, lost.before):
                    alike = [c for c in came if c.after and c.after.type == lost.before.type]
                    if alike:
                        came.remove(alike[0])
                        yield before, lost, alike[0]

    def is_said(self, table: TableFate, column: Column) -> bool:
        """Whether a column is said to be dropped."""
        names = [each.name for each in (table.before, table.after) if each]
        return self.said.dropped(names, column.name) is not None

    @property
    def new_indexes(self) -> Iterator[tuple[Table, Index, Span]]:
        """The indexes and UNIQUE constraints that came, with where that is written."""
        old = {pair.after.name: pair for pair in self.pairs}
        for name, table in self.after.tables.items():
            pair = old.get(name)
            if pair is None or not pair.is_same:
                for index in pair.indexes.came if pair else table.indexes:
                    yield table, index, self._index_at(table, index)

    @property
    def new_foreign_keys(self) -> Iterator[tuple[Table, ForeignKey, Span]]:
        """The foreign keys that came, with where that is written."""
        known = {pair.before.name: pair for pair in self.pairs}
        for fate in self.fates:
            pair = self.pair(fate.after) if fate.after else None
            keys = fate.after.foreign_keys if fate.after else ()
            for key in pair.foreign_keys(known).came if pair else keys:
                if fate.after:
                    yield fate.after, key, fate.place_of(key.columns[0])

    @property
    def new_checks(self) -> Iterator[tuple[Table, Check, Span]]:
        """The CHECK constraints that came, with where that is written."""
        written = [
            (check, step.statement.start + check.start)
            for step in self.did(Action.CREATE_TABLE, Action.ADD_COLUMN)
            for check in check_constraints(step.statement.sql)
        ]
        for table in (fate.after for fate in self.fates if fate.after):
            pair = self.pair(table)
            for sql in pair.checks.came if pair else table.checks:
                found = next((each for each in written if each[0].sql == sql), None)
                if found:
                    check, start = found
                    yield table, check, Span(start, start + len("CHECK"))

    @property
    def new_names(self) -> Iterator[tuple[Span, str, str]]:
        """Every name that this migration gave: where, as it is shown, and the name."""
        for fate in self.fates:
            if fate.after and (fate.before is None or fate.before.name != fate.after.name):
                yield fate.at, f"Table {fate.after.name}", fate.after.name
        for table, column, place in self.named_columns:
            yield place.at, f"Column {table.name}.{column.name}", column.name
        for _, index, span in self.new_indexes:
            if index.sql is not None:
                yield span, f"Index {index.name}", index.name

    @property
    def new_local_names(self) -> Iterator[tuple[Span, str, str]]:
        """The same of what concerns devices only."""
        for step in self.steps:
            name = step.parsed.name
            if step.local and name and step.parsed.action.name.startswith("CREATE_"):
                yield Span.of(name), name.name, name.name

    @property
    def policies(self) -> Iterator[Policy]:
        """What the migration says should become of conflicts."""
        return policies(each for step in self.steps for each in step.statement.directives)

    def policy(self, kind: str, table: str, names: Iterable[str]) -> Policy | None:
        """What it says of one constraint."""
        wanted = frozenset(names)
        return next((each for each in self.policies if each.is_about(kind, table, wanted)), None)

    def _index_at(self, table: Table, index: Index) -> Span:
        for step in self.did(Action.CREATE_INDEX):
            if step.parsed.name is not None and step.parsed.name.name == index.name:
                return step.span
        fate = next(each for each in self.fates if each.after is table)
        columns = index_columns(table, index)
        return fate.place_of(columns[0]) if len(columns) == 1 else fate.at

    def did(self, *actions: Action) -> Iterator[Step]:
        """The statements that do one of these."""
        return (step for step in self.steps if step.parsed.action in actions)

    def fits(self, type: ColumnType, value: Value) -> bool:
        """Whether a device would take a value for a column of that type."""
        return self.holds(fits(type), value)

    def definition(self, fate: ColumnFate) -> Definition | None:
        """How a column's definition is written."""
        for step in self.steps:
            for definition in step.parsed.definitions:
                if definition.name is not None and Span.of(*definition.tokens) == fate.at:
                    return definition
        return None

    def step_of(self, finding: Finding) -> Step | None:
        """The statement that a finding is in."""
        lines = self.source.text.split("\n")[: finding.line - 1]
        return self.step_at(sum(map(len, lines)) + len(lines) + finding.column - 1)

    def collation(self, fate: ColumnFate) -> str:
        """That of a column, in its definition or in the primary key's; empty for SQLite's own."""
        own, step = self.definition(fate), self.step_at(fate.at.start)
        if own is None or own.name is None or step is None:
            return ""
        found = list(_collations(own.tokens))
        for definition in step.parsed.definitions:
            inner = definition.tokens
            if definition.name is None and any(token.is_word("PRIMARY") for token in inner):
                mine = [n for n, t in enumerate(inner) if t.name.lower() == own.name.name.lower()]
                found += [each for n in mine for each in _collations(inner[n : n + 3])]
        return next((each for each in found if each != "BINARY"), "")

    def step_at(self, offset: int) -> Step | None:
        """The statement that has a place of the text."""
        for step in self.steps:
            if step.statement.start <= offset <= step.statement.end:
                return step
        return None


class Analyser:
    """Runs an application's migrations, one after the other, and looks at those that are new."""

    def __init__(self) -> None:
        self._empty = Scratch()
        self._filled: Scratch | None = None
        self._concerned: frozenset[str] | None = None

    def close(self) -> None:
        """Forget everything."""
        self._empty.close()
        self._forget_filled()

    def replay(self, source: Source) -> Analysis:
        """Run a migration that is known. What it does is not to be judged, and not told.

        Raises:
            MigrationError: `sql-error`: SQLite does not take it.
        """
        try:
            for statement in statements(source):
                local = is_local(statement, parse(statement), self._empty)
                self._empty.run(statement.sql, local=local)
        except sqlite3.Error as error:
            raise MigrationError(
                "sql-error",
                f"{source.name} was applied, and SQLite refuses it: {error}.",
                "Bring back the migration as it was applied: `electric migrations revert`.",
            ) from None
        return Analysis(source, Schema({}), Schema({}), (), (), self._empty.holds)

    def analyse(self, source: Source) -> Analysis:
        """Run a new migration, and tell what it does."""
        before = now = self._empty.schema()
        written = statements(source)
        self._concerned = _tables_of(written, before)
        steps = []
        for statement in written:
            parsed = parse(statement)
            local = is_local(statement, parsed, self._empty)
            step = self._run(Step(statement, parsed, now, now, ran=False, local=local))
            now = step.after
            steps.append(step)
        self._forget_filled()
        return Analysis(
            source,
            before,
            now,
            tuple(steps),
            unbound(source),
            self._empty.holds,
            tuple(self._empty.broken()),
            tuple(self._empty.local_parents()),
            frozenset(self._empty.once_local),
        )

    def _run(self, step: Step) -> Step:
        """Run a statement on both databases, if it is one that may be run."""
        if not step.local and step.parsed.action not in SCHEMA_ACTIONS | {Action.OTHER}:
            return step
        filled = self._filled_like(step.before)
        failure = _failure(self._empty, step)
        if failure is not None:
            return replace(step, ran=True, failure=failure)
        filled_failure = _failure(filled, step)
        if filled_failure is not None:
            self._forget_filled()
        after = self._empty.schema()
        return replace(step, ran=True, after=after, filled_failure=filled_failure)

    def _filled_like(self, schema: Schema) -> Scratch:
        """The database with rows, at the same point of history; with the tables that matter."""
        if self._filled is None:
            tables, names = list(schema), self._concerned
            if names is not None:
                found = {table.name: table for name in names if (table := schema.find(name))}
                tables = list(found.values())
            self._filled = self._empty.copy(
                None if names is None else [each.name for each in tables]
            )
            self._filled.run("PRAGMA foreign_keys = OFF")
            for table in tables:
                fill(self._filled, table)
        return self._filled

    def _forget_filled(self) -> None:
        if self._filled is not None:
            self._filled.close()
            self._filled = None


def _is_only_renamed(fate: ColumnFate) -> bool:
    """Whether a column is what it was, but for its name."""
    then, now = fate.before, fate.after
    if then is None or now is None:
        return False
    same = replace(then, name=now.name, place=now.place)
    return same == now or (same.is_generated and replace(same, expression=now.expression) == now)


def _tables_of(written: Iterable[Statement], schema: Schema) -> frozenset[str] | None:
    """The tables that statements are about; None if they may be about any."""
    every = [about_one_table(statement.sql) for statement in written]
    known = [about for about in every if about is not None]
    names = frozenset(about.table for about in known)
    others = names - {about.table for about in known if about.is_new}
    return names if known == every and all(map(schema.find, others)) else None


def _collations(tokens: Iterable[Token]) -> Iterator[str]:
    """The collations that are named outside brackets."""
    depth = 0
    for token, following in pairwise(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word("COLLATE"):
            yield following.name.upper()


def _failure(scratch: Scratch, step: Step) -> str | None:
    try:
        scratch.run(step.statement.sql, local=step.local)
    except sqlite3.Error as error:
        return str(error)
    return None
