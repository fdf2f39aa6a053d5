"""Runs a program, and writes down how long its event loops are busy with one thing.

    python -m tests.integration.scale.watched_process FILE MODULE [ARGUMENT…]

Once a second, a line: the longest time that the loop had not come around, in ms, and the longest
time for which its thread had worked meanwhile (less, if the machine had other things to do).
"""

import asyncio
import runpy
import sys
import time
from pathlib import Path
from typing import Final

from electricsql.service import environments

_BEAT_S: Final = 0.005
_LINE_S: Final = 1.0


async def _watch(path: Path) -> None:
    late = busy = 0.0
    said = time.monotonic()
    with path.open("a") as file:
        while True:
            wall, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(_BEAT_S)
            late = max(late, time.monotonic() - wall - _BEAT_S)
            busy = max(busy, time.thread_time() - worked)
            if time.monotonic() - said >= _LINE_S:
                print(f"{late * 1000:.1f} {busy * 1000:.1f}", file=file, flush=True)
                late, busy, said = 0.0, 0.0, time.monotonic()


def main() -> None:
    path, module, *arguments = sys.argv[1:]
    begin = environments.Environments.__init__
    watches = []

    def watched(self: environments.Environments, *more: object) -> None:
        watches.append(asyncio.get_running_loop().create_task(_watch(Path(path))))
        begin(self, *more)  # type: ignore[arg-type]

    environments.Environments.__init__ = watched  # type: ignore[method-assign,assignment]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
