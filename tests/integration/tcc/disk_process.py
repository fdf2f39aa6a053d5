"""Opens new files while one call to the disk fails, the k-th: for each k from FIRST on, by STEP.

    python -m tests.integration.tcc.disk_process FOLDER BUNDLE ERRNO FIRST STEP

Whatever fails, it is said as one of our errors or one of SQLite's; what was committed is there,
nothing is torn, and once the disk works the file can be opened and written. It ends when a whole
round went by without reaching the k-th call, and prints how many calls have failed.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from electricsql import ElectricError, electrify
from tests.integration.tcc.disk import Disk

TABLES = """\
CREATE TABLE lefts (id INTEGER PRIMARY KEY NOT NULL);
CREATE TABLE rights (id INTEGER PRIMARY KEY NOT NULL);
"""


def write(path: Path, bundle: str, number: int) -> bool:
    """Open a file and write a pair into it; whether that worked."""
    try:
        with electrify(path, bundle, sync=False) as database, database.transaction():
            database.execute("INSERT INTO lefts VALUES (?)", (number,))
            database.execute("INSERT INTO rights VALUES (?)", (number,))
    except (sqlite3.Error, ElectricError):
        return False
    return True


def read(path: Path) -> set[int]:
    """The pairs in a file, of which none is torn."""
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        lefts, rights = (
            {id for (id,) in file.execute(f"SELECT id FROM {name}")} for name in ("lefts", "rights")
        )
    assert lefts == rights, f"{lefts} is not {rights}"
    return lefts


def main(folder: str, bundle: str, error: str, first: str, step: str) -> None:
    disk = Disk.of_this_process()
    k, failures = int(first), 0
    while True:
        path = Path(folder) / f"{k}.db"
        disk.fail(k, int(error), once=True)
        committed = write(path, bundle, 1)
        failed = disk.failed
        disk.heal()
        assert write(path, bundle, 2), "the disk works again"
        assert read(path) >= ({1, 2} if committed else {2})
        failures += failed
        if not failed:
            break
        k += int(step)
    print(failures)


if __name__ == "__main__":
    main(*sys.argv[1:])
