"""`python -m benchmarks [NAME…] [--json FILE] [--markdown FILE] [--scale F]`."""

import argparse
import asyncio
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import (
    applying,
    building,
    catching_up,
    connections,
    direct_writes,
    first_sync,
    latency,
    local_writes,
    merging,
    versions,
    waiting,
)
from benchmarks.machine import describe
from benchmarks.measuring import Result
from benchmarks.stage import Stage
from benchmarks.table import show, write_json, write_markdown
from electricsql.errors import ElectricError

SUBJECTS: Final[dict[str, Callable[[Stage], Iterator[Result]]]] = {
    "local-writes": local_writes.run,
    "direct-writes": direct_writes.run,
    "applying": applying.run,
    "first-sync": first_sync.run,
    "merging": merging.run,
    "waiting": waiting.run,
    "latency": latency.run,
    "catching-up": catching_up.run,
    "connections": connections.run,
    "building": building.run,
    "versions": versions.run,
}


def main() -> None:
    """Measure what was named, or everything; print the table."""
    parser = _parser()
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - SUBJECTS.keys():
        parser.error(f"there is no subject {', '.join(sorted(unknown))}")
    for path in filter(None, (arguments.json, arguments.markdown)):
        if not path.parent.is_dir():
            parser.error(f"there is no folder {path.parent}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what we started ends too
    try:
        results, machine = _measure(arguments.names or [*SUBJECTS], arguments.scale)
    except ElectricError as error:
        parser.exit(1, f"{error}\n")
    for what, value in machine.items():
        print(f"{what}: {value}")
    show(results)
    if arguments.json is not None:
        write_json(results, machine, arguments.json)
    if arguments.markdown is not None:
        write_markdown(results, machine, arguments.markdown)


def _measure(names: Sequence[str], scale: float) -> tuple[list[Result], dict[str, str]]:
    """The results, and what they were measured on."""
    results: list[Result] = []
    with Stage(scale) as stage:
        for name in names:
            start = time.monotonic()
            for result in SUBJECTS[name](stage):
                results.append(result)
                _say(f"{name}: {result.what}: {result.ratio:.2f}")
            _say(f"{name} took {time.monotonic() - start:.0f} s")
        return results, asyncio.run(describe(stage.postgres_url))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="What electricsql costs, as ratios."
    )
    named = f"what to measure: {', '.join(SUBJECTS)} (default: everything)"
    parser.add_argument("names", nargs="*", metavar="NAME", help=named)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table as Markdown")
    parser.add_argument(
        "--scale", type=_positive, default=1.0, metavar="F", help="0.1: a tenth of the rows"
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
