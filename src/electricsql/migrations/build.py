"""Compiling migrations: run each in an in-memory SQLite, and see what it made.

The difference of the schemas before and after is the truth; from it come the Postgres DDL and the
capture triggers. Pure but for that SQLite.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from electricsql.errors import MigrationError
from electricsql.limits import IDENTIFIER_BYTES_MAX
from electricsql.migrations.capture import fits, triggers, widen_oplog
from electricsql.migrations.source import Source, Statement, place, refuse_unfit, statements
from electricsql.schema import (
    OURS,
    Column,
    Difference,
    Schema,
    Scratch,
    Table,
    additions,
    postgres_plan,
)

_SYSTEM_COLUMNS = frozenset(("oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"))


@dataclass(frozen=True, slots=True)
class BuiltMigration:
    """A migration, compiled: `statements` are SQLite's (the author's DDL, then the triggers),
    `postgres` the same for Postgres, `schema` what there is after it."""

    source: Source
    schema: Schema
    difference: Difference
    statements: tuple[str, ...]
    postgres: tuple[str, ...]


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
        MigrationError: the first thing that is wrong, with file, line and column where there is
        one.
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
    """The schema that compiled statements add up to; ours among them are passed over."""
    scratch = Scratch()
    try:
        for statement in statements:
            if not _is_ours(statement):
                scratch.run(statement)
        return scratch.schema(version)
    finally:
        scratch.close()


def _compile(scratch: Scratch, source: Source, before: Schema) -> BuiltMigration:
    written = tuple(statements(source.sql))
    for statement in written:
        refuse_unfit(source, statement)
        _run(scratch, source, statement)
    try:
        after = scratch.schema(source.name)
        difference = additions(before, after)
        columns = [(t, c) for t in difference.tables for c in t.columns] + list(difference.columns)
        _refuse_names(difference.tables, columns)
        _refuse_defaults(scratch, columns)
        postgres = postgres_plan(difference)
    except MigrationError as error:
        problem = f"{source.name}: {error.problem}"
        raise MigrationError(error.code, problem, error.remedy) from None
    ours = [
        *widen_oplog(_width(before), _width(after)),
        *(sql for name in difference.touched() for sql in triggers(after.tables[name])),
    ]
    return BuiltMigration(
        source=source,
        schema=after,
        difference=difference,
        statements=(*(statement.sql for statement in written), *ours),
        postgres=postgres,
    )


def _run(scratch: Scratch, source: Source, statement: Statement) -> None:
    try:
        scratch.run(statement.sql)
    except sqlite3.Error as error:
        raise MigrationError(
            "sql-error",
            f"{place(source, statement, _offset(statement, str(error)))}SQLite says: {error}.",
            "Correct the statement.",
        ) from None


def _offset(statement: Statement, message: str) -> int:
    """Where in a statement an error is, as far as SQLite's message tells by naming a token."""
    near = re.search(r'near "(.*)": ', message, re.DOTALL)
    return max(0, statement.sql.find(near[1])) if near else 0


def _width(schema: Schema) -> int:
    return max((len(table.columns) for table in schema), default=0)


def _is_ours(statement: str) -> bool:
    """Whether a compiled statement concerns our own tables or triggers."""
    head = statement[:80].split("\n", 1)[0]
    return any(
        head.startswith(start + OURS)
        for start in ("ALTER TABLE ", "DROP TRIGGER IF EXISTS ", "CREATE TRIGGER ")
    )


def _refuse_names(tables: Iterable[Table], columns: Iterable[tuple[Table, Column]]) -> None:
    names = [(table.name, table.name) for table in tables]
    names += [(f"{table.name}.{column.name}", column.name) for table, column in columns]
    for shown, name in names:
        if name.lower().startswith(OURS):
            problem = f"{shown} starts with {OURS}, which is reserved for the system's own tables."
            raise MigrationError("reserved-name", problem, "Choose another name.")
        if len(name.encode()) > IDENTIFIER_BYTES_MAX:
            problem = (
                f"{shown} is longer than the {IDENTIFIER_BYTES_MAX} bytes that Postgres keeps."
            )
            raise MigrationError("identifier-too-long", problem, "Choose a shorter name.")
    for table, column in columns:
        if column.name.lower() in _SYSTEM_COLUMNS:
            problem = f"{table.name}.{column.name} is a system column in Postgres."
            raise MigrationError("reserved-name", problem, "Choose another name.")


def _refuse_defaults(scratch: Scratch, columns: Iterable[tuple[Table, Column]]) -> None:
    """A default that a device would refuse to insert, or that Postgres would spell otherwise."""
    for table, column in columns:
        value = column.default_value
        if value is not None and not scratch.holds(fits(column.type), value):
            assert column.default is not None
            raise MigrationError(
                "bad-default",
                f"The DEFAULT {column.default.sql} of {table.name}.{column.name} is no"
                f" {column.type} in its canonical spelling.",
                "Write it as docs/types.md says for that type, or leave it out.",
            )
