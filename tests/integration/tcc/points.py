"""Processes that are killed or stopped at a named point of their work: before or after each commit,
send and acknowledgement (`failpoint_process.py`).

As in `faults.py`, each fault strikes once, and returns when it is over; each time it takes the next
point.
"""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Final

from tests.integration.tcc import failpoint_process
from tests.integration.tcc.failpoint_process import DEVICE, MOMENTS, ONCE, SERVICE
from tests.integration.tcc.faults import Fault, Strike
from tests.integration.tcc.stage import signal_all

_REACHED_S: Final = 10.0
_COUNT_MAX: Final = 12
_LOOK_S: Final = 0.02

At = Callable[[Strike, tuple[str, ...]], None]
"""A strike at a point, which is the wrapper that a process gets."""


def at_each(points: tuple[str, ...], number: signal.Signals, at: At) -> Fault:
    """A fault that takes the next point each time it strikes."""
    places = product(points, MOMENTS)

    def strike(strike: Strike) -> None:
        point, moment = next(places)
        count = 1 if point in ONCE else strike.random.randint(1, _COUNT_MAX)
        at(strike, (failpoint_process.__name__, f"{point}@{moment}", str(count), number.name))

    return strike


def at_device(strike: Strike, wrapper: tuple[str, ...]) -> None:
    """A device ends at a point of its work, and is started again; or it stops, and goes on."""
    victim = strike.some_devices()[0]
    victim.kill()
    victim.wrapper = wrapper
    victim.start()
    victim.tell("run")
    victim.wrapper = ()
    if not _goes_on(strike, victim.pid):
        victim.signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL, victim.last_words()
        strike.again([victim])


def at_service(strike: Strike, wrapper: tuple[str, ...]) -> None:
    """The same of the service, which may come to its point before it is ready."""
    service = strike.stage.service
    service.kill()
    before, service.wrapper = service.process, wrapper
    with ThreadPoolExecutor(1) as pool:
        ready = pool.submit(service.try_start)
        while (process := service.process) is before or process is None:
            time.sleep(_LOOK_S)
        if not (goes_on := _goes_on(strike, process.pid)):
            process.kill()
            assert process.wait() == -signal.SIGKILL, "it has ended by itself"
        is_ready = ready.result()
    service.wrapper = ()
    if goes_on:
        assert is_ready
    else:
        service.kill()
        service.start()


def _goes_on(strike: Strike, pid: int) -> bool:
    """Wait until a process has come to its point. One that has stopped there goes on after a while;
    False if it is to be started again: it is dead, or does not get there in time."""
    end = time.monotonic() + _REACHED_S
    while time.monotonic() < end:
        match _state(pid):
            case "T":
                strike.last()
                signal_all([pid], signal.SIGCONT)
                return True
            case "Z":
                return False
        time.sleep(_LOOK_S)
    return False


def _state(pid: int) -> str:
    """What a child of ours does: "T" if it is stopped, "Z" if it is dead."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


POINTS: Final[dict[str, tuple[tuple[str, ...], signal.Signals, At]]] = {
    "devices killed at a named point": (DEVICE, signal.SIGKILL, at_device),
    "devices stopped at a named point": (DEVICE, signal.SIGSTOP, at_device),
    "service killed at a named point": (SERVICE, signal.SIGKILL, at_service),
    "service stopped at a named point": (SERVICE, signal.SIGSTOP, at_service),
}
