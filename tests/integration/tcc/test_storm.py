"""The acceptance run: ten devices and two direct writers, 20,000 transactions, faults of all kinds.

Which run it is seeds the dice. How many transactions each has may be set, to try things out.
"""

import os
from pathlib import Path

import pytest

from tests.integration.tcc.faults import devices_killed
from tests.integration.tcc.stage import Cast
from tests.integration.tcc.trial import Plan, storm

RUNS = 10
TRANSACTIONS = int(os.environ.get("ELECTRIC_STORM_TRANSACTIONS", "20000"))
LONGEST_S = 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("run", range(RUNS))
def test_storm(run: int, tmp_path: Path) -> None:
    cast = Cast(devices=10, writers=2, pause_s=0.02)
    plan = Plan("all kinds of faults", devices_killed, 0, LONGEST_S, seed=run, cast=cast)
    result = storm(tmp_path, plan, TRANSACTIONS)
    assert result.stuck == 0
