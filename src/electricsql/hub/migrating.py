"""Migrations at the hub: checked against what is applied, planned, performed in one transaction.

By itself a migration changes no shadow row: devices run it themselves.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg

from electricsql.errors import MigrationError, PostgresError
from electricsql.hub import adopting
from electricsql.hub.capture import create_capture, replace_functions, user_table
from electricsql.hub.catalog import read_catalog
from electricsql.hub.connection import CONTENTION, Connection, transaction
from electricsql.hub.drift import MIGRATING, expect, features, rename
from electricsql.hub.format import LOCK
from electricsql.hub.hiding import Bases, hide
from electricsql.hub.keeping import NAME as KEEP_FIRST
from electricsql.hub.keeping import keep_first, keep_first_again
from electricsql.hub.lineages import lineage_of
from electricsql.hub.model import HubMigration, HubPlan
from electricsql.lenses import lens_json, read_lens
from electricsql.limits import LOCK_WAIT_MS, MIGRATION_ATTEMPTS_MAX
from electricsql.migrations import BuiltMigration, Source, build
from electricsql.schema import CatalogTable, Difference, Table

SCHEMA_NUMBER: Final = 0
"""Stands for the schema itself where `electric.touched` has a table's number."""

_PAUSE_S: Final = 0.1
_KEPT_FIRST: Final = """
SELECT tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass AND tgname LIKE $2
"""
_BEGIN: Final = f"BEGIN; SET LOCAL lock_timeout = {LOCK_WAIT_MS}; SET LOCAL {MIGRATING} = 'on'"


async def applied_migrations(connection: Connection) -> list[HubMigration]:
    """What the hub has, in order."""
    records = await connection.fetch(
        "SELECT name, title, sha256, source, statements, applied_at, lens, additive"
        " FROM electric.migrations ORDER BY position"
    )
    return [_migration(record) for record in records]


def _migration(record: asyncpg.Record) -> HubMigration:
    name, title, sha256, source, statements, applied_at, lens, additive = record
    known = None if lens is None else read_lens(lens)
    return HubMigration(name, title, sha256, source, tuple(statements), applied_at, known, additive)


class _Trial(Exception):
    """Ends a trial: what was done is rolled back."""


async def perform(
    connection: Connection, sources: Sequence[Source], *, trial: bool = False
) -> HubPlan:
    """Apply the migrations that the hub doesn't have, in one transaction; a trial is rolled back.

    Whoever writes to a table goes first: while we wait for it, everybody else would wait for us.

    Raises:
        MigrationError: what `pending` and compiling raise; `postgres-refused`.
        PostgresError: `postgres-failed`: the tables are in use all the time.
    """
    for attempt in range(MIGRATION_ATTEMPTS_MAX):
        await asyncio.sleep(_PAUSE_S if attempt else 0)
        plan: HubPlan | None = None
        try:
            async with transaction(connection, _BEGIN):
                plan = await _perform(connection, sources)
                if trial:
                    raise _Trial
        except CONTENTION as error:
            busy = error
            continue
        except _Trial:
            pass
        assert plan is not None
        return plan
    raise PostgresError(
        "postgres-failed",
        f"Other programs use tables that the migration changes: {busy.args[0]}.",
        "Try again when their transactions have ended (see pg_stat_activity).",
    )


async def _perform(connection: Connection, sources: Sequence[Source]) -> HubPlan:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    applied = await applied_migrations(connection)
    ordered = sorted(sources, key=lambda source: source.name)
    count = len(pending(applied, ordered))
    built = (await asyncio.to_thread(build, ordered)).migrations
    old, new = built[: len(ordered) - count], built[len(ordered) - count :]
    schemas, lenses = [each.schema for each in old], [each.lens for each in applied]
    lineage = lineage_of(zip(schemas, lenses, strict=True))
    if not all(migration.additive for migration in new):
        await connection.execute("LOCK TABLE electric.migrations")  # who reads now goes first
    statements: list[str] = []
    for position, migration in enumerate(new, start=len(applied) + 1):
        longer = lineage.extended(migration.schema, migration.lens)
        statements += await _apply(connection, migration, Bases(lineage.base, longer.base))
        await _note(connection, migration, position)
        lineage = longer
    if new:
        await connection.execute(
            "INSERT INTO electric.touched VALUES (pg_current_xact_id(), $1) ON CONFLICT DO NOTHING",
            SCHEMA_NUMBER,
        )
    return HubPlan(
        tuple(migration.source.name for migration in new),
        tuple(statements),
    )


def pending(applied: Sequence[HubMigration], local: Sequence[Source]) -> list[Source]:
    """The local migrations (in order) that are not applied yet.

    Raises:
        MigrationError: `migration-missing`, `applied-migration-changed`, `out-of-order`.
    """
    by_name = {source.name: source for source in local}
    for migration in applied:
        source = by_name.get(migration.name)
        if source is None:
            raise MigrationError(
                "migration-missing",
                f"Migration {migration.name} was applied, and is missing here.",
                "Get it back with `electric migrations revert --all`, or start from the service's"
                " migrations with `electric init --sync-down`.",
            )
        if source.sha256 != migration.sha256:
            raise MigrationError(
                "applied-migration-changed",
                f"Migration {migration.name} was applied with other contents: its sha256 is"
                f" {source.sha256} here, and {migration.sha256} at the hub.",
                "Revert it with `electric migrations revert`, put the change in a new migration,"
                " or reset the environment.",
            )
    names = {migration.name for migration in applied}
    new = [source for source in local if source.name not in names]
    if new and applied and new[0].name < applied[-1].name:
        raise MigrationError(
            "out-of-order",
            f"Migration {new[0].name} sorts before {applied[-1].name}, which was applied already.",
            "Rename its folder so that it sorts last: give it the time of now.",
        )
    return new


async def _apply(connection: Connection, migration: BuiltMigration, bases: Bases) -> Sequence[str]:
    """Change the tables by one; gives its DDL."""
    difference = migration.difference
    there = await _found(connection, difference, bases)
    before = await features(connection, sorted(bases.names))
    statements = adopting.plan(difference, there) if there else migration.postgres
    kept_first = await _kept_first(connection, bases)
    for sql in (*hide(bases), *statements):
        await _run(connection, migration, sql)
    for table in bases.created:
        found = there.get(table.name)
        collations = {c.name: c.collation for c in found.columns} if found else {}
        for sql in create_capture(table, collations):
            await _run(connection, migration, sql)
    ours = [
        *adopting.rows(difference, there),
        *(sql for table in bases.reshaped for sql in replace_functions(table)),
        *(sql for table, names in kept_first for sql in keep_first_again(table, names)),
        *keep_first(migration, bases.before, bases.after),
    ]
    for sql in ours:
        await _run(connection, migration, sql)
    before = await rename(connection, before, bases.names)
    names = [*filter(None, bases.names.values()), *(table.name for table in bases.created)]
    await expect(connection, before, await features(connection, sorted(names)))
    return statements


async def _found(
    connection: Connection, difference: Difference, bases: Bases
) -> dict[str, CatalogTable]:
    """The new tables that are there already.

    Raises:
        MigrationError: `table-differs`: a table would compute a column otherwise.
    """
    taken = {table.name for table in bases.before if not table.hidden}
    new = {table.name for table in bases.created} - taken
    was = {now: name for name, now in bases.names.items()}
    computing = {table.name: was[table.name] for table, _ in difference.generated}
    catalog = await read_catalog(connection, sorted({*new, *computing.values()}))
    computed = {name: catalog[was] for name, was in computing.items()}
    adopting.refuse_uncomputable(difference, computed)
    return {name: table for name, table in catalog.items() if name in new}


async def _kept_first(connection: Connection, bases: Bases) -> list[tuple[Table, set[str]]]:
    """Drop the triggers that know a table or its columns by names that change; gives their names,
    with the table as it is to be."""
    kept = []
    for was, now in bases.renamed:
        found = await connection.fetch(_KEPT_FIRST, user_table(was), f"{KEEP_FIRST}%")
        names = {record[0] for record in found}
        for name in names:
            await connection.execute(f"DROP TRIGGER {name} ON {user_table(was)}")
        kept.append((now, names))
    return kept


async def _note(connection: Connection, migration: BuiltMigration, position: int) -> None:
    source = migration.source
    await connection.execute(
        "INSERT INTO electric.migrations"
        " (position, name, title, sha256, source, statements, lens, additive)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *(position, source.name, source.title, source.sha256, source.sql),
        *(list(migration.statements), lens_json(migration.lens), migration.additive),
    )


async def _run(connection: Connection, migration: BuiltMigration, sql: str) -> None:
    try:
        await connection.execute(sql)
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, *CONTENTION):
        raise
    except asyncpg.PostgresError as error:
        raise MigrationError(
            "postgres-refused",
            f"Postgres refused migration {migration.source.name}: {error.message}"
            f" (in: {' '.join(sql.split())[:200]})",
            "Change the migration so that Postgres takes it too.",
        ) from error
