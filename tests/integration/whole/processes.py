"""A service and an app as a user has them: real processes, real files."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 60
_ROOT = Path(__file__).parents[3]
_READY = re.compile(r"Electric answers at (http://[0-9.:]+),")


@dataclass
class Service:
    """`electric start` in a process of its own, which may be killed and started again."""

    folder: Path
    database_url: str | None = None
    port: int = 0
    url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    wrapper: Sequence[str] = ()
    """A module, with arguments, that is run instead, and runs ours."""

    @property
    def environ(self) -> dict[str, str]:
        """A user's environment, with folders of this test's own; what is run instead is found."""
        mine = {name: value for name, value in os.environ.items() if "ELECTRIC" not in name}
        homes = {
            f"XDG_{name}_HOME": str(self.folder / name) for name in ("DATA", "STATE", "CONFIG")
        }
        return {**mine, **homes, "NO_COLOR": "1", "PYTHONPATH": str(_ROOT)}

    def start(self) -> None:
        """Start, and wait until it answers; again on the same port."""
        if not self.try_start():
            raise AssertionError((self.folder / "service.log").read_text())

    def try_start(self) -> bool:
        """The same; whether it answers."""
        arguments = ["start", "--port", str(self.port)]
        if self.database_url is not None:
            arguments += ["--database-url", self.database_url]
        with (self.folder / "service.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.wrapper, "electricsql", *arguments],
                cwd=self.folder,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if ready := _READY.search(line):
                self.url = ready[1]
                self.port = int(self.url.rpartition(":")[2])
                return True
        return False

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, and wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> None:
        """End it in good order, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)


@dataclass
class App:
    """An app's folder, and its environment at a service."""

    folder: Path
    service: Service
    name: str
    token: str = ""

    def electric(self, *arguments: str) -> str:
        """Run a command in the app's folder; gives what it prints."""
        running = self.start(*arguments)
        printed, complaint = running.communicate()
        assert running.returncode == 0, complaint
        return printed.strip()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in the app's folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "electricsql", *arguments],
            cwd=self.folder,
            env=self.service.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def migrate(self, title: str, sql: str) -> None:
        """Make a migration, and sync it."""
        path = self.folder / self.electric("migrations", "new", title)
        path.write_text(sql)
        self.electric("sync")

    @property
    def bundle(self) -> Path:
        return self.folder / ".electric" / "@config"

    def database_url(self) -> str:
        return self.electric("database-url")


def make_app(folder: Path, service: Service, name: str) -> App:
    """An app that is initialised, and has a token for devices."""
    folder.mkdir()
    app = App(folder, service, name)
    app.electric("init", name, "--service", service.url)
    app.token = app.electric("token", "new", "--sub", "tester")
    return app
