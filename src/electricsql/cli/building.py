"""Compiling an app's migrations, checked if they are new; SQL to be read."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from electricsql.cli.checking import applied_at, built_before, judged, last_known
from electricsql.cli.project import Project
from electricsql.errors import ServiceError
from electricsql.migrations import Build, build, read_folder


def compiled(project: Project, env: str, *, ask: bool) -> Build:
    """All migrations of the app, compiled; those that are new are checked, and what is found is
    shown. What the environment has is known from its last sync, or from itself, if it may be asked.

    Raises:
        ProjectError: the folder can't be read.
        MigrationError: the rules found errors, or something can't be compiled.
    """
    sources = read_folder(project.migrations)
    known = set(last_known(project, env))
    if ask:
        with contextlib.suppress(ServiceError):  # who asked for more than a check will hear of it
            known = set(applied_at(project, env))
    else:
        known |= built_before(project, sources)
    judged(project, sources, known, "nothing was sent" if ask else "nothing was built")
    return build(sources)


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
