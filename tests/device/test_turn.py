"""One engine at a time syncs a file, and the next one gets its turn whatever happened to it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from electricsql.device.turn import Turn
from electricsql.errors import DeviceError
from tests.device.files import plain

PATIENCE_S = 30
HOLDER = """
import sys
from pathlib import Path
from electricsql.device.turn import Turn
turn = Turn(Path(sys.argv[1]))
print(turn.take(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the turn."""
    arguments = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(
        arguments, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_only_one_has_the_turn_until_it_gives_it_back(path: Path) -> None:
    one, other = Turn(path), Turn(path)
    assert one.take() and one.take()
    assert not other.take()
    one.give_back()
    assert other.take()
    assert not one.take()
    other.give_back()
    other.give_back()


def test_two_files_have_each_their_own_turn(path: Path) -> None:
    one, other = Turn(path), Turn(path.with_name("b.db"))
    assert one.take() and other.take()
    one.give_back()
    other.give_back()


def test_the_turn_of_a_process_ends_with_it(path: Path, holder: subprocess.Popen[str]) -> None:
    turn = Turn(path)
    assert not turn.take()
    holder.kill()
    holder.wait(PATIENCE_S)
    assert turn.take()
    turn.give_back()


def test_the_turn_keeps_nobody_from_the_database_itself(path: Path) -> None:
    turn = Turn(path)
    assert turn.take()
    database = plain(path)
    database.execute("CREATE TABLE t (x)")
    database.close()
    turn.give_back()


def test_a_folder_that_can_not_be_written_is_not_taken_for_another_program(path: Path) -> None:
    path.with_name("a.db-electric").mkdir()
    with pytest.raises(DeviceError) as raised:
        Turn(path).take()
    assert raised.value.code == "cannot-open"
    assert "a.db-electric" in raised.value.problem
