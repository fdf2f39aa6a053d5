"""What the demo happens on: processes, which all end with it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

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
        done = subprocess.run(
            [sys.executable, "-m", "electricsql", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise _failed(f"electric {' '.join(arguments)}", done.stderr)
        return done.stdout.strip()

    def start_service(self) -> str:
        """Start it on a free port; gives its URL."""
        service = self._start(("-m", "electricsql", "start", "--port", "0"), "service.log")
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
        process = self._start(("-m", module, str(self.folder / name), bundle), f"{name}.log")
        return DeviceProcess(process, self.folder / f"{name}.log")

    def _start(self, arguments: Sequence[str], log: str) -> subprocess.Popen[str]:
        with (self.folder / log).open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._processes.append(process)
        return process


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
    if process.stdout is not None:
        process.stdout.close()
