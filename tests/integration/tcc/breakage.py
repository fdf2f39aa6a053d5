"""More that goes wrong: disks, clocks, power, files.

As in `faults.py`, each function strikes once, and returns when it is over.
"""

import errno
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.integration.tcc.disk import Platter, recorded
from tests.integration.tcc.faults import Fault, Strike
from tests.integration.tcc.sessions import SessionProcess
from tests.integration.tcc.stage import Stage

_ACQUIRE_S: Final = 60.0
_HOURS_MAX: Final = 5
_FILES: Final = ("", "-wal", "-shm", "-journal", "-electric", "-electric-journal")
_SMASHED_BYTES: Final = 100


def disks_full(strike: Strike) -> None:
    _disks_fail(strike, errno.ENOSPC)


def disks_broken(strike: Strike) -> None:
    _disks_fail(strike, errno.EIO)


def _disks_fail(strike: Strike, error: int) -> None:
    """Each k-th write, sync, truncation or creation fails, for some k, on some devices."""
    disks = [strike.stage.disks[device.name] for device in strike.some_devices()]
    for disk in disks:
        disk.fail(strike.random.choice([1, 2, 3, 5, 7, 11, 17, 29]), error)
    strike.last()
    for disk in disks:
        disk.heal()


def clocks_wrong(strike: Strike) -> None:
    """The clocks of some devices are hours ahead or behind, and then right again."""
    disks = [strike.stage.disks[device.name] for device in strike.some_devices()]
    for disk in disks:
        disk.skew(3600 * strike.random.uniform(-_HOURS_MAX, _HOURS_MAX))
    strike.last()
    for disk in disks:
        disk.skew(0)


def power_cut(strike: Strike) -> None:
    """Devices end, and of what they had written and not synced some sectors are on the disk, and
    some are not."""
    victims = strike.some_devices()
    for victim in victims:
        victim.kill()
        log = strike.stage.disks[victim.name].log
        platter = strike.stage.platters.setdefault(victim.name, Platter())
        for act in recorded(log):
            platter.do(act)
        log.write_bytes(b"")
        left = platter.cut(lambda: strike.random.random() < 0.5)
        platter.settle(left)
        for ending in _FILES:
            Path(f"{victim.file}{ending}").unlink(missing_ok=True)
            if ending in left and ending != "-shm":
                Path(f"{victim.file}{ending}").write_bytes(left[ending])
    strike.last()
    strike.again(victims)


def file_restored(strike: Strike) -> None:
    """A device's file is put back to what it was some time ago."""
    stage, victim = strike.stage, strike.some_devices()[0]
    backup = stage.folder / "backup.db"
    _copy(victim.file, backup)
    _let_all_arrive(strike)
    stage.retire(victim)
    _remove(victim.file)
    backup.rename(victim.file)
    strike.again([stage.add_device(_next_name(stage, victim), victim.file)])
    strike.last()


def file_copied(strike: Strike) -> None:
    """A device's file is copied, and both are used."""
    stage, original = strike.stage, strike.some_devices()[0]
    name = _next_name(stage, original)
    copy = stage.folder / f"{name}.db"
    _copy(original.file, copy)
    strike.again([stage.add_device(name, copy)])
    strike.last()


def file_damaged(strike: Strike) -> None:
    """A device's file is damaged. Its program says so; it starts with a new file."""
    stage, victim = strike.stage, strike.some_devices()[0]
    _let_all_arrive(strike)
    stage.retire(victim)
    for ending in _FILES[1:]:
        Path(f"{victim.file}{ending}").unlink(missing_ok=True)
    with victim.file.open("r+b") as file:
        file.seek(strike.random.choice([0, _SMASHED_BYTES]))
        file.write(strike.random.randbytes(4096 - _SMASHED_BYTES))
    victim.start()
    assert victim.wait() != 0
    assert "electricsql.errors.DeviceError" in victim.last_words()
    _remove(victim.file)
    strike.again([stage.add_device(_next_name(stage, victim), victim.file)])
    strike.last()


def hub_restored(strike: Strike) -> None:
    """Postgres is put back to what it was some time ago. What was acknowledged since is lost there,
    and that is what a restored backup means; everybody has to agree all the same."""
    stage = strike.stage
    cluster, backup = stage.folder / "postgres" / "cluster", stage.folder / "backup"
    stage.postgres.stop()
    subprocess.run(["cp", "-a", cluster, backup], check=True)
    stage.postgres.start()
    stage.progress(3)
    stage.postgres.stop()
    shutil.rmtree(cluster)
    backup.rename(cluster)
    stage.postgres.start()
    stage.sync()  # a migration may be lost, too, and its owner has to apply it again


def _let_all_arrive(strike: Strike) -> None:
    """Go on for a while, until everybody has everything; then everybody transacts again. What is
    only in a file that gets lost is lost: that is not what is tried here."""
    stage = strike.stage
    stage.progress(3)
    stage.settle(time.monotonic(), _ACQUIRE_S)
    stage.run()


def _next_name(stage: Stage, device: SessionProcess) -> str:
    return f"{device.name.partition('.')[0]}.{len(stage.sessions)}"


def _copy(file: Path, target: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _remove(file: Path) -> None:
    for ending in _FILES:
        Path(f"{file}{ending}").unlink(missing_ok=True)


DISKS: Final[dict[str, Fault]] = {
    "devices' disks full (every k-th call)": disks_full,
    "devices' disks broken (I/O error at every k-th call)": disks_broken,
    "devices' clocks wrong by hours": clocks_wrong,
    "power cuts of devices": power_cut,
}
FILES: Final[dict[str, Fault]] = {
    "device file restored from a backup": file_restored,
    "device file copied to a second device": file_copied,
    "device file damaged": file_damaged,
}
LOSSES: Final[dict[str, Fault]] = {
    "hub restored from an older backup (what the backup lacks is lost)": hub_restored,
}
