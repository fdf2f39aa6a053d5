"""A first sync, the whole pipeline: from a new file to all rows in it.

Postgres and the service are processes of their own, and this one is the device: it opens a new
file, connects, and waits until everything is there. The baseline has the rows in memory, and
inserts them into a plain file in one transaction.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing

from benchmarks import notes
from benchmarks.measuring import Result, in_turns, scaled, timed
from benchmarks.postgres import connect, fill
from benchmarks.stage import SYNC_S_MAX, Stage

_ROUNDS = 5
_ROWS = 300_000


def run(stage: Stage) -> Iterator[Result]:
    """The row of this subject."""
    count = scaled(_ROWS, stage.scale)
    environment = stage.service.environment("first")
    asyncio.run(_fill(environment.database_url, count))
    rows = notes.rows(0, count)

    def ours(_: int) -> float:
        with stage.folder() as folder:
            with timed() as watch:
                db = environment.open(folder / "ours.db")
                db.sync(SYNC_S_MAX)
            with db:
                assert db.execute("SELECT count(*) FROM notes").fetchone() == (count,)
            return watch.seconds

    def plain(_: int) -> float:
        with stage.folder() as folder, closing(notes.open_plain(folder / "plain.db")) as database:
            with timed() as watch:
                database.execute("BEGIN IMMEDIATE")
                database.executemany(notes.INSERT, rows)
                database.execute("COMMIT")
            return watch.seconds

    what = f"first sync of {count:,} rows, whole pipeline"
    yield Result(what, "plain SQLite insert", 2.5, *in_turns(ours, plain, _ROUNDS))


async def _fill(url: str, count: int) -> None:
    connection = await connect(url)
    await fill(connection, count)
    await connection.close()
