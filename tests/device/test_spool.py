"""Parts of a delta that wait for the last one."""

from collections.abc import Iterator

import pytest

from electricsql.device import spool
from electricsql.device.spool import Spool
from electricsql.protocol import DeltaPart


def parts(count: int, size: int = 100) -> list[DeltaPart]:
    return [
        DeltaPart(
            number, False, True, "epoch/5:5:", 0, number, count, blocks=(bytes([number]) * size,)
        )
        for number in range(count)
    ]


@pytest.fixture(params=[0, 350, 1 << 20])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """One that keeps everything on disk, a part of it, or everything in memory."""
    monkeypatch.setattr(spool, "SPOOL_BYTES", request.param)
    kept = Spool()
    yield kept
    kept.clear()


def test_what_was_kept_comes_back_in_its_order_each_time(kept: Spool) -> None:
    expected = parts(9)
    for part in expected:
        kept.add(part)
    assert list(kept.parts()) == expected
    assert list(kept.parts()) == expected


def test_what_was_cleared_does_not_come_back(kept: Spool) -> None:
    for part in parts(9):
        kept.add(part)
    kept.clear()
    assert list(kept.parts()) == []
    expected = parts(5, size=7)
    for part in expected:
        kept.add(part)
    assert list(kept.parts()) == expected
