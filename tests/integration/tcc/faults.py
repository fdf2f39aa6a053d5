"""What goes wrong, one function for each: it strikes while everybody transacts, and returns when it
is over. Nobody is helped afterwards, but for what was killed, which is started again.

How long a fault lasts, within bounds, and whom it meets, is random.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

import asyncpg

from tests.integration.tcc.mangling import Damage, FrameMangler
from tests.integration.tcc.proxy import Proxy
from tests.integration.tcc.sessions import SessionProcess
from tests.integration.tcc.stage import Stage, server_processes, signal_all

_SLOW_BYTES_PER_S: Final = 1_000
_FRAMES_STRUCK_MAX: Final = 6
_OFFSET_MAX: Final = 120


@dataclass(frozen=True)
class Strike:
    """What a fault gets: whom it may meet, its dice, and its time."""

    stage: Stage
    random: Random
    shortest_s: float
    longest_s: float

    def last(self) -> None:
        """The time it lasts."""
        time.sleep(self.seconds())

    def seconds(self) -> float:
        """How long it lasts."""
        return self.random.uniform(self.shortest_s, self.longest_s)

    def some_devices(self) -> list[SessionProcess]:
        """About a third of them."""
        devices = self.stage.devices
        return self.random.sample(devices, max(1, len(devices) // 3))

    def some_links(self) -> list[Proxy]:
        return [self.stage.links[device.name] for device in self.some_devices()]

    def all_links(self) -> list[Proxy]:
        return list(self.stage.links.values())

    def again(self, sessions: Sequence[SessionProcess]) -> None:
        """Start what was killed."""
        self.stage.start(*sessions)
        for session in sessions:
            session.tell("run")


Fault = Callable[[Strike], None]


def devices_killed(strike: Strike) -> None:
    victims = strike.some_devices()
    for victim in victims:
        victim.kill()
    strike.last()
    strike.again(victims)


def devices_stopped(strike: Strike) -> None:
    victims = strike.some_devices()
    for victim in victims:
        victim.signal(signal.SIGSTOP)
    strike.last()
    for victim in victims:
        victim.signal(signal.SIGCONT)


def service_killed(strike: Strike) -> None:
    strike.stage.service.kill()
    strike.last()
    strike.stage.service.start()


def service_stopped(strike: Strike) -> None:
    process = strike.stage.service.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    strike.last()
    process.send_signal(signal.SIGCONT)


def postgres_killed(strike: Strike) -> None:
    kill_postgres(strike.stage)
    strike.last()
    strike.stage.postgres.start()


def postgres_stopped(strike: Strike) -> None:
    processes = server_processes(strike.stage.postgres)
    signal_all(processes, signal.SIGSTOP)
    strike.last()
    signal_all(reversed(processes), signal.SIGCONT)


def all_killed(strike: Strike) -> None:
    stage = strike.stage
    sessions = [session for session in stage.sessions.values() if session.is_alive]
    for session in sessions:
        session.kill()
    stage.service.kill()
    kill_postgres(stage)
    strike.last()
    stage.postgres.start()
    stage.service.start()
    strike.again(sessions)


def all_stopped(strike: Strike) -> None:
    stage = strike.stage
    assert stage.service.process is not None
    sessions = [session.pid for session in stage.sessions.values() if session.is_alive]
    stopped = [*server_processes(stage.postgres), stage.service.process.pid, *sessions]
    signal_all(stopped, signal.SIGSTOP)
    strike.last()
    strike.random.shuffle(stopped)
    signal_all(stopped, signal.SIGCONT)


def kill_postgres(stage: Stage) -> None:
    """SIGKILL to the server and all its processes."""
    pid = stage.postgres.pid
    signal_all(server_processes(stage.postgres), signal.SIGKILL)
    while stage.postgres.pid == pid:
        time.sleep(0.01)


def devices_cut_off(strike: Strike) -> None:
    with healed(strike.some_links()) as links:
        for link in links:
            link.cut()
        strike.last()


def devices_unheard(strike: Strike) -> None:
    """Their packets are lost, in one direction or both; TCP sends them again when it is over."""
    with healed(strike.some_links()) as links:
        for link in links:
            link.freeze(*strike.random.choice([(), (link.up,), (link.down,)]))
        strike.last()


def links_flap(strike: Strike) -> None:
    end = time.monotonic() + max(1.0, strike.seconds())
    while time.monotonic() < end:
        for link in strike.some_links():
            link.flap()
        time.sleep(strike.random.uniform(0, 0.5))


def links_half_open(strike: Strike) -> None:
    """Connections that neither end knows to be dead, in one direction or both."""
    with healed(strike.some_links()) as links:
        for link in links:
            link.lose(*strike.random.choice([(), (link.up,), (link.down,)]))
        strike.last()


def postgres_cut_off(strike: Strike) -> None:
    with healed([strike.stage.hub_link]) as (link,):
        link.cut()
        strike.last()


def postgres_unheard(strike: Strike) -> None:
    with healed([strike.stage.hub_link]) as (link,):
        link.freeze(*strike.random.choice([(), (link.up,), (link.down,)]))
        strike.last()


def postgres_half_open(strike: Strike) -> None:
    with healed([strike.stage.hub_link]) as (link,):
        link.lose(*strike.random.choice([(), (link.up,), (link.down,)]))
        strike.last()


def links_delay(strike: Strike) -> None:
    with healed([*strike.all_links(), strike.stage.hub_link]) as links:
        for link in links:
            link.up.delay_s = link.down.delay_s = strike.random.uniform(0, 0.3)
        strike.last()


def devices_read_slowly(strike: Strike) -> None:
    with healed(strike.some_links()) as links:
        for link in links:
            link.down.bytes_per_s = _SLOW_BYTES_PER_S
            link.flap()
        strike.last()


def frames_damaged(strike: Strike) -> None:
    """Connection after connection, a frame is damaged at any of its bytes."""

    def mangler() -> FrameMangler:
        damage = strike.random.choice(list(Damage))
        frame = strike.random.randrange(_FRAMES_STRUCK_MAX)
        offset = strike.random.randrange(_OFFSET_MAX)
        return FrameMangler(damage, lambda number, _: number == frame, offset)

    with healed(strike.all_links()) as links:
        for link in links:
            link.up.mangler = link.down.mangler = mangler
            link.flap()
        strike.last()


def tables_locked(strike: Strike) -> None:
    """Somebody keeps tables locked in Postgres."""

    async def lock() -> None:
        connection = await asyncpg.connect(strike.stage.url)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE registers, entries IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(strike.seconds())
        finally:
            await connection.close()

    asyncio.run(lock())


@contextmanager
def healed(links: list[Proxy]) -> Iterator[list[Proxy]]:
    """Links that work again in the end."""
    try:
        yield links
    finally:
        for link in links:
            link.heal()


FAULTS: Final[dict[str, Fault]] = {
    "devices killed": devices_killed,
    "devices stopped (SIGSTOP)": devices_stopped,
    "service killed": service_killed,
    "service stopped (SIGSTOP)": service_stopped,
    "Postgres killed": postgres_killed,
    "Postgres stopped (SIGSTOP)": postgres_stopped,
    "everything killed at once": all_killed,
    "everything stopped at once (SIGSTOP)": all_stopped,
    "devices cut off": devices_cut_off,
    "devices unheard (packets lost, one way or both)": devices_unheard,
    "flapping links": links_flap,
    "half-open connections of devices": links_half_open,
    "Postgres cut off from the service": postgres_cut_off,
    "Postgres unheard by the service": postgres_unheard,
    "half-open connections to Postgres": postgres_half_open,
    "delays of up to 300 ms a way": links_delay,
    "devices read 1 kB/s": devices_read_slowly,
    "frames damaged at any byte": frames_damaged,
    "tables locked in Postgres": tables_locked,
}
