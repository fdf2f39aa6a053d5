"""An app that was there before: Chinook in the files of two phones becomes an app's, and both come
together with Postgres, with nothing lost and nothing twice."""

import asyncio
import itertools
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from electricsql import Database, electrify
from tests.chinook import copy_chinook, tables_of
from tests.integration.whole.processes import App, Service
from tests.integration.whole.test_chinook import in_postgres

PATIENCE_S = 120
_numbers = itertools.count(1)
Content = dict[str, Counter[tuple[object, ...]]]


def content(database: sqlite3.Connection) -> Content:
    names = tables_of(database)
    return {name: Counter(database.execute(f'SELECT * FROM "{name}"')) for name in names}


def file_content(path: Path) -> Content:
    with closing(sqlite3.connect(path)) as database:
        return content(database)


@pytest.fixture
def music(service: Service, tmp_path: Path) -> App:
    """An app from a file."""
    seed = copy_chinook(tmp_path / "seed.sqlite")
    app = App(tmp_path / "app", service, f"music-{next(_numbers)}")
    app.folder.mkdir()
    app.electric("init", app.name, "--service", service.url, "--from-sqlite", str(seed))
    app.token = app.electric("token", "new", "--sub", "tester")
    app.electric("build")
    return app


def phone(app: App, folder: Path, name: str, *, sync: bool = True) -> Database:
    path = folder / f"{name}.db"
    if not path.exists():
        copy_chinook(path)
    return electrify(path, app.bundle, token=app.token, sync=sync)


def test_two_phones_with_the_same_rows_come_to_one(music: App, tmp_path: Path) -> None:
    music.electric("sync")
    seed = file_content(tmp_path / "seed.sqlite")
    with closing(phone(music, tmp_path, "a")) as one:
        assert content(one.connection) == seed
        one.sync(PATIENCE_S)
        with one.transaction():
            one.execute("UPDATE Artist SET Name = 'edited' WHERE ArtistId = 1")
            one.execute("DELETE FROM PlaylistTrack WHERE TrackId = 1")
        one.sync(PATIENCE_S)
        copy_chinook(tmp_path / "b.db")
        with closing(sqlite3.connect(tmp_path / "b.db")) as before:
            before.execute("INSERT INTO Artist VALUES (9000, 'of b alone')")
            before.commit()
        with closing(phone(music, tmp_path, "b")) as other:
            other.execute("UPDATE Artist SET Name = 'edited, too' WHERE ArtistId = 2")
            other.sync(PATIENCE_S)
            one.sync(PATIENCE_S)
            assert content(one.connection) == content(other.connection)
            assert other.status.quarantined == one.status.quarantined == 0
        artists = dict(
            one.execute("SELECT ArtistId, Name FROM Artist WHERE ArtistId IN (1, 2, 9000)")
        )
        assert artists == {1: "edited", 2: "edited, too", 9000: "of b alone"}
        assert one.execute("SELECT 1 FROM PlaylistTrack WHERE TrackId = 1").fetchall() == []
        counts = {name: sum(rows.values()) for name, rows in content(one.connection).items()}
    url = music.database_url()
    for name, count in counts.items():
        assert asyncio.run(in_postgres(url, f'SELECT count(*) FROM "{name}"')) == [(count,)]


ADOPT = """
import sys
from electricsql import electrify
electrify(sys.argv[1], sys.argv[2], token=sys.argv[3]).sync(120)
"""


def test_a_phone_that_is_killed_again_and_again_brings_each_row_once(
    music: App, tmp_path: Path
) -> None:
    music.electric("sync")
    path = copy_chinook(tmp_path / "a.db")
    before = file_content(path)
    for delay_s in (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 60):
        command = [sys.executable, "-c", ADOPT, str(path), str(music.bundle), music.token]
        process = subprocess.Popen(command, cwd=music.folder, stderr=subprocess.DEVNULL)
        try:
            process.wait(delay_s)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    with closing(phone(music, tmp_path, "a")) as one, closing(phone(music, tmp_path, "b")) as two:
        one.sync(PATIENCE_S)
        two.sync(PATIENCE_S)
        assert content(one.connection) == content(two.connection) == before
    found = asyncio.run(
        in_postgres(music.database_url(), "SELECT count(*) FROM electric.quarantine")
    )
    assert found == [(0,)]


async def fill_postgres(url: str, path: Path) -> list[tuple[object, ...]]:
    """Chinook as its Postgres edition has it, with its rows; gives where its tables' files are."""
    connection = await asyncpg.connect(url)
    with closing(sqlite3.connect(path)) as source:
        texts = source.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (sql,) in texts:
            table = re.sub(r"\[(\w+)\]", r'"\1"', sql).replace("NVARCHAR", "VARCHAR")
            table = table.replace("DATETIME", "TIMESTAMP")
            table = re.sub(r",\s*FOREIGN KEY.*?(?=,\s*FOREIGN KEY|\)\s*$)", "", table, flags=re.S)
            await connection.execute(table)
        for name in tables_of(source):
            rows = source.execute(f'SELECT * FROM "{name}"').fetchall()
            marks = ", ".join(f"${n}::text" for n in range(1, len(rows[0]) + 1))
            columns = await connection.fetch(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum",
                f'"{name}"',
            )
            values = ", ".join(
                f"{mark}::{type}" for mark, (type,) in zip(marks.split(", "), columns, strict=True)
            )
            texts_of = [[None if v is None else str(v) for v in row] for row in rows]
            await connection.executemany(f'INSERT INTO "{name}" VALUES ({values})', texts_of)
        for name in tables_of(source):
            keys = source.execute(f"PRAGMA foreign_key_list('{name}')").fetchall()
            for _, _, parent, column, to, *_ in keys:
                await connection.execute(
                    f'ALTER TABLE "{name}" ADD FOREIGN KEY ("{column}")'
                    f' REFERENCES "{parent}" ("{to}")'
                )
    await connection.close()
    return await in_postgres(url, FILES)


FILES = (
    "SELECT relname, relfilenode FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind = 'r' ORDER BY 1"
)


def test_chinook_in_postgres_and_in_a_phone_come_to_one(
    service: Service, database: str, tmp_path: Path
) -> None:
    seed = copy_chinook(tmp_path / "seed.sqlite")
    before = asyncio.run(fill_postgres(database, seed))
    app = App(tmp_path / "app", service, f"music-{next(_numbers)}")
    app.folder.mkdir()
    said = app.electric("init", app.name, "--service", service.url, "--from-postgres", database)
    assert f"that of {app.name}/default now" in said
    app.token = app.electric("token", "new", "--sub", "tester")
    app.electric("sync")
    assert asyncio.run(in_postgres(database, FILES)) == before
    assert app.database_url().endswith(database.rpartition("/")[2])

    with closing(electrify(tmp_path / "new.db", app.bundle, token=app.token)) as new:
        new.sync(PATIENCE_S)
        assert content(new.connection) == file_content(seed)
        with closing(phone(app, tmp_path, "old")) as old:
            old.sync(PATIENCE_S)
            old.execute("UPDATE Artist SET Name = 'edited' WHERE ArtistId = 1")
            old.sync(PATIENCE_S)
            new.sync(PATIENCE_S)
            assert content(new.connection) == content(old.connection)
            assert old.status.quarantined == 0
            with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
                new.execute("UPDATE Artist SET Name = ? WHERE ArtistId = 1", ("x" * 121,))
    names = asyncio.run(in_postgres(database, 'SELECT "Name" FROM "Artist" WHERE "ArtistId" = 1'))
    assert names == [("edited",)]
    app.electric("reset", "--yes")
    assert asyncio.run(in_postgres(database, 'SELECT count(*) FROM "Artist"')) == [(275,)]
