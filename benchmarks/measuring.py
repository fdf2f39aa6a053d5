"""Pairs of measurements: ours and the baseline in turns, and what their ratio is.

Each round measures both sides, one right after the other; who goes first changes with every round.
A ratio is taken within a round, and the median of the rounds is what counts: what disturbs the
machine for longer than a round disturbs both sides. Between the quartiles lies half of the rounds,
which is what is shown as noise.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

Side = Callable[[int], float]
"""Measures one side once, in seconds. It is given the round's number, and prepares what it needs
outside of the time it reports."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. `values` are ours and `baselines` theirs, round by round, in `unit`;
    without baselines the values themselves are compared with the target."""

    what: str
    against: str
    target_max: float
    values: Sequence[float]
    baselines: Sequence[float] = ()
    unit: str = "ms"

    @property
    def ours(self) -> float:
        return median(self.values)

    @property
    def baseline(self) -> float | None:
        return median(self.baselines) if self.baselines else None

    @property
    def compared(self) -> list[float]:
        """What the target speaks of: each round's ratio, or its value."""
        if not self.baselines:
            return list(self.values)
        pairs = zip(self.values, self.baselines, strict=True)
        return [ours / theirs for ours, theirs in pairs]

    @property
    def ratio(self) -> float:
        return median(self.compared)

    @property
    def noise(self) -> tuple[float, float]:
        """Between what the middle half of the rounds lies."""
        if len(self.compared) == 1:
            return self.ratio, self.ratio
        low, _, high = quantiles(self.compared, n=4, method="inclusive")
        return low, high

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.target_max


def in_turns(ours: Side, baseline: Side, rounds: int) -> tuple[list[float], list[float]]:
    """Measure both sides in each round; gives their times in ms. A round before the first warms
    both up, and isn't counted."""
    values: list[float] = []
    baselines: list[float] = []
    sides = [(ours, values), (baseline, baselines)]
    for number in range(rounds + 1):
        for side, times in sides if number % 2 else reversed(sides):
            gc.collect()
            took_ms = side(number) * 1000
            if number:
                times.append(took_ms)
    return values, baselines


class Stopwatch:
    """How long a block took, in seconds."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time a block. The garbage collector stays on, as it would in an app."""
    watch = Stopwatch()
    start = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def scaled(count: int, scale: float, least: int = 10) -> int:
    """A number of rows (or of whatever) for a shorter or a longer run."""
    return max(least, round(count * scale))
