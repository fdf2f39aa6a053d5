"""A trial: a stage, a fault that strikes it again and again, and what is true of it in the end."""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
RESULTS: Final = "ELECTRIC_SOAK_RESULTS"
"""The environment variable that names the file to which results are added, if it is set."""
STORM: Final = "faults of all kinds"
STORMS: Final = 10
"""How many of them a soak has."""
WIRE: Final = "frames at every byte: {}"
_MIGRATING: Final = 0.2


@dataclass
class Result:
    """What came of a trial: of a fault, or of a part of what is tried of it."""

    fault: str
    setting: str = ""
    """Who took part, and how long a fault lasted at most."""
    runs: int = 0
    survived: int = 0
    lost: int = 0
    duplicated: int = 0
    stuck: int = 0
    worst_s: float = 0
    transactions: int = 0
    invalid: int = 0
    """Histories that a checker found fault with."""
    done: bool = False
    """Whether it came to its end, and all was well."""
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells the results of one trial, of which the last counts."""

    def record(self) -> None:
        """Add it, as it is so far, to the file of results, if one is wanted."""
        if path := os.environ.get(RESULTS):
            with Path(path).open("a") as file:
                file.write(json.dumps(asdict(self)) + "\n")

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record it when it begins, and when it has ended, well or not."""
        self.record()
        try:
            yield
            self.done = True
        finally:
            self.record()


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
    migrates: bool = False
    """Whether the fault is about migrations, and makes them itself."""

    @property
    def setting(self) -> str:
        devices, writers = self.cast.devices, self.cast.writers
        return f"{devices} + {writers}, {self.longest_s:g} s"

    def lasting(self, run: int) -> tuple[float, float]:
        """How long the strike of a run lasts, at least and at most: one longer than the other, and
        the last one as long as it may."""
        if run == self.runs - 1:
            return self.longest_s, self.longest_s
        return run / self.runs * self.longest_s, (run + 1) / self.runs * self.longest_s


def endure(folder: Path, plan: Plan) -> Result:
    """Strike a stage `runs` times, each time with a migration under way, and check what came of it.

    Raises:
        AssertionError: something was lost, duplicated, or did not arrive; or the history is not
            valid.
    """
    result = Result(plan.fault, plan.setting)
    random = Random(f"{plan.fault}:{plan.seed}")
    with result.recorded(), Stage(folder, plan.cast) as stage:
        for run in range(plan.runs):
            result.runs += 1
            _one(stage, Strike(stage, random, *plan.lasting(run)), plan, result)
            result.survived += 1
            result.transactions = stage.committed()
            result.record()
        if not plan.loses:
            _judge(stage, result)
    return result


def _one(stage: Stage, strike: Strike, plan: Plan, result: Result) -> None:
    stage.run()
    stage.progress(plan.calm)
    migrating = None if plan.migrates else _Migrating(stage)
    plan.strike(strike)
    if migrating is not None:
        migrating.join()  # until then there is something to be committed yet
    _settle(stage, time.monotonic(), result)


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
    result = Result(plan.fault, plan.setting)
    strikes = {**FAULTS, **DISKS}
    with result.recorded(), Stage(folder, plan.cast) as stage:
        strike = Strike(stage, Random(f"{plan.fault}:{plan.seed}"), 0, plan.longest_s)
        stage.run()
        for name in names:
            result.runs += 1
            _note(stage, name)
            stage.progress(plan.calm)
            _strike_and_migrate(strike, strikes[name])
            result.survived += 1
            result.transactions = stage.committed()
            result.record()
            if transactions is not None and result.transactions >= transactions:
                break
        _settle(stage, time.monotonic(), result)
        _judge(stage, result)
    return result


def _strike_and_migrate(strike: Strike, fault: Fault) -> None:
    migrating = _Migrating(strike.stage) if strike.random.random() < _MIGRATING else None
    fault(strike)
    if migrating is not None:
        migrating.join()


def _note(stage: Stage, name: str) -> None:
    """For whoever has to find out what happened."""
    with (stage.folder / "strikes.log").open("a") as log:
        log.write(f"{time.strftime('%H:%M:%S')} {name}\n")
