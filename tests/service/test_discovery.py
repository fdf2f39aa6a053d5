"""How the command line finds the key of a service on this machine."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from electricsql.service import (
    admin_key_for,
    default_data_dir,
    forget_service,
    note_service,
    state_file,
)
from electricsql.service.discovery import write_private

URL = "http://127.0.0.1:5133"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def data_dir(home: Path) -> Path:
    folder = home / "data"
    write_private(folder / "admin.key", b"the key\n")
    return folder


def test_a_noted_service_is_found_until_it_is_forgotten(data_dir: Path) -> None:
    note_service(URL, data_dir)
    note_service("http://127.0.0.1:6000", data_dir)
    assert admin_key_for(URL) == "the key"
    assert admin_key_for(URL + "/") == "the key"
    assert admin_key_for("http://localhost:5133") == "the key"
    forget_service(URL)
    assert admin_key_for(URL) is None
    assert admin_key_for("http://127.0.0.1:6000") == "the key"


def test_the_note_is_private(data_dir: Path) -> None:
    note_service(URL, data_dir)
    assert stat.S_IMODE(state_file().stat().st_mode) == 0o600
    assert [path.name for path in state_file().parent.iterdir()] == ["services.json"]


def test_another_host_has_no_key_here(data_dir: Path) -> None:
    note_service(URL, data_dir)
    assert admin_key_for("http://example.com:5133") is None
    assert admin_key_for("http://127.0.0.1:1") is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"http://127.0.0.1:5133": 7}'])
def test_a_broken_note_is_no_note(content: str, data_dir: Path) -> None:
    state_file().parent.mkdir(parents=True)
    state_file().write_text(content)
    assert admin_key_for(URL) is None
    note_service(URL, data_dir)
    assert admin_key_for(URL) == "the key"


def test_a_key_that_is_gone_is_no_key(data_dir: Path) -> None:
    note_service(URL, data_dir)
    (data_dir / "admin.key").unlink()
    assert admin_key_for(URL) is None


def test_what_is_written_is_whole_and_may_keep_what_is_there(home: Path) -> None:
    path = home / "folder" / "file"
    assert write_private(path, b"one", replace=False)
    assert not write_private(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    assert write_private(path, b"three")
    assert path.read_bytes() == b"three"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_folders_follow_the_environment() -> None:
    assert default_data_dir({"XDG_DATA_HOME": "/x"}) == Path("/x/electric")
    assert default_data_dir({}) == Path.home() / ".local/share/electric"
    assert state_file({"XDG_STATE_HOME": "/x"}) == Path("/x/electric/services.json")
    assert state_file({}) == Path.home() / ".local/state/electric/services.json"


def test_the_door_is_light() -> None:
    """Every command pays for what this imports."""
    heavy = "starlette uvicorn asyncpg msgspec jwt structlog asyncio electricsql.hub"
    code = f"""
import sys, electricsql.service
print([name for name in {heavy.split()} if name in sys.modules])
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"
