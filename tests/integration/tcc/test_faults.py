"""Everything may break, at any time: nothing is lost, nothing happens twice, all end equal.

In `make test` each fault strikes once and shortly, and only a few of them; `make soak` has them all
strike again and again, for up to 30 s, and makes the table of `docs/reliability.md`.
"""

from pathlib import Path

import pytest

from tests.integration.tcc.faults import FAULTS
from tests.integration.tcc.stage import Cast
from tests.integration.tcc.trial import STUCK_S, Plan, endure

SHORT = ("everything killed at once", "flapping links", "half-open connections to Postgres")
FEW = Cast(devices=4, writers=1)
STRIKES = 4
LONGEST_S = 30


@pytest.mark.parametrize("fault", SHORT)
def test_short(fault: str, tmp_path: Path) -> None:
    result = endure(tmp_path, Plan(fault, FAULTS[fault], runs=1, longest_s=1.5, cast=FEW))
    assert result.survived == 1


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS)
def test_long(fault: str, tmp_path: Path) -> None:
    plan = Plan(fault, FAULTS[fault], runs=STRIKES, longest_s=LONGEST_S)
    result = endure(tmp_path, plan)
    assert result.stuck == 0, f"somebody needed longer than {STUCK_S} s: {result}"
