"""Faults of all kinds, one after the other, without a rest between them.

The short form has some of them strike four devices. The acceptance runs have ten devices and two
direct writers, and end when 20,000 transactions are committed; which run it is seeds the dice.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.integration.tcc.breakage import DISKS
from tests.integration.tcc.disk import compiled
from tests.integration.tcc.faults import FAULTS, devices_killed
from tests.integration.tcc.stage import Cast
from tests.integration.tcc.trial import STORM, STORMS, STUCK_S, Plan, storm

TRANSACTIONS = int(os.environ.get("ELECTRIC_STORM_TRANSACTIONS", "20000"))
LONGEST_S = 3
SHORT = (
    "everything killed at once",
    "flapping links",
    "half-open connections to Postgres",
    "devices' disks full (every k-th call)",
    "power cuts of devices",
    "devices unheard (packets lost, one way or both)",
)


def test_some_faults(tmp_path: Path) -> None:
    cast = Cast(devices=4, writers=1, library=compiled(tmp_path))
    plan = Plan("some of all", devices_killed, runs=0, longest_s=1.5, cast=cast, calm=3)
    assert storm(tmp_path, plan, SHORT).survived == len(SHORT)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("run", range(STORMS))
def test_storm(run: int, tmp_path: Path) -> None:
    cast = Cast(devices=10, writers=2, pause_s=0.02, library=compiled(tmp_path))
    plan = Plan(STORM, devices_killed, 0, LONGEST_S, seed=run, cast=cast)
    result = storm(tmp_path, plan, endless(run), TRANSACTIONS)
    assert result.stuck == 0, f"somebody needed longer than {STUCK_S} s: {result}"


def endless(run: int) -> Iterator[str]:
    random = Random(run)
    while True:
        yield random.choice([*FAULTS, *DISKS])
