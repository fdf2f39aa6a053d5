"""Schedules: made from a seed, played in a simulated world, shrunk when they fail.

    python -m electricsql.testing.simulation --seed 17          play one, and shrink it if it fails
    python -m electricsql.testing.simulation --count 1000000    play many, on all processors
    … --bug torn-apply                                          with a planted bug (`planted.py`)

A seed decides everything: how many devices there are, which faults happen in that world, and every
event.
"""

import argparse
import gc
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing import parent_process
from random import Random
from threading import Thread
from time import perf_counter
from typing import Final, NamedTuple

from electricsql.testing.device import Mistake
from electricsql.testing.dict_device import DictDevice
from electricsql.testing.planted import BUGS, planted
from electricsql.testing.world import MakeStore, World

_LENGTHS: Final = (6, 26)
_CHUNK: Final = 1_000
_PATIENCE: Final = 50
_USUAL: Final = {
    "write": 10,
    "seal": 1,
    "direct": 5,
    "exchange": 6,
    "connect": 2,
    "up": 4,
    "merge": 3,
    "look": 3,
    "down": 4,
    "ask": 2,
}
_FAULTS: Final[tuple[dict[str, int], ...]] = (
    {},
    {"toggle": 8, "write": 6, "exchange": 2, "connect": 0, "up": 0, "down": 0, "direct": 0},
    {"drop": 3, "migrate": 1},
    {"drop": 2, "vanish": 2, "stall": 2, "tick": 2},
    {"crash": 4, "restart_service": 1, "migrate": 1},
    {"skew": 4, "drop": 1, "migrate": 1},
    {"back_up": 3, "restore": 2, "copy": 1, "drop": 1},
    {
        "drop": 1,
        "vanish": 1,
        "stall": 1,
        "tick": 1,
        "crash": 2,
        "restart_service": 1,
        "skew": 1,
        "migrate": 1,
    },
    {"forbid": 4, "retry": 3, "discard": 1, "drop": 1, "migrate": 1},
    {"reset": 2, "drop": 2, "crash": 1, "migrate": 1},
    {"clean": 4, "toggle": 4, "drop": 1, "crash": 1, "migrate": 1},
    {"clean": 4, "be_away": 4, "toggle": 4, "drop": 2, "exchange": 4},
)
"""Which faults there are in a world, besides what is usual, and how often. New ones come last: what
a seed made before can then still be made."""
_KINDS: Final = [
    (list(weights), list(accumulate(weights.values())))
    for weights in ({**_USUAL, **faults} for faults in _FAULTS)
]


class Event(NamedTuple):
    """Something that happens: a method of the world, and its number."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens in a world with so many devices; then all has to come to rest."""

    devices: int
    events: tuple[Event, ...]

    def __str__(self) -> str:
        lines = [
            f"{place:3}. {event.name} {'abcdef'[event.number % self.devices]}"
            f" ({event.number // self.devices})"
            for place, event in enumerate(self.events, 1)
        ]
        return "\n".join([f"{self.devices} devices", *lines])


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that fails, and how."""

    seed: int
    rule: str
    problem: str


def schedule_of(seed: int, kinds: int = len(_KINDS)) -> Schedule:
    """The schedule that a seed makes, or made when there were only so many kinds of worlds."""
    random = Random(seed)
    names, weights = random.choice(_KINDS[:kinds])
    count = random.randint(*_LENGTHS)
    chosen = random.choices(names, cum_weights=weights, k=count)
    bits = random.getrandbits
    events = tuple(Event(name, bits(30)) for name in chosen)
    return Schedule(2 + (seed & 3 == 0), events)


def play(schedule: Schedule, make: MakeStore = DictDevice) -> None:
    """Play a schedule.

    Raises:
        Mistake: a rule was broken.
    """
    world = World(schedule.devices, make)
    for name, number in schedule.events:
        world.happen(name, number)
    world.settle()


def failure_of(schedule: Schedule, make: MakeStore = DictDevice) -> Mistake | None:
    """How a schedule fails, if it does. What breaks the program itself is a mistake, too."""
    try:
        play(schedule, make)
    except Mistake as found:
        return found
    except Exception as error:
        broken = Mistake("broken", f"{type(error).__name__}: {error}")
        broken.__cause__ = error
        return broken
    return None


def shrunk(schedule: Schedule, make: MakeStore = DictDevice) -> Schedule:
    """A schedule that breaks the same rule, from which nothing more can be left out."""
    mistake = failure_of(schedule, make)
    assert mistake is not None, "it does not fail"
    size = max(1, len(schedule.events) // 2)
    while size:
        start, shorter = 0, False
        while start < len(schedule.events):
            events = schedule.events[:start] + schedule.events[start + size :]
            fewer = Schedule(schedule.devices, events)
            found = failure_of(fewer, make)
            if found is not None and found.rule == mistake.rule:
                schedule, shorter = fewer, True
            else:
                start += size
        size = size // 2 if size > 1 or not shorter else 1
    return schedule


def failures(seeds: Iterable[int], bug: str | None = None) -> list[Failure]:
    """Play these seeds; gives those that fail."""
    found = []
    gc.disable()  # what a world leaves behind is hardly ever a circle
    try:
        with planted(bug) if bug else nullcontext():
            for seed in seeds:
                mistake = failure_of(schedule_of(seed))
                if mistake is not None:
                    found.append(Failure(seed, mistake.rule, str(mistake)))
    finally:
        gc.enable()
    return found


class Caught(NamedTuple):
    """A planted bug: which rule it broke first, and after how many schedules (0: it passed)."""

    name: str
    what: str
    rule: str
    schedules: int


def caught(name: str, seeds_max: int) -> Caught:
    """Play until a bug is found, so many seeds at most."""
    for first in range(0, seeds_max, _PATIENCE):
        found = failures(range(first, min(first + _PATIENCE, seeds_max)), name)
        if found:
            return Caught(name, BUGS[name].what, found[0].rule, found[0].seed + 1)
    return Caught(name, BUGS[name].what, "", 0)


def all_caught(seeds_max: int) -> list[Caught]:
    """How soon each planted bug is found: the rows of a table."""
    return [caught(name, seeds_max) for name in BUGS]


def play_many(first: int, count: int, jobs: int) -> list[Failure]:
    """Play seeds on several processors, and tell how it goes."""
    started, done = perf_counter(), 0
    found: list[Failure] = []
    chunks = [range(n, min(n + _CHUNK, first + count)) for n in range(first, first + count, _CHUNK)]
    with ProcessPoolExecutor(jobs, initializer=_end_with_parent) as pool:
        for chunk, failed in zip(chunks, pool.map(failures, chunks), strict=True):
            done += len(chunk)
            found += failed
            for failure in failed:
                _say(f"\rSeed {failure.seed} fails: {failure.problem}\n")
            rate = done / (perf_counter() - started)
            _say(f"\r{done:,} of {count:,} schedules, {rate:,.0f}/s, {len(found)} fail")
    _say("\n")
    return found


def _end_with_parent() -> None:
    """Have this process end when the one that started it has, however that came about."""
    parent = parent_process()
    assert parent is not None, "somebody started this process to help"

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def explain(seed: int, bug: str | None = None) -> str:
    """How a seed fails: the shortest schedule that does, and the command that plays it."""
    with planted(bug) if bug else nullcontext():
        schedule = schedule_of(seed)
        mistake = failure_of(schedule)
        if mistake is None:
            return f"Seed {seed} passes."
        schedule = shrunk(schedule)
        mistake = failure_of(schedule)
    option = f" --bug {bug}" if bug else ""
    command = f"python -m electricsql.testing.simulation --seed {seed}{option}"
    return f"Seed {seed} fails: {mistake}\n{schedule}\nRepeat it: {command}"


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """The command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m electricsql.testing.simulation")
    parser.add_argument("--seed", type=int, default=0, help="the (first) seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--bug", help="the name of a bug to plant")
    options = parser.parse_args(arguments)
    if options.count == 1 or options.bug:
        seeds = range(options.seed, options.seed + options.count)
        found = failures(seeds, options.bug)
        _say(f"{options.count} schedules, {len(found)} fail\n")
    else:
        found = play_many(options.seed, options.count, options.jobs)
    for failure in found[:3]:
        _say(explain(failure.seed, options.bug) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
