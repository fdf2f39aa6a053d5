"""What the demo happens on: processes, which all end with it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from electricsql.errors import ElectricError

_PATIENCE_S: Final = 30
_READY: Final = "Electric answers at "


class Stage:
    """The processes of a demo in one folder; a context manager that ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("ELECTRIC_")
            },
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "NO_COLOR": "1",
        }
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            _end(process)

    def electric(self, *arguments: str) -> str:
        """Run a command in the app's folder; gives what it printed.

        Raises:
            ElectricError: `demo-failed`.
        """
        process = self._start(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        output, errors = process.communicate()
        if process.returncode != 0:
            raise _failed(f"electric {' '.join(arguments)}", errors)
        return output.strip()

    def start_service(self) -> str:
        """Start it on a free port; gives its URL."""
        with (self.folder / "service.log").open("w") as log:
            service = self._start(("start", "--port", "0"), stderr=log)
        assert service.stdout is not None
        for line in service.stdout:
            if line.startswith(_READY):
                return line.removeprefix(_READY).partition(",")[0]
        raise _failed("electric start", (self.folder / "service.log").read_text())

    def start_device(self, name: str, token: str) -> "DeviceProcess":
        """Start a device with a file of that name."""
        module = "electricsql.cli.demo.device"
        bundle = str(self.folder / ".electric" / "@config")
        self.environ["ELECTRIC_DEVICE_TOKEN"] = token
        log = self.folder / f"{name}.log"
        with log.open("w") as errors:
            process = self._start((str(self.folder / name), bundle), module, stderr=errors)
        return DeviceProcess(process, log)

    def _start(
        self,
        arguments: Sequence[str],
        module: str = "electricsql",
        *,
        stdin: int = subprocess.PIPE,
        stderr: int | IO[str],
    ) -> subprocess.Popen[str]:
        with _undisturbed():
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env=self.environ,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
            self._processes.append(process)
        return process


@contextmanager
def _undisturbed() -> Iterator[None]:
    """SIGTERM waits until a process that is being started is known, so that it is ended, too."""
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for number in came:
            signal.raise_signal(number)


class DeviceProcess:
    """A device, told what to do."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def write(self, sql: str, *parameters: str | int) -> None:
        """Run a statement in a transaction."""
        self._tell("write", sql, *parameters)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        return [tuple(row) for row in self._tell("read", sql)]  # type: ignore[attr-defined]

    def do(self, what: str) -> object:
        """Another method of `device.Device`."""
        return self._tell(what)

    def _tell(self, what: str, *arguments: str | int) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([what, *arguments]) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise _failed(f"the device ({what})", self._log.read_text())
        return json.loads(answer)


def _failed(what: str, output: str) -> ElectricError:
    last = output.strip().splitlines()[-5:]
    return ElectricError(
        "demo-failed", f"In the demo, {what} failed: {' '.join(last)}", "Report it, please."
    )


def _end(process: subprocess.Popen[str]) -> None:
    """Ask it to end, and make it if it doesn't."""
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for output in (process.stdout, process.stderr):
        if output is not None:
            output.close()
