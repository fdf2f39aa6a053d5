"""Compiling migrations: run each in an in-memory SQLite, and see what it made.

The difference of the schemas before and after is the truth; from it come the Postgres DDL and the
capture triggers. Pure but for that SQLite. Nothing is judged here: what a new migration may do is
said by `checks`, and what can't be compiled in spite of that is never half compiled.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from electricsql.errors import MigrationError
from electricsql.lenses import Lens
from electricsql.migrations.capture import no_triggers, numbered, triggers, widen_oplog
from electricsql.migrations.fates import Step, TableFate, fates
from electricsql.migrations.grammar import Action, parse
from electricsql.migrations.inferring import additive_lens, gaps, lens_of, only_adds, pairs_of
from electricsql.migrations.intents import Intents
from electricsql.migrations.local import compiled_local, is_local, is_marked
from electricsql.migrations.source import Source, statements
from electricsql.schema import (
    OURS,
    Difference,
    Schema,
    Scratch,
    Table,
    Unportable,
    additions,
    changes,
    postgres_plan,
)


@dataclass(frozen=True, slots=True)
class BuiltMigration:
    """A migration, compiled: `statements` are SQLite's (the author's DDL, then the triggers),
    `postgres` the same for Postgres, `schema` what there is after it. One that is `additive`
    changes nothing for an app that does not know it: devices may follow it at once."""

    source: Source
    schema: Schema
    difference: Difference
    statements: tuple[str, ...]
    postgres: tuple[str, ...]
    lens: Lens
    additive: bool = True


@dataclass(frozen=True, slots=True)
class Build:
    """All migrations of an application, compiled in order."""

    migrations: tuple[BuiltMigration, ...]

    @property
    def schema(self) -> Schema:
        """What they add up to."""
        return self.migrations[-1].schema if self.migrations else Schema({})


def build(sources: Sequence[Source]) -> Build:
    """Compile migrations.

    Raises:
        MigrationError: the first that can't be compiled: `sql-error`, `not-additive`,
            `unportable-expression`.
    """
    scratch = Scratch()
    try:
        built: list[BuiltMigration] = []
        before = Schema({})
        width = 0
        for source in sources:
            built.append(_compile(scratch, source, before, width))
            before = built[-1].schema
            width = max(width, before.width)
    finally:
        scratch.close()
    return Build(tuple(built))


def schema_of(statements: Iterable[str], version: str | None = None) -> Schema:
    """The schema that compiled statements add up to; ours among them are passed over, and what
    concerns devices only."""
    (schema,) = schemas_of([(version, statements)])
    return schema


def schemas_of(versions: Iterable[tuple[str | None, Iterable[str]]]) -> list[Schema]:
    """The schemas that versions have left one after the other, given the compiled statements of
    each. Their triggers tell the tables' numbers."""
    scratch = Scratch()
    schemas: list[Schema] = []
    try:
        for version, statements in versions:
            for statement in statements:
                if known := numbered(statement):
                    scratch.identify(dict([known]))
                elif not (_is_ours(statement) or is_marked(statement)):
                    scratch.run(statement)
            schemas.append(scratch.schema(version))
    finally:
        scratch.close()
    return schemas


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a migration makes of the schema. The tables `captured` get their triggers anew, since
    they are others than before; those `silenced` lose what they had before that is done."""

    schema: Schema
    difference: Difference
    lens: Lens
    additive: bool = True
    captured: tuple[str, ...] = ()
    silenced: tuple[Table, ...] = ()


def _compile(scratch: Scratch, source: Source, before: Schema, width: int) -> BuiltMigration:
    """Compile one; tables have been of so many columns until now."""
    steps = _run(scratch, source, before)
    try:
        shape = _shape(scratch, source.name, before, steps)
        postgres = postgres_plan(shape.difference)
    except MigrationError as error:
        problem = f"{source.name}: {error.problem}"
        raise MigrationError(error.code, problem, error.remedy) from None
    except Unportable as error:
        problem = f"{source.name}: an expression uses {error.token.text!r}, which Postgres may not."
        raise MigrationError("unportable-expression", problem, "Write it otherwise.") from None
    return BuiltMigration(
        source=source,
        schema=shape.schema,
        difference=shape.difference,
        statements=tuple(_statements(shape, steps, width)),
        postgres=postgres,
        lens=shape.lens,
        additive=shape.additive,
    )


def _statements(shape: _Shape, steps: Sequence[Step], width: int) -> Iterator[str]:
    """What devices run: what the author wrote, and what capture needs."""
    after = shape.schema
    replicated = {name.lower(): name for name in after.tables}
    for table in shape.silenced:
        yield from no_triggers(table)
    for step in steps:
        if step.local:
            yield from compiled_local(step.statement, replicated)
        else:
            yield step.statement.sql
    captured = (*shape.difference.touched(), *shape.captured, *_triggered(steps, replicated))
    yield from widen_oplog(width, after.width)
    for name in dict.fromkeys(captured):
        yield from triggers(after.tables[name])


def _shape(scratch: Scratch, name: str, before: Schema, steps: Sequence[Step]) -> _Shape:
    """What the statements have made.

    Raises:
        MigrationError: `not-additive`.
    """
    if not _reshapes(steps):
        return _added(before, scratch.schema(name))
    found = fates(before, steps[-1].after, steps)
    pairs = [(fate.before, fate.after) for fate in found if fate.before]
    numbers = {now.name: then.number for then, now in pairs if now}
    scratch.identify(numbers, gone={then.name for then, _ in pairs} - numbers.keys())
    after = scratch.schema(name)
    found = fates(before, after, steps)
    return _added(before, after) if only_adds(found) else _reshaped(before, after, found, steps)


def _added(before: Schema, after: Schema) -> _Shape:
    return _Shape(after, additions(before, after), additive_lens(before, after))


def _reshaped(
    before: Schema, after: Schema, found: Sequence[TableFate], steps: Sequence[Step]
) -> _Shape:
    said = Intents.of(each for step in steps for each in step.statement.directives)
    pairs = pairs_of(before, after, found)
    gap = next(gaps(found, pairs, said), None)
    if gap is not None:
        raise MigrationError(
            "not-additive",
            f"Of {gap.about} older versions can't be shown what is new: {gap.lack}.",
            "Add what the new version needs beside it, and leave the old in place.",
        )
    version = after.version or ""
    return _Shape(
        after,
        changes(before, after, pairs),
        lens_of(version, found, pairs, said),
        additive=False,
        captured=tuple(fate.after.name for fate in found if fate.after),
        silenced=tuple(fate.before for fate in found if fate.before),
    )


def _reshapes(steps: Iterable[Step]) -> bool:
    """Whether any statement may change or drop what is replicated."""
    return any(step.parsed.action in _RESHAPING and not step.local for step in steps)


def _run(scratch: Scratch, source: Source, before: Schema) -> list[Step]:
    """Run the statements; what each made is looked at if any of them may do more than to add."""
    every = [(statement, parse(statement)) for statement in statements(source)]
    looks = any(parsed.action in _RESHAPING for _, parsed in every)
    steps: list[Step] = []
    now = before
    for statement, parsed in every:
        local = is_local(statement, parsed, scratch)
        try:
            scratch.run(statement.sql, local=local)
        except sqlite3.Error as error:
            raise MigrationError(
                "sql-error",
                f"{source.name}: SQLite refuses `{' '.join(statement.sql.split())[:200]}`:"
                f" {error}.",
                "Correct the statement.",
            ) from None
        then, now = now, scratch.look() if looks else now
        steps.append(Step(statement, parsed, then, now, local=local))
    return steps


def _triggered(steps: Iterable[Step], replicated: Mapping[str, str]) -> Iterator[str]:
    """The replicated tables that get triggers of the app's. Capture has to hear of a write before
    they write more: SQLite fires the newest first."""
    for parsed in (step.parsed for step in steps):
        if parsed.action is Action.CREATE_TRIGGER and parsed.on is not None:
            name = replicated.get(parsed.on.name.lower())
            if name is not None:
                yield name


_RESHAPING: Final = frozenset(
    (Action.RENAME_TABLE, Action.RENAME_COLUMN, Action.DROP_COLUMN, Action.DROP_TABLE)
)
_OURS_BEGIN: Final = (
    *("ALTER TABLE ", "CREATE TABLE ", "DROP TABLE IF EXISTS "),
    *("CREATE TRIGGER ", "DROP TRIGGER IF EXISTS "),
)


def _is_ours(statement: str) -> bool:
    """Whether a compiled statement concerns our own tables or triggers."""
    head = statement[:80].split("\n", 1)[0]
    return any(head.startswith(start + OURS) for start in _OURS_BEGIN)
