"""A folder of a test's own, and somebody who types `electric` in it."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from electricsql.cli.main import main

ELECTRIC = Path(sys.executable).with_name("electric")
_numbers = itertools.count(1)
ITEMS = "CREATE TABLE IF NOT EXISTS items (value TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;\n"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.out)


class Typist:
    """Types `electric …` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, typed: str | None = None) -> Said:
        done = CliRunner().invoke(main, words, input=typed, prog_name="electric")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert ("Traceback" in done.stderr) == ("--verbose" in words and done.exit_code == 1)
        return Said(done.exit_code, done.stdout, done.stderr)

    def well(self, *words: str, typed: str | None = None) -> str:
        """The output of a command that has to succeed."""
        said = self(*words, typed=typed)
        assert said.status == 0, said.err
        return said.out

    def fails(self, *words: str, code: str, status: int = 1, typed: str | None = None) -> str:
        """The message of a command that has to fail with a code."""
        said = self(*words, typed=typed)
        assert (said.status, said.err.splitlines()[-1:]) == (status, [f"[{code}]"]), said
        return said.err

    def migration(self, title: str, sql: str = ITEMS) -> Path:
        """A new migration; the path of its migration.sql."""
        path = self.folder / self.well("migrations", "new", title).strip()
        path.write_text(sql)
        return path

    def files(self) -> dict[str, str]:
        """What every file in the folder holds."""
        return {
            str(path.relative_to(self.folder)): path.read_text()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def electric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typist:
    """Somebody in an empty folder, on a machine where nothing was ever set."""
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home" / variable))
    for variable in ("ELECTRIC_TOKEN", "ELECTRIC_DATABASE_URL", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "app"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Typist(folder)


@pytest.fixture
def notes(electric: Typist) -> Typist:
    """The same in the folder of the app `notes`."""
    electric.well("init", "notes")
    return electric


@dataclass(frozen=True)
class Service:
    """A service that somebody started with `electric start`."""

    url: str
    data_dir: Path
    environment: dict[str, str]


@contextlib.contextmanager
def started(*options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The process of `electric start …`."""
    process = subprocess.Popen(
        [ELECTRIC, "start", *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def service(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real one on a free port, which several tests share."""
    home = tmp_path_factory.mktemp("service")
    environment = {"XDG_STATE_HOME": str(home / "state")}
    options = ("--port", "0", "--data-dir", str(home / "data"))
    with started(*options, ELECTRIC_DATABASE_URL=cluster_url, **environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[3].rstrip(",")
        yield Service(url, home / "data", environment)


@pytest.fixture
def deployed(electric: Typist, service: Service, monkeypatch: pytest.MonkeyPatch) -> Typist:
    """The folder of an app of this test's own, whose service runs on this machine."""
    for variable, value in service.environment.items():
        monkeypatch.setenv(variable, value)
    electric.well("init", f"app{next(_numbers)}", "--service", service.url)
    return electric
