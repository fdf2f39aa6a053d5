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
from electricsql.migrations.capture import triggers, widen_oplog
from electricsql.migrations.grammar import Action, parse
from electricsql.migrations.inferring import additive_lens
from electricsql.migrations.local import compiled_local, is_local, is_marked
from electricsql.migrations.source import Source, Statement, statements
from electricsql.schema import (
    OURS,
    Difference,
    Schema,
    Scratch,
    Unportable,
    additions,
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
        for source in sources:
            built.append(_compile(scratch, source, before))
            before = built[-1].schema
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
    each."""
    scratch = Scratch()
    schemas: list[Schema] = []
    try:
        for version, statements in versions:
            for statement in statements:
                if not (_is_ours(statement) or is_marked(statement)):
                    scratch.run(statement)
            schemas.append(scratch.schema(version))
    finally:
        scratch.close()
    return schemas


def _compile(scratch: Scratch, source: Source, before: Schema) -> BuiltMigration:
    written = statements(source)
    local = [_run(scratch, source, statement) for statement in written]
    try:
        after = scratch.schema(source.name)
        difference = additions(before, after)
        postgres = postgres_plan(difference)
    except MigrationError as error:
        problem = f"{source.name}: {error.problem}"
        raise MigrationError(error.code, problem, error.remedy) from None
    except Unportable as error:
        problem = f"{source.name}: an expression uses {error.token.text!r}, which Postgres may not."
        raise MigrationError("unportable-expression", problem, "Write it otherwise.") from None
    replicated = {name.lower(): name for name in after.tables}
    theirs = [
        sql
        for statement, is_local in zip(written, local, strict=True)
        for sql in (compiled_local(statement, replicated) if is_local else (statement.sql,))
    ]
    captured = dict.fromkeys((*difference.touched(), *_triggered(written, replicated)))
    ours = [
        *widen_oplog(before.width, after.width),
        *(sql for name in captured for sql in triggers(after.tables[name])),
    ]
    return BuiltMigration(
        source=source,
        schema=after,
        difference=difference,
        statements=(*theirs, *ours),
        postgres=postgres,
        lens=additive_lens(before, after),
    )


def _run(scratch: Scratch, source: Source, statement: Statement) -> bool:
    """Run a statement; says whether it concerns devices only."""
    local = is_local(statement, parse(statement), scratch)
    try:
        scratch.run(statement.sql, local=local)
    except sqlite3.Error as error:
        raise MigrationError(
            "sql-error",
            f"{source.name}: SQLite refuses `{' '.join(statement.sql.split())[:200]}`: {error}.",
            "Correct the statement.",
        ) from None
    return local


def _triggered(written: Iterable[Statement], replicated: Mapping[str, str]) -> Iterator[str]:
    """The replicated tables that get triggers of the app's. Capture has to hear of a write before
    they write more: SQLite fires the newest first."""
    for parsed in map(parse, written):
        if parsed.action is Action.CREATE_TRIGGER and parsed.on is not None:
            name = replicated.get(parsed.on.name.lower())
            if name is not None:
                yield name


_OURS_BEGIN: Final = (
    *("ALTER TABLE ", "CREATE TABLE ", "DROP TABLE IF EXISTS "),
    *("CREATE TRIGGER ", "DROP TRIGGER IF EXISTS "),
)


def _is_ours(statement: str) -> bool:
    """Whether a compiled statement concerns our own tables or triggers."""
    head = statement[:80].split("\n", 1)[0]
    return any(head.startswith(start + OURS) for start in _OURS_BEGIN)
