"""One call to the disk fails, whichever it is; and what a power cut leaves."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from electricsql.migrations import bundle_json
from tests.device.files import bundle as made
from tests.integration.tcc.disk import Act, Disk, Platter, compiled
from tests.integration.tcc.disk_process import TABLES

WRITTEN, CUT, SYNCED = 2, 3, 4
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
