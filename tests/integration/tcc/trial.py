"""A trial: a stage, a fault that strikes it again and again, and what is true of it in the end."""

import json
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.integration.tcc.breakage import DISKS
from tests.integration.tcc.faults import FAULTS, Fault, Strike
from tests.integration.tcc.history import check
from tests.integration.tcc.stage import Cast, Stage, Stuck

STUCK_S: Final = 10.0
"""By then everybody should have everything, after a fault has ended."""
GIVE_UP_S: Final = 90.0
"""By then a trial fails, on however slow a machine."""
_MIGRATING: Final = 0.2
_MIGRATIONS_MAX: Final = 10
"""Each adds a column; with many of them reading all becomes slow."""
RESULTS: Final = "ELECTRIC_SOAK_RESULTS"
"""The environment variable that names the file to which results are added, if it is set."""


@dataclass
class Result:
    """What came of a fault: a line of the table."""

    fault: str
    runs: int = 0
    survived: int = 0
    lost: int = 0
    duplicated: int = 0
    stuck: int = 0
    worst_s: float = 0
    transactions: int = 0
    invalid: int = 0
    """Histories that a checker found fault with."""

    def record(self) -> None:
        """Add it to the file of results, if one is wanted."""
        if path := os.environ.get(RESULTS):
            with Path(path).open("a") as file:
                file.write(json.dumps(asdict(self)) + "\n")


@dataclass(frozen=True)
class Plan:
    """How a trial goes."""

    fault: str
    strike: Fault
    runs: int
    longest_s: float
    seed: int = 0
    cast: Cast = field(default_factory=Cast)
    calm: int = 5
    """Transactions of each session before each strike."""
    loses: bool = False
    """Whether it is a fault that rightly loses something, so that no history could be valid."""


def endure(folder: Path, plan: Plan) -> Result:
    """Strike a stage `runs` times, each time with a migration under way, and check what came of it.

    Raises:
        AssertionError: something was lost, duplicated, or did not arrive; or the history is not
            valid.
    """
    result = Result(plan.fault)
    random = Random(f"{plan.fault}:{plan.seed}")
    with Stage(folder, plan.cast) as stage:
        try:
            for _ in range(plan.runs):
                result.runs += 1
                _one(stage, Strike(stage, random, plan.longest_s), plan, result)
                result.survived += 1
            if not plan.loses:
                _judge(stage, result)
        finally:
            result.transactions = stage.committed()
            result.record()
    return result


def _one(stage: Stage, strike: Strike, plan: Plan, result: Result) -> None:
    stage.run()
    stage.progress(plan.calm)
    migrating = _Migrating(stage) if stage.migrations < _MIGRATIONS_MAX else None
    plan.strike(strike)
    ended = time.monotonic()
    if migrating is not None:
        migrating.join()
    _settle(stage, ended, result)


def _settle(stage: Stage, ended: float, result: Result) -> None:
    """Everybody gets everything, and all are equal."""
    try:
        seconds = stage.settle(ended, GIVE_UP_S)
    except Stuck:
        result.stuck += 1
        raise
    result.worst_s = max(result.worst_s, seconds)
    result.stuck += seconds > STUCK_S
    assert (different := stage.differences()) == [], different


class _Migrating(threading.Thread):
    """A migration at the same time."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._stage.migrate()
        except BaseException as error:
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        if self._error is not None:
            raise self._error


def _judge(stage: Stage, result: Result) -> None:
    twice = stage.made_twice()
    result.duplicated = len(twice)
    lost = stage.lost()
    result.lost = len(lost)
    complaints = check(stage.finish())
    result.invalid = len(complaints)
    assert not lost, f"lost: {lost[:9]}"
    assert not twice, f"twice: {twice[:9]}"
    assert not complaints, "\n".join(complaints)


def storm(
    folder: Path, plan: Plan, names: Iterable[str], transactions: int | None = None
) -> Result:
    """Let faults strike one after the other, with migrations now and then, until there are no more,
    or so many transactions are committed; then check what came of it.

    Raises:
        AssertionError: as `endure`.
    """
    result = Result(plan.fault)
    strikes = {**FAULTS, **DISKS}
    with Stage(folder, plan.cast) as stage:
        strike = Strike(stage, Random(f"{plan.fault}:{plan.seed}"), plan.longest_s)
        try:
            stage.run()
            for name in names:
                result.runs += 1
                _note(stage, name)
                stage.progress(plan.calm)
                _strike_and_migrate(strike, strikes[name])
                result.survived += 1
                if transactions is not None and stage.committed() >= transactions:
                    break
            _settle(stage, time.monotonic(), result)
            _judge(stage, result)
        finally:
            result.transactions = stage.committed()
            result.record()
    return result


def _strike_and_migrate(strike: Strike, fault: Fault) -> None:
    stage, often = strike.stage, strike.random.random() < _MIGRATING
    migrating = _Migrating(stage) if often and stage.migrations < _MIGRATIONS_MAX else None
    fault(strike)
    if migrating is not None:
        migrating.join()


def _note(stage: Stage, name: str) -> None:
    """For whoever has to find out what happened."""
    with (stage.folder / "strikes.log").open("a") as log:
        log.write(f"{time.strftime('%H:%M:%S')} {name}\n")
