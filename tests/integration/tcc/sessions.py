"""Session processes, from outside: started, told what to do, stopped, killed."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.integration.tcc.session_process import Config

PATIENCE_S: Final = 120
_MODULE: Final = "tests.integration.tcc.session_process"


class SessionProcess:
    """One session, whose process may die and be started again."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.config = config
        self.name = config.session
        self.environ: dict[str, str] = {}
        """More for the environment of the next process."""
        self.wrapper: Sequence[str] = ()
        """A module, with arguments, that is run instead, and runs ours."""
        self._folder = folder
        self._config = folder / f"{self.name}.json"
        self._log = folder / f"{self.name}.log"
        self._process: subprocess.Popen[str] | None = None
        self._said: queue.Queue[str] = queue.Queue()
        self._counted = 0
        self._offset = 0

    @property
    def history(self) -> Path:
        return Path(self.config.history)

    @property
    def is_device(self) -> bool:
        return bool(self.config.bundle)

    @property
    def file(self) -> Path:
        """A device's."""
        assert self.is_device
        return Path(self.config.database)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start a process; `wait_for` "ready" tells when it listens."""
        assert not self.is_alive
        self.config.write(self._config)
        self._said = queue.Queue()
        modules = [*self.wrapper, _MODULE]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *modules, str(self._config)],
                env={**os.environ, **self.environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=_read, args=(self._process, self._said), daemon=True).start()

    def tell(self, command: str) -> None:
        """Give a command."""
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise AssertionError(self.last_words()) from error

    def wait_for(self, words: str) -> None:
        """Wait until it says this."""
        end = time.monotonic() + PATIENCE_S
        while (said := self._next(end)) != words:
            assert said is not None, f"{self.name} does not say {words!r}: {self.last_words()}"

    def _next(self, end: float) -> str | None:
        try:
            said = self._said.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return None
        return said or None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self.wait()

    def wait(self) -> int:
        """Wait until the process has ended."""
        assert self._process is not None
        code = self._process.wait(PATIENCE_S)
        assert self._process.stdin is not None
        with suppress(OSError):  # there is something that it had not read
            self._process.stdin.close()
        return code

    def committed(self) -> int:
        """How many transactions it has committed for certain."""
        if self.history.exists():
            with self.history.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
            new = new[: new.rfind(b"\n") + 1]
            self._offset += len(new)
            self._counted += new.count(b'"type": "ok"')
        return self._counted

    def last_words(self) -> str:
        """The end of what its processes have logged."""
        log = self._log.read_text()[-2000:] if self._log.exists() else ""
        return f"{self.name} ({'alive' if self.is_alive else 'dead'}) {log}"


def _read(process: subprocess.Popen[str], said: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            said.put(line.strip())
    said.put("")
