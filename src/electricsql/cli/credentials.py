"""What the command line shows to a service: which secret, and where it is kept.

In this order: `$ELECTRIC_TOKEN`; what `electric auth login` stored; the admin key of a service of
this user's on this machine. Stored are tokens by service URL, in `electric/credentials.json` in the
user's configuration folder, which only the user may read.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from electricsql.errors import ProjectError
from electricsql.service import admin_key_for
from electricsql.service.discovery import write_private

VARIABLE: Final = "ELECTRIC_TOKEN"


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, and where it came from, in words."""

    secret: str = field(repr=False)
    origin: str


def credential_for(service: str, environ: Mapping[str, str] = os.environ) -> Credential | None:
    """What to show to a service; None if there is nothing."""
    if environ.get(VARIABLE):
        return Credential(environ[VARIABLE], f"${VARIABLE}")
    stored = _read().get(service)
    if stored:
        return Credential(stored, str(credentials_file()))
    key = admin_key_for(service)
    return Credential(key, "the admin key on this machine") if key else None


def store(service: str, secret: str) -> None:
    """Keep a secret for a service.

    Raises:
        ProjectError: `cannot-write`.
    """
    _write(_read() | {service: secret})


def forget(service: str) -> bool:
    """Forget the secret of a service; says whether there was one.

    Raises:
        ProjectError: `cannot-write`.
    """
    stored = _read()
    if service not in stored:
        return False
    _write({url: secret for url, secret in stored.items() if url != service})
    return True


def credentials_file(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CONFIG_HOME/electric/credentials.json`, or below `~/.config`."""
    home = environ.get("XDG_CONFIG_HOME")
    folder = Path(home) if home else Path.home() / ".config"
    return folder / "electric" / "credentials.json"


def _read() -> dict[str, str]:
    """What is stored; a file that can't be read holds nothing."""
    try:
        stored = json.loads(credentials_file().read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {url: secret for url, secret in stored.items() if isinstance(secret, str)}


def _write(stored: Mapping[str, str]) -> None:
    path = credentials_file()
    try:
        write_private(path, json.dumps(stored, indent=2, sort_keys=True).encode() + b"\n")
    except OSError as error:
        raise ProjectError(
            "cannot-write",
            f"{path} can't be written: {error.strerror}.",
            "Make room on the disk, or see to the folder's rights.",
        ) from None
