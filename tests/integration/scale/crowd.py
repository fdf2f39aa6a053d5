"""Many devices in one process, told what to do by lines on its standard input.

    python -m tests.integration.scale.crowd URL TOKEN VERSION KIND=COUNT…

`present` waits until all are connected; `all read` makes everybody fast; `sync` waits until all
have everything; `report` prints what there is to say of each kind. Each is answered by a line of
JSON. It ends when its input does.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import uvloop

from tests.integration.scale.client import Client, Place

SLOW_BYTES_PER_S: Final = 1_000
KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "healthy": {},
    "looking": {"looks": True},
    "writing": {},
    "slow": {"bytes_per_s": SLOW_BYTES_PER_S},
    "slow-looking": {"bytes_per_s": SLOW_BYTES_PER_S, "looks": True},
    "deaf": {"bytes_per_s": 0},
    "flapping": {"flaps": True},
}
_AT_A_TIME: Final = 25
_WRITE_S: Final = 1.0


class Crowd:
    """The devices of one process."""

    def __init__(self, place: Place, counts: Mapping[str, int]) -> None:
        self.clients = {
            kind: [Client(place, f"{kind:0<16}-{number:04}", **KINDS[kind]) for number in range(n)]
            for kind, n in counts.items()
        }
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def everybody(self) -> list[Client]:
        return [client for kind in self.clients.values() for client in kind]

    async def come(self) -> None:
        """Connect all; some at a time."""
        for number, client in enumerate(self.everybody):
            self._tasks.append(asyncio.create_task(client.run()))
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0.1)
        while not all(client.parts or client.bytes_per_s == 0 for client in self.everybody):
            await asyncio.sleep(0.05)
        self._tasks += [
            asyncio.create_task(_write(each)) for each in self.clients.get("writing", ())
        ]

    async def perform(self, command: str) -> object:
        """Do what a line says; gives the answer."""
        match command:
            case "present":
                await self.come()
            case "all read":
                for client in self.everybody:
                    client.read_all()
            case "sync":
                await asyncio.gather(*(client.synced() for client in self.everybody))
            case "report":
                return {kind: _report(clients) for kind, clients in self.clients.items()}
        return command


def _report(clients: list[Client]) -> dict[str, object]:
    return {
        "connections": sum(client.connections for client in clients),
        "parts": sum(client.parts for client in clients),
        "byes": [code for client in clients for code in client.byes],
        "bulk": [len(client.bulk) for client in clients if client.looks],
        "latencies_ms": [ms for client in clients for ms in client.latencies_ms],
        "written": sum(client.acknowledged for client in clients),
    }


async def _write(client: Client) -> None:
    while True:
        with suppress(OSError):
            await client.write(1)
        await asyncio.sleep(_WRITE_S)


async def main() -> None:
    place = Place(*sys.argv[1:4])
    counts = {kind: int(count) for kind, _, count in (a.partition("=") for a in sys.argv[4:])}
    crowd = Crowd(place, counts)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await crowd.perform(line.strip())), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
