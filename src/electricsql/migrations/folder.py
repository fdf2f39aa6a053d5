"""Migrations on disk. The folders are the truth; everything else is made from them.

A file is written whole to a temporary name beside it and then renamed: whoever reads it sees the
old file or the new one, and a full disk leaves the old one.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from electricsql.errors import ProjectError
from electricsql.migrations.names import FORM, is_name, title_of
from electricsql.migrations.source import FILE, Source


def read_folder(folder: Path) -> list[Source]:
    """Every migration in a folder, in order of their names.

    Raises:
        ProjectError: `migrations-not-found`, `bad-migration-name`, `duplicate-slug`,
            `migration-unreadable`.
    """
    try:
        entries = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    except OSError as error:
        raise ProjectError(
            "migrations-not-found",
            f"The migrations folder {folder} can't be read: {error.strerror}.",
            "Run `electric init` here, or `electric config update --migrations-dir DIR`.",
        ) from None
    names = [name for name in entries if not name.startswith((".", "_"))]
    for name in names:
        if not is_name(name):
            raise ProjectError(
                "bad-migration-name",
                f"{folder / name} is not named like a migration, {FORM}.",
                "Rename it, or make a new one with `electric migrations new`.",
            )
    return [_read(folder / name) for name in names]


def _read(folder: Path) -> Source:
    path = folder / FILE
    try:
        sql = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ProjectError(
            "migration-unreadable",
            f"{path} can't be read: {why}.",
            "Put the migration's SQL there, or remove the folder if it was never applied.",
        ) from None
    return Source(folder.name, title_of(folder.name), sql)


def write_atomically(path: Path, content: str) -> None:
    """Write a text file whole, or not at all.

    Raises:
        ProjectError: `cannot-write` (disk full, read-only, no rights).
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise ProjectError(
            "cannot-write",
            f"{path} can't be written: {error.strerror}.",
            "Make room on the disk, or see to the folder's rights; what was there is unchanged.",
        ) from None
