"""Files that are not as the hub has them are found out, row by row, and mended."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from electricsql import Database, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App
from tests.integration.whole.test_convergence import run, settle, write

SCHEMA = """
CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, body TEXT, at TIMESTAMPTZ, x REAL);
CREATE TABLE tags (note INTEGER REFERENCES notes ON DELETE CASCADE, tag TEXT,
    n NUMERIC, PRIMARY KEY (tag, note));
"""


DIRECT = (
    "INSERT INTO notes SELECT n, 'bulk', now(), n / 7.0 FROM generate_series(1000, 2999) n",
    "INSERT INTO tags VALUES (1000, 'a', -9223372036854775808), (1001, 'b', 0.1)",
    "DELETE FROM notes WHERE id > 2900",
)


@pytest.fixture
def notes(app: App) -> App:
    app.migrate("notes", SCHEMA)
    return app


@pytest.fixture
def one(notes: App, device: Open) -> Database:
    """A device that has some rows of its own, of Postgres', and of another device."""
    one, other = device("one"), device("other")
    write(one, *(f"INSERT INTO notes VALUES ({n}, 'mine', NULL, -0.0)" for n in range(20)))
    write(other, "INSERT INTO notes VALUES (100, 'theirs', '2024-02-29 12:00+01:00', 1e300)")
    settle(one, other)
    for statement in DIRECT:
        run(notes, statement)
    settle(one, other)
    one.close()
    return one


def verify(app: App, path: Path, *options: str) -> tuple[int, Any, str]:
    """Exit status, JSON and message of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "electricsql", "devices", "verify", str(path), "--json", *options],
        cwd=app.folder,
        env={**app.service.environ, "ELECTRIC_DEVICE_TOKEN": app.token},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def behind_its_back(path: Path, *statements: str) -> None:
    """Change a file as no program should: capture does not see it."""
    with closing(sqlite3.connect(path)) as program, program:
        program.execute("INSERT INTO _electric_guard VALUES (1)")
        for statement in statements:
            assert program.execute(statement).rowcount
        program.execute("DELETE FROM _electric_guard")


DAMAGE = (
    "UPDATE notes SET body = 'forged', x = 7 WHERE id = 1",
    "UPDATE notes SET at = '2024-02-29 11:00:01+00:00' WHERE id = 100",
    "DELETE FROM notes WHERE id = 1500",
    "INSERT INTO notes (id, body) VALUES (5000, 'invented')",
    "DELETE FROM tags WHERE note = 1000",
    "UPDATE tags SET n = 1 WHERE note = 1001",
)
DAMAGED = [
    ("notes", [1], True, True, ["body", "x"]),
    ("notes", [100], True, True, ["at"]),
    ("notes", [1500], False, True, []),
    ("notes", [5000], True, False, []),
    ("tags", ["a", 1000], False, True, []),
    ("tags", ["b", 1001], True, True, ["n"]),
]


def found(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    fields = ("table", "key", "here", "atHub", "columns")
    return sorted(tuple(each[field] for field in fields) for each in answer["differences"])


def test_a_sound_file_is_said_to_be_sound(notes: App, one: Database) -> None:
    status, answer, message = verify(notes, one.path)
    assert (status, message) == (0, "")
    assert answer == {
        "sound": True,
        "rows": 1924,
        "unsettled": 0,
        "complete": True,
        "differences": [],
        "repaired": None,
    }
    shown = notes.electric("devices", "verify", str(one.path), "--token", notes.token)
    assert shown == "1924 rows compared, all equal."


def test_exactly_the_damaged_rows_are_named_and_mended(
    notes: App, one: Database, device: Open
) -> None:
    behind_its_back(one.path, *DAMAGE)
    status, answer, message = verify(notes, one.path)
    assert status == 1
    assert found(answer) == DAMAGED
    assert "6 rows of" in message
    assert "--repair" in message
    assert message.endswith("[rows-differ]\n")
    status, answer, _ = verify(notes, one.path, "--repair")
    assert (status, answer["sound"], answer["repaired"]) == (0, True, True)
    assert found(answer) == DAMAGED
    assert verify(notes, one.path)[0] == 0
    with electrify(one.path, notes.bundle, token=notes.token) as mended:
        other = device("third")
        other.sync()
        for table in ("notes", "tags"):
            found_rows = [
                database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                for database in (mended, other)
            ]
            assert found_rows[0] == found_rows[1]


def test_unsent_work_is_neither_reported_nor_lost(notes: App, one: Database, device: Open) -> None:
    behind_its_back(one.path, *DAMAGE)
    with electrify(one.path, notes.bundle, sync=False) as local:
        write(
            local,
            "UPDATE notes SET body = 'unsent' WHERE id = 2",
            "INSERT INTO notes VALUES (6000, 'unsent too', NULL, NULL)",
            "DELETE FROM notes WHERE id = 3",
        )
    status, answer, _ = verify(notes, one.path, "--repair")
    assert (status, found(answer)) == (0, DAMAGED)
    other = device("third")
    other.sync()
    texts = dict(other.execute("SELECT id, body FROM notes").fetchall())
    assert (texts[2], texts[6000]) == ("unsent", "unsent too")
    assert 3 not in texts


def test_everybody_writes_meanwhile(notes: App, one: Database, device: Open) -> None:
    """The file's own app, too: its changes are unsent for a moment, and left out."""
    third = device("third")
    third.sync()
    ended = threading.Event()

    def keep_writing(path: Path, first: int) -> None:
        with electrify(path, notes.bundle, sync=False) as writer:
            for number in range(100_000):
                if ended.is_set():
                    return
                row = first + number % 99
                write(writer, f"UPDATE notes SET body = '{number}' WHERE id = {row}")
                time.sleep(0.01)

    places = ((third.path, 1000), (one.path, 1050))
    writers = [threading.Thread(target=keep_writing, args=place) for place in places]
    for writer in writers:
        writer.start()
    try:
        for _ in range(2):
            assert verify(notes, one.path)[0] == 0
        behind_its_back(one.path, *DAMAGE)
        status, answer, _ = verify(notes, one.path, "--repair")
        assert (status, answer["repaired"]) == (0, True)
        assert found(answer) == DAMAGED
    finally:
        ended.set()
        for writer in writers:
            writer.join()


def test_a_file_that_another_program_syncs_is_not_waited_for(
    notes: App, one: Database, device: Open
) -> None:
    device("one")
    status, _, message = verify(notes, one.path)
    assert status == 1
    assert message.endswith("[synced-elsewhere]\n")
