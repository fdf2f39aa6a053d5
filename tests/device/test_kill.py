"""A process that is killed in the middle of applying a delta leaves the file as it was."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from electricsql.device.apply import Arrived, apply_delta
from electricsql.device.meta import read_meta
from electricsql.limits import LARGE_DELTA_ROWS_MIN
from electricsql.protocol import DeltaPart
from electricsql.replication import Row
from tests.device.files import NOTES, NOW_MS, DeviceFile, applied
from tests.device.hubs import Delta, block_of, cursor_at, delta_of

MORE = "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'"
LARGE = LARGE_DELTA_ROWS_MIN + 1
DIE = "import sys; from tests.device.test_kill import wait_halfway; wait_halfway(*sys.argv[1:])"


def delta(one: DeviceFile, rows: int) -> Delta:
    """Rows from n0 on, in two parts; in the first are a migration, and our acknowledgement."""
    table = one.schema.tables["notes"]
    notes = [
        Row({"id": f"n{number}", "body": "theirs", "done": 0}, {}, 1, 0 if number else 1, 1)
        for number in range(rows)
    ]
    blocks = [[block_of(table, notes[: rows // 2])], [block_of(table, notes[rows // 2 :])]]
    return delta_of(blocks, answer=(1, ()), migrations=applied(NOTES, MORE)[1:])


def wait_halfway(path: str, rows: str) -> None:
    """Apply the delta, but say so and wait for ever when its first part is in."""
    one = DeviceFile(Path(path), NOTES)
    earlier, last = delta(one, int(rows))

    def parts() -> Iterator[DeltaPart]:
        yield from earlier
        print("halfway", flush=True)
        signal.pause()

    apply_delta(one.engine, one.schemas, Arrived(parts(), last), NOW_MS)


@pytest.mark.parametrize("rows", [10, LARGE])
def test_a_kill_while_applying_changes_nothing(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.db"
    one = DeviceFile(path, NOTES)
    one.app.execute("INSERT INTO notes (id, body) VALUES ('n0', 'mine'), ('m1', 'mine')")
    one.seal()
    meta = read_meta(one.app)
    before = (one.rows("notes"), meta, len(one.unsent()))
    schema = one.read("SELECT * FROM sqlite_schema ORDER BY name")
    one.close()
    with subprocess.Popen(
        [sys.executable, "-c", DIE, str(path), str(rows)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halfway\n"
        process.kill()
    one = DeviceFile(path, NOTES)
    assert (one.rows("notes"), read_meta(one.app), len(one.unsent())) == before
    assert one.read("SELECT * FROM sqlite_schema ORDER BY name") == schema
    assert one.read("PRAGMA integrity_check") == [("ok",)]
    one.app.execute("UPDATE notes SET body = 'again'")
    assert one.seal() == meta.number + 1

    apply_delta(one.engine, one.schemas, Arrived(*delta(one, rows)), NOW_MS)
    assert read_meta(one.app).cursor == cursor_at(100)
    assert len(one.rows("notes")) == rows + 1
    one.close()
