"""Simulated worlds keep the promise, whatever happens; a failure is repeatable, and shrunk."""

import os

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
    12: [1099321],
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
