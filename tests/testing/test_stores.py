"""The stores keep their contract; and the SQLite files do the same as the dicts in simulated
worlds."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from electricsql.testing.contract import DeviceContract, HubContract, names
from electricsql.testing.dict_device import DictDevice
from electricsql.testing.dict_hub import DictHub
from electricsql.testing.paired_device import Apart, PairedDevice
from electricsql.testing.simulation import failure_of, schedule_of
from electricsql.testing.sqlite_device import SqliteDevice
from electricsql.testing.stores import DeviceStore, HubStore


class TestDictDevice(DeviceContract):
    def new_device(self) -> DeviceStore:
        return DictDevice(names())


class TestSqliteDevice(DeviceContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def new_device(self) -> DeviceStore:
        return SqliteDevice(self.folder, names())


class TestDictHub(HubContract):
    def new_hub(self) -> HubStore:
        return DictHub()


def compare(seed: int) -> None:
    """Play a schedule with both kinds of devices."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()

        def make(ids: Iterator[str]) -> DeviceStore:
            own = Path(folder) / str(next(numbers))
            own.mkdir()
            return PairedDevice(ids, lambda again: SqliteDevice(own, again))

        mistake = failure_of(schedule_of(seed), make)
        if mistake is not None and not isinstance(mistake.__cause__, Apart):
            raise mistake


@pytest.mark.parametrize("seed", range(40))
def test_files_do_what_dicts_do(seed: int) -> None:
    compare(seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_files_do_what_dicts_do_in_many_worlds() -> None:
    for seed in range(1_000, 2_000):
        compare(seed)
