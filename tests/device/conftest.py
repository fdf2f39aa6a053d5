"""`device` makes a device's file from migrations; `close` is taken care of."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.device.files import DeviceFile

MakeDevice = Callable[..., DeviceFile]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[MakeDevice]:
    made: list[DeviceFile] = []

    def make(*migrations: str) -> DeviceFile:
        made.append(DeviceFile(tmp_path / f"device{len(made)}.db", *migrations))
        return made[-1]

    yield make
    for each in made:
        each.close()
