"""The README's walk-through, typed line by line.

Every ```console block is typed into one shell, and what it prints must be what the README shows:
names of migrations differ in their time, and `…` stands for anything. Two things differ from a
reader's terminal: the service listens on a free port, and runs in the background.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
START = "electric start"
MARK = "-- end of command --"
PATIENCE_S = 60


@dataclass
class Command:
    """What is typed, and what the README shows of its output."""

    typed: list[str]
    shown: list[str] = field(default_factory=list)


def commands() -> list[Command]:
    """All commands of the README's console blocks."""
    found: list[Command] = []
    for block in re.findall(r"^```console\n(.*?)^```$", README.read_text(), re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command([line[2:]]))
            elif line.startswith(">"):
                found[-1].typed.append(line[2:])
            else:
                found[-1].shown.append(line)
    return found


class Shell:
    """A bash that one types into."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def type(self, lines: list[str]) -> list[str]:
        """What a command prints."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("\n".join([*lines, f"echo '{MARK}'", ""]))
        stdin.flush()
        printed: list[str] = []
        for line in stdout:
            if line.rstrip("\n") == MARK:
                return printed
            printed.append(line.rstrip())
        raise AssertionError(f"the shell ended after {lines}: {printed}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user's environment, with nothing in it yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELECTRIC_")}
    homes = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("DATA", "STATE", "CONFIG")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, **homes, "PATH": path, "COLUMNS": "200"}


@pytest.fixture
def service(tmp_path: Path, environ: dict[str, str]) -> Iterator[str]:
    """`electric start` in a terminal of its own; gives its URL."""
    electric = shutil.which("electric", path=environ["PATH"])
    assert electric
    process = subprocess.Popen(
        [electric, "start", "--port", "0"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        yield re.sub(r".* (http://[0-9.:]+),.*\n", r"\1", ready)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        process.stdout.close()


def same(shown: str, printed: str) -> bool:
    """Whether a line is as the README has it."""
    pattern = re.sub(r"\d{17}", "…", shown)
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), printed) is not None


def test_the_walk_through_works_as_it_is_written(
    tmp_path: Path, environ: dict[str, str], service: str
) -> None:
    shell = Shell(tmp_path, environ)
    try:
        for command in commands():
            if command.typed == [START]:
                continue
            typed = [
                f"{line} --service {service}" if line == "electric init notes" else line
                for line in command.typed
            ]
            printed = shell.type(typed)
            as_shown = len(printed) == len(command.shown) and all(map(same, command.shown, printed))
            assert as_shown, f"$ {typed[0]}\n" + "\n".join(printed)
    finally:
        shell.close()


def test_the_walk_through_has_everything_it_is_to_show() -> None:
    typed = "\n".join(line for command in commands() for line in command.typed)
    for what in ("start", "init", "migrations new", "build", "sync", "migrations list"):
        assert f"electric {what}" in typed
    assert "electric migrations revert" in typed
    assert "electric reset" in typed
    assert "electricsql.electrify" in typed
