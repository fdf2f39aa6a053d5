"""A process that is killed while tables change places, whatever it is just about to do: the file
has the old rows or the new ones, programs that have it open go on, and the next process does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from electricsql.device.aside import left_over
from electricsql.device.file import connect
from electricsql.device.replica import Replica
from tests.device.crossing import make, outcomes, receive, rows

DIE = "import sys; from tests.device.test_crossing import die_again; die_again(*sys.argv[1:])"


def die_again(path: str, whole: str, first: str, step: str) -> None:
    """Receive the delta in processes that are killed at the k-th statement from when it is ready,
    for each k from `first` on, by `step`. Says so each time, and waits for a line."""
    k = int(first)
    while True:
        if (child := os.fork()) == 0:
            _live_until(Path(path), whole == "whole", k)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else f"ended {status}", flush=True)
        if not os.WIFSIGNALED(status):
            return
        sys.stdin.readline()
        k += int(step)


def _live_until(path: Path, whole: bool, k: int) -> None:
    left = k

    def count(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(replica: Replica) -> None:
        replica._database.set_trace_callback(count)

    receive(path, whole=whole, ready=watch)


@contextmanager
def killed(path: Path, *arguments: str) -> Iterator[Iterator[None]]:
    """Gives each time that a process was killed."""
    command = [sys.executable, "-c", DIE, str(path), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield _each(process)


def _each(process: "subprocess.Popen[str]") -> Iterator[None]:
    assert process.stdin is not None
    assert process.stdout is not None
    while (said := process.stdout.readline()) == "killed\n":
        yield
        process.stdin.write("go on\n")
        process.stdin.flush()
    assert said == "ended 0\n"


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.soak)])
def test_a_kill_at_any_statement_leaves_the_old_rows_or_the_new_ones(
    tmp_path: Path, step: int, *, whole: bool
) -> None:
    before, after = outcomes(tmp_path / "other.db", whole=whole)
    path = tmp_path / "a.db"
    make(path)
    app = connect(path)
    schema = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '%aside%' ORDER BY name"
    declared = app.execute(schema).fetchall()
    seen = []
    with killed(path, "whole" if whole else "some", "1", str(step)) as kills:
        for _ in kills:
            seen.append(app.execute("SELECT * FROM notes ORDER BY id").fetchall())
            assert seen[-1] in (before, after)
            assert app.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert app.execute(schema).fetchall() == declared
            app.execute("UPDATE notes SET done = done")
    assert before in seen
    assert rows(path) == after
    assert left_over(app) == []
    assert app.execute("SELECT count(*) FROM _electric_staged").fetchone() == (0,)
    app.close()
