"""A check that can't fail shows nothing: each planted bug is found, and the same seeds pass without
it."""

import json
import os
from inspect import signature
from pathlib import Path

import pytest

from electricsql.testing.planted import BUGS, Bug
from electricsql.testing.simulation import all_caught, caught, explain, failures

_SEEDS_MAX = 300
_RARE = {
    "lives-at-their-word": 7696,
    "forgotten-unnoticed": 751,
    "forgotten-rows-stay": 751,
    "nothing-offered": 2608,
}
"""Bugs that take longer to find, with a seed that does."""


@pytest.mark.parametrize("name", [name for name in BUGS if name not in _RARE])
def test_a_planted_bug_is_found(name: str) -> None:
    found = caught(name, _SEEDS_MAX)
    assert found.rule, f"{name} is not found by {_SEEDS_MAX} schedules"
    assert failures([found.schedules - 1]) == []


@pytest.mark.parametrize("bug", BUGS.values(), ids=lambda bug: bug.name)
def test_a_planted_bug_is_called_as_what_it_replaces(bug: Bug) -> None:
    """Else it is found because it can't be called."""
    for owner, attribute, other in bug.patches():
        given = [None for _ in signature(getattr(owner, attribute)).parameters]
        signature(other).bind(*given)


@pytest.mark.parametrize(("name", "seed"), _RARE.items())
def test_a_planted_bug_that_shows_rarely_is_found(name: str, seed: int) -> None:
    assert failures([seed], name)
    assert failures([seed]) == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_all_planted_bugs_are_found() -> None:
    """`make soak` wants a line for each in its file of results."""
    found = all_caught(20_000)
    if path := os.environ.get("ELECTRIC_SOAK_RESULTS"):
        with Path(path).open("a") as file:
            file.writelines(json.dumps(each._asdict()) + "\n" for each in found)
    assert [each.name for each in found if not each.rule] == []


def test_a_failure_is_explained_by_its_shortest_schedule() -> None:
    found = caught("delta-overwrites-unsent", _SEEDS_MAX)
    text = explain(found.schedules - 1, found.name)
    *schedule, command = text.splitlines()[1:]
    assert 2 <= len(schedule) <= 5
    assert command == (
        "Repeat it: python -m electricsql.testing.simulation"
        f" --seed {found.schedules - 1} --bug delta-overwrites-unsent"
    )
