"""Simulated worlds keep the promise, whatever happens; a failure is repeatable, and shrunk."""

import os
import subprocess
import sys

import pytest

from electricsql.testing.simulation import (
    failure_of,
    failures,
    main,
    play_many,
    schedule_of,
)

_SEEDS = 5_000
_CHUNK = 500
_MANY = 1_000_000


@pytest.mark.parametrize("first", range(0, _SEEDS, _CHUNK))
def test_no_schedule_breaks_a_rule(first: int) -> None:
    assert failures(range(first, first + _CHUNK)) == []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_million_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        assert play_many(_SEEDS, _MANY, os.cpu_count() or 1) == []


def test_a_seed_is_one_schedule() -> None:
    assert schedule_of(17) == schedule_of(17) != schedule_of(18)


_FAILED = {
    8: [329, 431, 544, 611, 725, 741, 1579, 1651, 1960, 258, 4276, 4539],
    10: [1802, 2250, 9232, 29889, 130777],
    12: [1099321, 39302, 17092, 101335, 103932, 147973, 233313, 436835, 202907],
}
"""Seeds by how many kinds of worlds there were when they failed."""


@pytest.mark.parametrize(
    ("kinds", "seed"), [(kinds, seed) for kinds, seeds in _FAILED.items() for seed in seeds]
)
def test_what_once_failed(kinds: int, seed: int) -> None:
    assert failure_of(schedule_of(seed, kinds)) is None


def test_the_command_says_how_many_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "5", "--count", "1"]) == 0
    assert capsys.readouterr().out == "1 schedules, 0 fail\n"


_AT_WORK = """
from electricsql.testing import simulation
simulation._CHUNK = 1
simulation.play_many(0, 20_000, 2)
"""


def test_who_helps_ends_with_the_command_that_was_killed() -> None:
    command = [sys.executable, "-c", _AT_WORK]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.kill()
        process.communicate(timeout=60)  # nobody has the other end of the pipe any more
