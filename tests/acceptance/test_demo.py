"""`electric demo` shows the whole, tells a difference, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from electricsql.cli.demo import story
from electricsql.cli.demo.stage import DeviceProcess, Stage
from electricsql.errors import ElectricError
from tests.cli.conftest import Typist, electric

__all__ = ["electric"]
DEMO = [sys.executable, "-m", "electricsql", "demo"]


def start(folder: Path) -> subprocess.Popen[str]:
    """The demo as a session of its own, with its temporary files in a folder."""
    return subprocess.Popen(
        DEMO,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def session_of(leader: int) -> list[str]:
    """The processes of a session, those aside that have ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = entry.read_text().rpartition(")")
        except OSError:
            continue
        state, _, _, session, *_ = rest.split()
        if int(session) == leader and state != "Z":
            found.append(name)
    return found


def test_the_demo_ends_with_equal_rows_and_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        shown, errors = demo.communicate()
    assert (demo.returncode, errors) == (0, "")
    assert shown.rstrip().endswith("Postgres and both devices agree.")
    tables = shown.split("\nPostgres\n")[1]
    assert tables.count("milk, bread, coffee") == tables.count("Shopping") == 3
    assert session_of(demo.pid) == []
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        assert demo.stdout is not None
        while "it answers at" not in demo.stdout.readline():
            pass
        assert len(session_of(demo.pid)) > 1
        demo.send_signal(signal.SIGTERM)
        demo.communicate()
    assert demo.returncode == 1
    assert session_of(demo.pid) == []
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_being_started_is_ended_too(tmp_path: Path) -> None:
    """SIGTERM comes while nobody knows of the process yet."""
    started = []

    class Late(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    def end(*_: object) -> None:
        raise SystemExit(1)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(subprocess, "Popen", Late)
            with Stage(tmp_path) as stage:
                stage.electric("start", "--port", "0")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [process.poll() is not None for process in started] == [True]


def test_a_difference_is_a_failure(electric: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "tell", lambda _: False)
    assert "do not agree" in electric.fails("demo", code="demo-differs")


class Shelf(DeviceProcess):
    """A device that has these rows."""

    def __init__(self, rows: Sequence[tuple[object, ...]]) -> None:
        self._rows = list(rows)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self._rows


ROW = ("1", "Shopping", "milk", 5)


@pytest.mark.parametrize(
    ("postgres", "phone", "laptop", "agree"),
    [
        ([ROW], [ROW], [ROW], True),
        ([ROW], [ROW], [], False),
        ([ROW], [("1", "Shopping", "milk", 4)], [ROW], False),
        ([], [ROW], [ROW], False),
        ([], [], [], False),
    ],
)
def test_all_three_have_to_hold_the_same_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres: list[tuple[object, ...]],
    phone: list[tuple[object, ...]],
    laptop: list[tuple[object, ...]],
    agree: bool,
) -> None:
    async def in_postgres(*_: object) -> list[tuple[object, ...]]:
        return postgres

    monkeypatch.setattr(story, "_in_postgres", in_postgres)
    assert story._compare(Stage(tmp_path), Shelf(phone), Shelf(laptop)) is agree


def test_a_step_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, pytest.raises(ElectricError) as failed:
        stage.electric("migrations", "list")
    assert failed.value.code == "demo-failed"
    assert "electric migrations list failed: Error: There is no electric.json" in str(failed.value)
