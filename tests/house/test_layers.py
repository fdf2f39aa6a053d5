"""Imports go one way: import-linter keeps it, and the map tells newcomers the same."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.house.tree import ROOT, SOURCE

SHARED = {"errors", "limits"}


def rooms() -> set[str]:
    return {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def drawn() -> dict[str, set[str]]:
    """The table of docs/map.md: room -> rooms it may import."""
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", (ROOT / "docs/map.md").read_text(), re.M)
    allowed = {room: set(re.findall(r"\w+", may)) for room, may in rows if (SOURCE / room).is_dir()}
    everything = rooms()
    return {
        room: everything - may - {room} if "everything" in may else may & everything
        for room, may in allowed.items()
    }


def kept() -> dict[str, set[str]]:
    """The contracts in pyproject.toml, as room -> rooms it may import."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    everything = rooms()
    allowed = {room: everything - {room} for room in everything}
    for contract in contracts:
        (source,) = contract["source_modules"]
        forbidden = {module.rpartition(".")[2] for module in contract["forbidden_modules"]}
        allowed[source.rpartition(".")[2]] -= forbidden
    return allowed


def test_the_map_shows_what_is_kept() -> None:
    assert drawn() == kept()


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
