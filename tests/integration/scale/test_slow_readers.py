"""Many devices, some of which read slowly or not at all: what the service holds has a bound, the
others are served, and who reads again gets everything."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hostile.stage import Target
from tests.integration.scale.stage import Scene, running, watched_service

pytestmark = pytest.mark.anyio
MIB = 1 << 20
BULKS = 3


@dataclass(frozen=True)
class Size:
    """How many devices read at 1 kB/s, how many not at all, how many come and go, and how many do
    none of this; how many rows are written in bulks, how many of 1 kB in one more, and for how long
    before and after that."""

    healthy: int
    slow: int
    deaf: int
    flapping: int
    rows: int
    large: int
    steady_s: float

    @property
    def crowds(self) -> tuple[dict[str, int], dict[str, int]]:
        """The devices of each process, by their kinds. Some of each look at what they get."""
        return {"healthy": self.healthy - 20}, {
            "looking": 10,
            "writing": 10,
            "slow": self.slow - 2,
            "slow-looking": 2,
            "deaf": self.deaf,
            "flapping": self.flapping,
        }


async def play(scene: Scene, size: Size) -> dict[str, Any]:
    """Steady writes, bulks of many small and of fewer large rows; then everybody reads. Gives
    what there is to say of it."""
    await scene.gather(*size.crowds)
    before = scene.memory.now()
    with scene.writers(2, 0.2):
        await asyncio.sleep(size.steady_s)
        for turn in range(BULKS):
            await scene.bulk(f"small {turn}", size.rows // BULKS, 50)
            await asyncio.sleep(size.steady_s / BULKS)
        await scene.bulk("large", size.large, 1_000)
        await asyncio.sleep(size.steady_s)
    start = time.monotonic()
    grown = scene.memory.highest() - before
    print(f"{grown // MIB} MiB more at its highest; now all read")
    await scene.all_do("all read")
    await scene.all_do("sync")
    report = await scene.report()
    latencies = sorted(report["looking"]["latencies_ms"])
    for each in report.values():
        del each["latencies_ms"]
    late_ms, busy_ms = scene.longest_stall_ms()
    return {
        "MiB before": before // MIB,
        "MiB more": grown // MIB,
        "MiB more, with all reading": (scene.memory.highest() - before) // MIB,
        "seconds until all have all": time.monotonic() - start,
        "latency of healthy devices, ms": {
            "median": statistics.median(latencies),
            "99 %": latencies[len(latencies) * 99 // 100],
            "longest": latencies[-1],
        },
        "longest stall, ms": late_ms,
        "longest work in one turn, ms": busy_ms,
        "devices": report,
    }


@pytest.fixture
async def scene(tmp_path: Path, cluster_url: str) -> Any:  # noqa: ANN401
    with watched_service(tmp_path, cluster_url) as (service, stalls):
        target = await Target.make(service, "scale")
        with running(target, stalls) as scene:
            yield scene
        assert "Traceback" not in target.new_log()


def judge(result: dict[str, Any], size: Size, mib_max: int) -> None:
    """Memory had a bound, nobody lost anything, and nobody was sent away."""
    print(json.dumps(result, indent=1))
    assert result["MiB more, with all reading"] < mib_max
    devices = result["devices"]
    for kind in ("looking", "slow-looking"):
        assert devices[kind]["bulk"] == [size.rows // BULKS * BULKS + size.large] * len(
            devices[kind]["bulk"]
        )
    assert not any(codes for codes in _byes(devices))
    assert devices["healthy"]["connections"] == size.healthy - 20
    assert devices["writing"]["written"] >= 10


def _byes(devices: dict[str, Any]) -> Iterator[list[str]]:
    for kind in ("healthy", "looking", "writing", "slow", "flapping"):
        yield devices[kind]["byes"]


async def test_slow_readers_among_some_devices(scene: Scene) -> None:
    size = Size(healthy=40, slow=6, deaf=2, flapping=2, rows=18_000, large=2_000, steady_s=1.0)
    judge(await play(scene, size), size, 96)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_slow_readers_among_500_devices(scene: Scene) -> None:
    size = Size(healthy=400, slow=50, deaf=25, flapping=25, rows=96_000, large=5_000, steady_s=12)
    judge(await play(scene, size), size, 224)
