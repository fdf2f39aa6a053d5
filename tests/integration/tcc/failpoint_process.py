"""Runs a program that kills or stops itself at a point of its work.

    python -m tests.integration.tcc.failpoint_process FUNCTION@MOMENT K SIGNAL MODULE [ARGUMENT…]

The K-th time that the moment comes, the process gets the signal (`SIGKILL`, `SIGSTOP`). The
function is one of ours (`package.module:function` or `…:Class.method`); the moment is `before` or
`after` a call of it. A context manager is a transaction: `before` is before its commit, and `after`
after it.

Nothing in the product knows of this: the functions are replaced wherever they were imported.
"""

import functools
import importlib
import inspect
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

DEVICE: Final = (
    "electricsql.device.file:transaction",  # every commit on the device
    "electricsql.device.replica:seal_committed",
    "electricsql.device.replica:Replica.apply",
    "electricsql.device.replica:Replica.load",
    "electricsql.device.replica:Replica.stage",
    "electricsql.device.replica:Replica.place",
    "websockets.asyncio.client:ClientConnection.send",
)
SERVICE: Final = (
    "electricsql.hub.connection:transaction",  # every commit at the hub, and every read
    "electricsql.hub.hub:Hub.merge",
    "electricsql.hub.hub:Hub.register",
    "electricsql.hub.hub:Hub.migrate",
    "electricsql.service.stream:DeviceStream.deliver",
    "electricsql.service.stream:DeviceStream.answer_pings",
    "electricsql.service.socket:Socket.send",
)
ONCE: Final = frozenset(
    {
        "electricsql.device.replica:Replica.place",
        "electricsql.hub.hub:Hub.register",
        "electricsql.hub.hub:Hub.migrate",
    }
)
"""Points to which a process comes once in a while only."""
MOMENTS: Final = ("before", "after")


class Trap:
    """Counts, and sends the signal at the K-th time."""

    def __init__(self, moment: str, count: int, number: signal.Signals) -> None:
        self._moment = moment
        self._left = count
        self._number = number

    def reached(self, moment: str) -> None:
        if moment == self._moment:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._number)


def set_trap(point: str, trap: Trap) -> None:
    """Replace the function wherever it is known."""
    module, _, path = point.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    original = getattr(owner, name)
    replaced = _trapped(original, trap)
    setattr(owner, name, replaced)
    for known in list(sys.modules.values()):
        if getattr(known, "__name__", "").startswith("electricsql"):
            for key, value in list(vars(known).items()):
                if value is original:
                    setattr(known, key, replaced)


def _trapped(original: Callable[..., Any], trap: Trap) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def awaited(*arguments: object, **named: object) -> object:
            trap.reached("before")
            result = await original(*arguments, **named)
            trap.reached("after")
            return result

        return awaited

    if inspect.isgeneratorfunction(inspect.unwrap(original)):
        return _trapped_transaction(original, trap)
    if inspect.isasyncgenfunction(inspect.unwrap(original)):
        return _trapped_async_transaction(original, trap)

    @functools.wraps(original)
    def called(*arguments: object, **named: object) -> object:
        trap.reached("before")
        result = original(*arguments, **named)
        trap.reached("after")
        return result

    return called


def _trapped_transaction(original: Callable[..., Any], trap: Trap) -> Callable[..., Any]:
    @contextmanager
    def entered(*arguments: object) -> Iterator[object]:
        with original(*arguments) as given:
            yield given
            trap.reached("before")
        trap.reached("after")

    return entered


def _trapped_async_transaction(original: Callable[..., Any], trap: Trap) -> Callable[..., Any]:
    @asynccontextmanager
    async def entered(*arguments: object) -> AsyncIterator[object]:
        async with original(*arguments) as given:
            yield given
            trap.reached("before")
        trap.reached("after")

    return entered


def main(point: str, count: str, number: str, *program: str) -> None:
    name, _, moment = point.rpartition("@")
    set_trap(name, Trap(moment, int(count), signal.Signals[number]))
    module, *arguments = program
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
