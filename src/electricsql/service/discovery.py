"""Where a service keeps its files, and how the command line finds the admin key of one on this
machine.

A service that starts notes its address and data folder in `services.json` in the user's state
folder; who may read that file may read the key. Only the standard library is imported here: every
`electric` command comes through.

Not here: what the keys are good for (`auth.py`).
"""

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

ADMIN_KEY_FILE: Final = "admin.key"
TOKEN_KEY_FILE: Final = "token.key"
_LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")


def default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder when none is given: `$XDG_DATA_HOME/electric`, or
    `~/.local/share/electric`."""
    home = environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "electric"


def state_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where services note themselves: `$XDG_STATE_HOME/electric/services.json`, or below
    `~/.local/state`."""
    home = environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "electric" / "services.json"


def note_service(url: str, data_dir: Path) -> None:
    """Note that the service at `url` (`http://host:port`) keeps its keys in `data_dir`.

    Raises:
        OSError: the state folder can't be written.
    """
    _change_notes(lambda notes: notes | {url: str(data_dir.resolve())})


def forget_service(url: str) -> None:
    """Take the note back; fine if there is none, or if it can't be written any more."""
    with contextlib.suppress(OSError):
        _change_notes(lambda notes: {key: value for key, value in notes.items() if key != url})


def admin_key_for(url: str) -> str | None:
    """The admin key of the service at `url`, if one of this user's on this machine listens
    there."""
    notes = _read_notes()
    for spelling in _spellings(url.rstrip("/")):
        data_dir = notes.get(spelling)
        if data_dir is not None:
            try:
                return (Path(data_dir) / ADMIN_KEY_FILE).read_text().strip() or None
            except (OSError, UnicodeDecodeError):
                return None
    return None


def write_private(path: Path, data: bytes, *, replace: bool = True) -> bool:
    """Write a file that only this user can read, whole or not at all.

    Without `replace`, a file that is there stays; says whether it was written.

    Raises:
        OSError: the folder can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
            return True
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _spellings(url: str) -> list[str]:
    """The address as it may have been noted: loopback has several names."""
    for host in _LOCAL_HOSTS:
        prefix = f"http://{host}:"
        if url.startswith(prefix):
            return [url, *(f"http://{other}:{url[len(prefix) :]}" for other in _LOCAL_HOSTS)]
    return [url]


def _change_notes(change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    notes = change(_read_notes())
    write_private(state_file(), json.dumps(notes, indent=2, sort_keys=True).encode() + b"\n")


def _read_notes() -> dict[str, str]:
    try:
        notes = json.loads(state_file().read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(notes, dict):
        return {}
    return {str(url): str(data_dir) for url, data_dir in notes.items()}
