"""Files that a command writes: all of them, or none."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from electricsql.errors import ProjectError
from electricsql.migrations import write_atomically

_STAGED: Final = ".new"


def write_together(files: Mapping[Path, str]) -> None:
    """Write files, each whole, and none before there is room for all of them.

    Raises:
        ProjectError: `cannot-write`; what was there is unchanged.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            # Of a name that nobody else has: another command may write the same files.
            staged[path] = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_STAGED}")
            try:
                write_atomically(staged[path], content)
            except ProjectError as error:
                problem = error.problem.replace(str(staged[path]), str(path))
                raise ProjectError(error.code, problem, error.remedy) from error.__cause__
        for path, temporary in staged.items():
            _replace(temporary, path)
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def link(path: Path, target: str) -> None:
    """Make or move a symbolic link, in one step.

    Raises:
        ProjectError: `cannot-write`.
    """
    if path.is_symlink() and os.readlink(path) == target:
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        temporary.symlink_to(target, target_is_directory=True)
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        _replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def ensure_room(folder: Path, content: str) -> None:
    """Find out whether a folder takes so much content, before something is done that can't be
    undone.

    Raises:
        ProjectError: `cannot-write`.
    """
    probe = folder / ".room"
    write_atomically(probe, content)
    with contextlib.suppress(OSError):
        probe.unlink()


def _replace(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from None


def _cannot_write(path: Path, error: OSError) -> ProjectError:
    return ProjectError(
        "cannot-write",
        f"{path} can't be written: {error.strerror}.",
        "Make room on the disk, or see to the folder's rights.",
    )
