"""One call to the disk fails, whichever it is; and what a power cut leaves."""

import errno
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from electricsql.migrations import bundle_json
from tests.device import crossing
from tests.device.files import bundle as made
from tests.device.files import plain
from tests.integration.tcc.disk import Act, Disk, Platter, compiled, recorded
from tests.integration.tcc.disk_process import TABLES

WRITTEN, CUT, SYNCED = 2, 3, 4
RECORD_BYTES = 24
Rows = crossing.Rows
ERRORS = [errno.ENOSPC, errno.EIO]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.soak)])
def test_any_call_may_fail(error: int, step: int, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_text(bundle_json(made(TABLES)))
    files = tmp_path / "files"
    files.mkdir()
    disk = Disk.before(files, compiled(tmp_path))
    arguments = [files, bundle, error, 1, step]
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.tcc.disk_process", *map(str, arguments)],
        env={**os.environ, **disk.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20 / step


def test_what_is_synced_survives_a_power_cut_and_of_the_rest_some_sectors_do() -> None:
    platter = Platter()
    for act in (
        Act(WRITTEN, "", 0, b"a" * 1024),
        Act(SYNCED, "", 0, b""),
        Act(WRITTEN, "", 0, b"b" * 1024),
        Act(WRITTEN, "-wal", 0, b"c" * 10),
        Act(CUT, "", 512, b""),
    ):
        platter.do(act)
    assert platter.cut(lambda: False) == {"": b"a" * 1024, "-wal": b""}
    assert platter.cut(lambda: True) == {"": b"b" * 512, "-wal": b"c" * 10}
    kept = iter([False, True, False, False])
    assert platter.cut(lambda: next(kept))[""] == b"a" * 512 + b"b" * 512


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.soak)])
def test_tables_change_places_or_not_whenever_the_process_or_the_power_goes(
    step: int, tmp_path: Path
) -> None:
    """After each write or sync from when a delta is ready: if the process ends, all that was
    written is there; after a power cut what was synced, and some sectors of the rest."""
    before, after = crossing.outcomes(tmp_path / "other.db", whole=False)
    disk = Disk.before(tmp_path / "a.db", compiled(tmp_path), recorded=True)
    done = subprocess.run(
        [sys.executable, "-m", crossing.__name__, str(tmp_path / "a.db"), str(disk.log)],
        env={**os.environ, **disk.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    ready, tidy = map(int, done.stdout.split())
    platter, random, seen = Platter(), Random(1), []
    size = place = 0
    for act in recorded(disk.log):
        platter.do(act)
        size += act_bytes(act)
        place += ready < size <= tidy
        if ready < size <= tidy and place % step == 1 % step:
            for kept in (lambda: True, lambda: False, lambda: random.random() < 0.5):
                seen.append(shown_after(tmp_path / "cut.db", platter.cut(kept), before, after))
    assert {False, True} == set(seen)


def act_bytes(act: Act) -> int:
    """How long its record is."""
    return RECORD_BYTES + len(act.name.encode()) + len(act.data)


def shown_after(path: Path, files: dict[str, bytes], before: Rows, after: Rows) -> bool:
    """Whether a file that was left like this has the new rows; it has the old ones otherwise, is
    whole, and goes on."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
        if ending in files and ending != "-shm":
            path.with_name(path.name + ending).write_bytes(files[ending])
    with closing(plain(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    shown = crossing.rows(path)
    assert shown in (before, after)
    crossing.receive(path, whole=False, ready=lambda _: None)
    assert crossing.rows(path) == after
    return shown == after
