"""One Postgres server, looked after: made at the first start, stopped when its owner stops or dies.

In the data folder:

    cluster/       Postgres' own files
    password       the superuser's, 0600
    port           where it listened last, so that URLs stay good
    lock           held while a server runs: never two on one folder
    postgres.log   what it says

The server is started by a small shell script that leaves a watcher behind. The watcher reads a pipe
from us that nobody ever writes to: when it ends, because we closed it or were killed, it tells the
server to shut down. So the server can't outlive its owner, whatever happens to the owner.
"""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from electricsql.embedded.account import command_prefix
from electricsql.embedded.binaries import find_binaries
from electricsql.errors import PostgresError

SUPERUSER: Final = "electric"
START_S_MAX: Final = 60.0  # recovery after a crash under load takes its time
STOP_S_MAX: Final = 20.0
LEFT_S_MAX: Final = 10.0
"""How long what a killed server has left behind may take to end."""
LOG_BYTES_MAX: Final = 10 << 20

# $$ stays the server's process id through exec. The watcher is a grandchild, so that the server
# does not take it for one of its own.
_SCRIPT: Final = """
exec 3<&0 </dev/null
( ( read -r _ <&3; kill -INT $$ ) 2>/dev/null & )
exec 3<&- "$@"
"""


class EmbeddedPostgres:
    """A Postgres server in `data_dir`, for one owner.

    Args:
        data_dir: the folder; made if absent. Its parents are left alone.
        settings: server settings, e.g. `{"fsync": "off"}` for tests.
        binaries: the folder with `initdb` and `postgres`; by default the one that `find_binaries`
        finds.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        binaries: Path | None = None,
    ) -> None:
        self._folder = data_dir.absolute()
        self._cluster = self._folder / "cluster"
        self._settings = dict(settings or {})
        self._binaries = binaries
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """How to connect as the superuser, to the database `postgres`."""
        password = (self._folder / "password").read_text()
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self._remembered_port()}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def start(self) -> str:
        """Start the server (initialise it first if need be) and give its URL. Does nothing if it
        runs.

        Raises:
            PostgresError: `postgres-not-found`, `postgres-as-root`, `data-folder-in-use`, or
                `postgres-start-failed` with the last lines of its log.
        """
        if self.pid is not None:
            return self.url
        self._release()
        binaries = self._binaries or find_binaries()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._stop_orphan()
            prefix = command_prefix(self._folder)
            if not (self._cluster / "PG_VERSION").exists():
                self._initialise([*prefix, str(binaries / "initdb")])
            self._choose_port()
            server = str(binaries / "postgres")
            self._launch_until_ready([*prefix, "sh", "-c", _SCRIPT, "sh", server])
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Stop the server and wait for it: open transactions are rolled back, committed ones are
        kept."""
        process = self._process
        if process is not None and process.poll() is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._release()

    def _release(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        lock = (self._folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise PostgresError(
                "data-folder-in-use",
                f"Another service runs on the data folder {self._folder}.",
                "Stop it, or choose another folder with --data-dir.",
            ) from None
        self._lock = lock

    def _stop_orphan(self) -> None:
        """End a server that lost its owner and its watcher; it is ours if it works in our
        folder."""
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + STOP_S_MAX
        while self._is_our_server(pid):
            os.kill(pid, signal.SIGINT if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.1)

    def _is_our_server(self, pid: int) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self._cluster) in command and b"postgres" in os.path.basename(command[0])

    def _initialise(self, initdb: list[str]) -> None:
        password = self._folder / "password"
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
        options = ["-D", str(self._cluster), "-U", SUPERUSER, f"--pwfile={password}"]
        options += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
        done = subprocess.run([*initdb, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PostgresError(
                "postgres-start-failed",
                f"Postgres could not be initialised in {self._cluster}: {done.stderr.strip()}",
                "See whether the disk is full or the folder's rights are wrong.",
            )

    def _remembered_port(self) -> int:
        try:
            return int((self._folder / "port").read_text())
        except (OSError, ValueError):
            return 0

    def _choose_port(self) -> None:
        """The port of last time if it is still free, else any."""
        for wanted in (self._remembered_port(), 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", wanted))
                except OSError:
                    continue
                (self._folder / "port").write_text(str(probe.getsockname()[1]))
                return

    def _launch_until_ready(self, command: list[str]) -> None:
        """The sessions of a server that was killed may need a moment to end."""
        deadline = time.monotonic() + LEFT_S_MAX
        while True:
            process = self._launch(command)
            try:
                return self._wait_until_ready(process)
            except PostgresError as error:
                if "shared memory block" not in error.problem or time.monotonic() > deadline:
                    raise
            assert process.stdin is not None
            process.stdin.close()
            time.sleep(0.1)

    def _launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._remembered_port()),
            "unix_socket_directories": "",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = self._folder / "postgres.log"
        mode = "wb" if log.exists() and log.stat().st_size > LOG_BYTES_MAX else "ab"
        with log.open(mode) as output:
            self._process = subprocess.Popen(
                [*command, *options, "-D", str(self._cluster)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self._process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Postgres writes its state into the eighth line of postmaster.pid."""
        deadline = time.monotonic() + START_S_MAX
        while process.poll() is None and time.monotonic() < deadline:
            try:
                lines = (self._cluster / "postmaster.pid").read_text().split("\n")
            except OSError:
                lines = []
            if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.01)
        log = (self._folder / "postgres.log").read_text(errors="replace").splitlines()
        raise PostgresError(
            "postgres-start-failed",
            f"Postgres did not start in {self._cluster}: " + " / ".join(log[-5:]),
            f"The whole log is in {self._folder / 'postgres.log'}.",
        )
