"""One kind of fault after the other strikes ten devices and two direct writers, each time with a
migration under way: nothing is lost, nothing happens twice, all end equal.

This is what `make soak` makes the table of `docs/reliability.md` from. In `make test` there are
short forms: `test_storm.py`, `test_wire.py`. How many devices there are, how often and how long a
fault strikes may be set, to try things out.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.tcc.breakage import DISKS, FILES, LOSSES
from tests.integration.tcc.disk import compiled
from tests.integration.tcc.failpoint_process import MOMENTS
from tests.integration.tcc.faults import FAULTS
from tests.integration.tcc.histories import HISTORIES, syncs_race
from tests.integration.tcc.points import POINTS, at_each
from tests.integration.tcc.stage import Cast
from tests.integration.tcc.trial import STUCK_S, Plan, endure

STRIKES = int(os.environ.get("ELECTRIC_SOAK_STRIKES", "3"))
LONGEST_S = float(os.environ.get("ELECTRIC_SOAK_LONGEST_S", "30"))
SHORTLY_S = 5
CAST = Cast(devices=int(os.environ.get("ELECTRIC_SOAK_DEVICES", "10")), pause_s=0.2)
"""At a pace at which two stages find room on a machine with two processors."""
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("fault", FAULTS)
def test_processes_and_networks(fault: str, tmp_path: Path) -> None:
    _endure(tmp_path, Plan(fault, FAULTS[fault], STRIKES, LONGEST_S, cast=CAST))


@pytest.mark.parametrize("fault", DISKS)
def test_disks_and_clocks(fault: str, tmp_path: Path) -> None:
    cast = replace(CAST, library=compiled(tmp_path))
    _endure(tmp_path, Plan(fault, DISKS[fault], 2 * STRIKES, SHORTLY_S, cast=cast))


@pytest.mark.parametrize("fault", FILES)
def test_files(fault: str, tmp_path: Path) -> None:
    _endure(tmp_path, Plan(fault, FILES[fault], STRIKES, SHORTLY_S, cast=CAST))


@pytest.mark.parametrize("fault", HISTORIES)
def test_histories(fault: str, tmp_path: Path) -> None:
    migrates = HISTORIES[fault] is syncs_race
    plan = Plan(fault, HISTORIES[fault], STRIKES, SHORTLY_S, cast=CAST, migrates=migrates)
    _endure(tmp_path, plan)


@pytest.mark.parametrize("fault", LOSSES)
def test_losses(fault: str, tmp_path: Path) -> None:
    plan = Plan(fault, LOSSES[fault], STRIKES, SHORTLY_S, cast=CAST, loses=True)
    _endure(tmp_path, plan)


@pytest.mark.parametrize("fault", POINTS)
def test_named_points(fault: str, tmp_path: Path) -> None:
    points, number, at = POINTS[fault]
    runs, cast = len(points) * len(MOMENTS), replace(CAST, devices=min(CAST.devices, 4))
    _endure(tmp_path, Plan(fault, at_each(points, number, at), runs, SHORTLY_S, cast=cast))


def _endure(folder: Path, plan: Plan) -> None:
    result = endure(folder, plan)
    assert result.stuck == 0, f"somebody needed longer than {STUCK_S} s: {result}"
