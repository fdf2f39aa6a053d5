"""A service process that is watched, and crowds of devices in processes of their own."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import asyncpg

from tests.integration.hostile.stage import Target
from tests.integration.scale.client import BULK, STAMPED
from tests.integration.service.conftest import FIRST
from tests.integration.whole.processes import Service

_SAMPLE_S: Final = 0.1


class Memory:
    """How much a process occupies, over time: (s, bytes)."""

    def __init__(self, pid: int) -> None:
        self.samples: list[tuple[float, int]] = []
        self._status = Path(f"/proc/{pid}/status")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def now(self) -> int:
        line = next(
            line for line in self._status.read_text().splitlines() if line.startswith("VmRSS:")
        )
        return int(line.split()[1]) << 10

    def highest(self, since: float = 0) -> int:
        return max(size for at, size in self.samples if at >= since)

    def _sample(self) -> None:
        while not self._stopping.wait(_SAMPLE_S):
            self.samples.append((time.monotonic(), self.now()))


@dataclass
class CrowdProcess:
    """Devices in a process of their own."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, place: Sequence[str], counts: Mapping[str, int]) -> "CrowdProcess":
        arguments = [*place, *(f"{kind}={count}" for kind, count in counts.items())]
        return cls(
            subprocess.Popen(
                [sys.executable, "-m", "tests.integration.scale.crowd", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    async def do(self, command: str) -> Any:  # noqa: ANN401
        """Give a command, and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(command, file=self.process.stdin, flush=True)
        answer = await asyncio.to_thread(self.process.stdout.readline)
        assert answer, "a crowd has ended"
        return json.loads(answer)

    def stop(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@dataclass
class Scene:
    """An environment of a watched service, and its crowds."""

    target: Target
    memory: Memory
    stalls: Path
    crowds: list[CrowdProcess] = field(default_factory=list)

    async def gather(self, *counts: Mapping[str, int]) -> None:
        """Have crowds come, each in a process."""
        url = f"{self.target.service.url.replace('http', 'ws', 1)}/ws/{self.target.path}"
        place = [url, await self.target.token(), FIRST]
        self.crowds += [CrowdProcess.start(place, each) for each in counts]
        await self.all_do("present")

    async def all_do(self, command: str) -> list[Any]:
        return await asyncio.gather(*(crowd.do(command) for crowd in self.crowds))

    async def report(self) -> dict[str, dict[str, Any]]:
        """What came of each kind of device."""
        report: dict[str, dict[str, Any]] = {}
        for answer in await self.all_do("report"):
            report |= answer
        return report

    def longest_stall_ms(self) -> tuple[float, float]:
        """How long the service's loop did not come around, and how long it worked meanwhile."""
        lines = [tuple(map(float, line.split())) for line in self.stalls.read_text().splitlines()]
        return max(line[0] for line in lines), max(line[1] for line in lines)

    async def bulk(self, name: str, rows: int, size: int) -> None:
        """Write many rows in one transaction, with text that can't be compressed much."""
        await self.target.query(
            "INSERT INTO notes SELECT $1 || i, (SELECT left(string_agg(md5(i || '.' || j), ''), $3)"
            " FROM generate_series(0, $3 / 32) j) FROM generate_series(1, $2) i",
            *(f"{BULK} {name} ", rows, size),
        )

    @contextmanager
    def writers(self, count: int, pause_s: float) -> Iterator[None]:
        """Programs that write a stamped row each, again and again."""
        tasks = [asyncio.create_task(self._write(number, pause_s)) for number in range(count)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def _write(self, number: int, pause_s: float) -> None:
        connection = await asyncpg.connect(self.target.database_url)
        turn = 0
        try:
            while True:
                turn += 1
                stamp = f"{STAMPED} {time.monotonic_ns()}"
                await connection.execute(
                    "INSERT INTO notes VALUES ($1, $2)", f"direct {number} {turn}", stamp
                )
                await asyncio.sleep(pause_s)
        finally:
            connection.terminate()


class WrappedService(Service):
    """One that is run by a module of the tests."""

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "PYTHONPATH": os.getcwd()}


@contextmanager
def wrapped_service(
    folder: Path, cluster_url: str | None, *wrapper: str
) -> Iterator[WrappedService]:
    """A service that is run by a module here."""
    module, *arguments = wrapper
    full = (f"tests.integration.scale.{module}", *arguments)
    service = WrappedService(folder, cluster_url, wrapper=full)
    service.start()
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def watched_service(folder: Path, cluster_url: str | None) -> Iterator[tuple[Service, Path]]:
    """A service that runs, and the file with its stalls."""
    stalls = folder / "stalls"
    with wrapped_service(folder, cluster_url, "watched_process", str(stalls)) as service:
        yield service, stalls


@contextmanager
def running(target: Target, stalls: Path) -> Iterator[Scene]:
    """A scene; its crowds end with it."""
    assert target.service.process is not None
    with Memory(target.service.process.pid) as memory:
        scene = Scene(target, memory, stalls)
        try:
            yield scene
        finally:
            for crowd in scene.crowds:
                crowd.stop()
