"""A large delta on its way into a file, the same in every process: for tests that break it off.

    python -m tests.device.crossing FILE LOG

makes a file, has it receive the delta, and prints how much of the disk's log there was when the
delta was about to be applied, and when all was tidy.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from electricsql.device.apply import Arrived, apply_delta
from electricsql.device.file import connect
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.replica import Replica
from electricsql.device.schemas import Schemas
from electricsql.schema import Schema, Value
from tests.device.files import NOTES, NOW_MS, DeviceFile, applied, plain
from tests.device.hubs import MemoryHub, delete, insert, update

Rows = list[tuple[Value, ...]]
COUNT = 20
OWN = (
    "INSERT INTO notes (id, body) VALUES ('m1', 'mine'), ('m2', 'mine')",
    "UPDATE notes SET body = 'mine' WHERE id IN ('n02', 'n03')",
    "DELETE FROM notes WHERE id IN ('n04', 'n05', 'm2')",
)
LATE = (
    "INSERT OR IGNORE INTO notes (id, body) VALUES ('m3', 'late')",
    "UPDATE notes SET body = 'later' WHERE id IN ('n06', 'n07')",
    "UPDATE notes SET body = 'late' WHERE id IN ('n06', 'n07')",
    "DELETE FROM notes WHERE id = 'n08'",
)


def make(path: Path) -> None:
    """A file that has the hub's rows as they were, and unsent changes."""
    file = DeviceFile(path, NOTES)
    write_meta(file.engine, origin=1)
    delta = _hub(file.schema).delta(1, None)
    apply_delta(file.engine, file.schemas, Arrived(*delta), NOW_MS)
    for statement in OWN:
        file.app.execute(statement)
        file.seal()
    file.close()


def receive(path: Path, *, whole: bool, ready: Callable[[Replica], object]) -> None:
    """Take the delta of all that is new at the hub; something happens when it is ready."""
    with small_limits(), closing(Replica(path)) as replica, closing(connect(path)) as program:
        cursor = None if whole else read_meta(program).cursor
        earlier, last = _newer(Schemas().at(program, applied(NOTES)[0].name)).delta(1, cursor)
        for part in earlier:
            replica.stage(part)
            for _ in replica.get_ready(NOW_MS):
                pass
        for _ in replica.get_ready(NOW_MS, last):
            pass
        if str(read_meta(program).cursor) != last.cursor:
            for statement in LATE:
                program.execute(statement)
        ready(replica)
        replica.apply(last, NOW_MS)
        for _ in replica.tidy():
            pass


@contextmanager
def small_limits() -> Iterator[None]:
    """Every table is large."""
    with (
        patch("electricsql.device.building.IN_PLACE_ROWS_MAX", 0),
        patch("electricsql.device.ready.IN_PLACE_ROWS_MAX", 0),
        patch("electricsql.device.building.LATE_ROWS_MAX", 1),
    ):
        yield


def outcomes(path: Path, *, whole: bool) -> tuple[Rows, Rows]:
    """What the file, which is made here, shows before the delta and after it."""
    make(path)
    shown: list[Rows] = []
    receive(path, whole=whole, ready=lambda _: shown.append(rows(path)))
    return shown[0], rows(path)


def rows(path: Path) -> Rows:
    with closing(plain(path)) as file:
        return file.execute("SELECT * FROM notes ORDER BY id").fetchall()


def _hub(schema: Schema) -> MemoryHub:
    hub = MemoryHub(schema)
    hub.write(*(insert(schema.tables["notes"], id=f"n{number:02}") for number in range(COUNT)))
    return hub


def _newer(schema: Schema) -> MemoryHub:
    hub, table = _hub(schema), schema.tables["notes"]
    hub.write(*(update(table, (f"n{n:02}",), done=1) for n in range(0, COUNT, 2)))
    hub.write(delete(table, ("n01",)), delete(table, ("n03",)))
    hub.write(*(insert(table, id=f"x{number}", body="new") for number in range(COUNT)))
    return hub


def main(file: str, log: str) -> None:
    path = Path(file)
    make(path)

    def tell(_: Replica | None) -> None:
        print(Path(log).stat().st_size, flush=True)

    receive(path, whole=False, ready=tell)
    tell(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
