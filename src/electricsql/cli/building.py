"""Compiling an app's migrations: errors with the path that an editor opens, SQL to be read."""

import re
from collections.abc import Sequence
from pathlib import Path

from electricsql.cli.output import shown
from electricsql.cli.project import Project
from electricsql.errors import MigrationError
from electricsql.migrations import Build, Source, read_folder
from electricsql.migrations import build as compile_sources


def compiled(project: Project) -> Build:
    """All migrations of the app, compiled.

    Raises:
        ProjectError: the folder can't be read.
        MigrationError: the first thing that is wrong, with file, line and column.
    """
    return compiled_sources(project, read_folder(project.migrations))


def compiled_sources(project: Project, sources: Sequence[Source]) -> Build:
    """The same of migrations that were read already."""
    try:
        return compile_sources(sources)
    except MigrationError as error:
        # A place starts with the migration's name; an editor needs the whole path.
        begins_with_place = re.match(r"[\d_]+\S*/migration\.sql:\d", error.problem)
        if not begins_with_place:
            raise
        problem = f"{shown(project.migrations)}/{error.problem}"
        raise MigrationError(error.code, problem, error.remedy) from error


def readable(project: Project, built: Build, *, postgres: bool, satellite: bool) -> dict[Path, str]:
    """The files postgres.sql and satellite.sql beside each migration.sql, as far as wanted."""
    files: dict[Path, str] = {}
    for migration in built.migrations:
        folder = project.migrations / migration.source.name
        if postgres:
            files[folder / "postgres.sql"] = _script("Postgres", migration.postgres)
        if satellite:
            files[folder / "satellite.sql"] = _script("a device", migration.statements)
    return files


def _script(where: str, statements: Sequence[str]) -> str:
    head = f"-- What {where} runs. Made by `electric build`, to be read; never edited.\n"
    return head + "".join(f"\n{statement};\n" for statement in statements)
