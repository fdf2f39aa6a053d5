"""What a run plays on: a Postgres, services before it, folders for files. All of it ends with the
run.

Nothing starts before a subject needs it. Postgres is the embedded one with its default settings
(fsync too); a service is a process of its own, as `electric start` makes it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from benchmarks import notes
from electricsql import Database, electrify
from electricsql.cli.api import Api
from electricsql.embedded import EmbeddedPostgres
from electricsql.migrations import Bundle

SYNC_S_MAX: Final = 300.0
"""A device that takes longer is stuck, and the run shall say so."""
_STOP_S_MAX: Final = 30.0
_TOKEN_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Environment:
    """A served environment that has the app's table."""

    bundle: Bundle
    stream_url: str
    token: str
    database_url: str

    def open(self, path: Path) -> Database:
        """A device on it."""
        return electrify(path, self.bundle, self.stream_url, self.token)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers: its address, its process, and the secret for its API."""

    url: str
    pid: int
    secret: str

    def environment(self, env: str) -> Environment:
        """A new environment with the app's table."""
        api = Api(self.url, self.secret)
        made = api.environment(notes.APP, env)
        made.create()
        made.apply([notes.SOURCE])
        token = api.issue_token({"sub": "bench", "app": notes.APP, "env": env, "ttl_s": _TOKEN_S})
        stream_url = f"{self.url.replace('http', 'ws', 1)}/ws/{notes.APP}/{env}"
        return Environment(made.bundle(), stream_url, token, made.database_url())


class Stage:
    """Where a run takes place; `scale` makes everything smaller or larger."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def _home(self) -> Path:
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="electric-bench-")))

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder, for as long as the block."""
        with TemporaryDirectory(dir=self._home) as name:
            yield Path(name)

    @cached_property
    def postgres_url(self) -> str:
        """A Postgres for all of the run."""
        return self._stack.enter_context(EmbeddedPostgres(self._home / "postgres")).url

    @cached_property
    def service(self) -> Service:
        """A service for all of the run."""
        return self._stack.enter_context(self.own_service())

    @contextmanager
    def own_service(self) -> Iterator[Service]:
        """A service for one subject, on the run's Postgres."""
        with self.folder() as folder:
            process = self._start(folder)
            try:
                yield Service(_address(process), process.pid, (folder / "admin.key").read_text())
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=_STOP_S_MAX)

    def _start(self, folder: Path) -> subprocess.Popen[str]:
        arguments = ["start", "--port", "0", "--data-dir", str(folder)]
        return subprocess.Popen(
            [sys.executable, "-m", "electricsql", *arguments, "--database-url", self.postgres_url],
            env={**os.environ, "XDG_STATE_HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=(folder / "service.log").open("w"),
            text=True,
        )


def _address(process: subprocess.Popen[str]) -> str:
    """What the service says when it answers: `Electric answers at <url>, on …`."""
    assert process.stdout is not None
    for line in process.stdout:
        words = line.split()
        if words[:3] == ["Electric", "answers", "at"]:
            return words[3].rstrip(",")
    raise RuntimeError(f"the service ended with {process.wait()} before it answered")
