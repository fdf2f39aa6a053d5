"""Reading what exists, for `electric init --from-sqlite` and `--from-postgres`; the first migration
and what has to be said about it."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote as percent

import click

from electricsql.adopting import Draft, Found, draft_from_postgres, draft_from_sqlite, listed
from electricsql.cli.output import counted, shown
from electricsql.cli.project import Project
from electricsql.errors import ProjectError
from electricsql.migrations import created, fits, new_name, read_folder
from electricsql.schema import ColumnType, quote

TITLE: Final = "adopt what exists"
_MADE: Final = ("table", "index", "view", "trigger")


def read_sqlite(path: Path) -> Draft:
    """The first migration from the schema of a SQLite file, which is only read.

    Raises:
        ProjectError: `unreadable-file`, `already-electrified`.
    """
    with _opened(path) as database:
        rows = database.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema"
            " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
        )
        found = [Found(*row) for row in rows]
        if any(each.name == "_electric_meta" for each in found):
            raise ProjectError(
                "already-electrified",
                f"{path} takes part in an app already.",
                "Start from that app's migrations, with `electric init APP --sync-down`.",
            )

        def misfits(table: str, column: str, type: ColumnType, is_key: bool) -> int:
            value = quote(column)
            fit = f"{value} IS {'NOT' if is_key else ''} NULL {'AND' if is_key else 'OR'}"
            (count,) = database.execute(
                f"SELECT count(*) FROM {quote(table)}"
                f" WHERE NOT ({fit} ({fits(type, value, canonical=is_key)}))"
            ).fetchone()
            return int(count)

        return draft_from_sqlite(path.name, found, misfits)


def read_postgres(url: str) -> Draft:
    """The first migration from the tables of a Postgres, which is only read.

    Raises:
        PostgresError: `postgres-unavailable`, `postgres-too-old`.
    """
    from electricsql.hub import look  # noqa: PLC0415 (a quarter of a second)

    name, tables = asyncio.run(look(url))
    return draft_from_postgres(name, tables)


def mark_postgres(url: str, app: str, env: str) -> None:
    """Make a database that of an environment.

    Raises:
        PostgresError: `other-environment`, `postgres-failed`, `postgres-unavailable`.
    """
    from electricsql.hub import mark  # noqa: PLC0415 (a quarter of a second)

    asyncio.run(mark(url, app, env))


def migration_file(project: Project, draft: Draft) -> dict[Path, str]:
    """The file that a draft becomes.

    Raises:
        ProjectError: `migrations-present`.
    """
    if project.migrations.exists() and read_folder(project.migrations):
        raise ProjectError(
            "migrations-present",
            f"There are migrations in {project.migrations} already.",
            "Adopt tables in an app of their own, or copy what you need from there.",
        )
    name = new_name(TITLE, datetime.now(UTC), ())
    return {project.migration_file(name): draft.sql}


def report(draft: Draft, path: Path) -> None:
    """Say what was written, and what could not stay as it was."""
    made = Counter(created(piece.sql)[0] for piece in draft.pieces if piece.sql is not None)
    parts = [counted(made[each], each) for each in _MADE if made[each] or each == "table"]
    click.echo(f"Wrote {shown(path)} with {listed(parts)}")
    for finding in draft.findings():
        click.echo(f"  {finding}")
    click.echo("Next: read it, then `electric build` and `electric sync`. See docs/adopting.md.")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{percent(str(path))}?mode=ro", uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        raise ProjectError(
            "unreadable-file",
            f"{path} can't be read as a SQLite database: {error}.",
            "Give the path of one.",
        ) from None
