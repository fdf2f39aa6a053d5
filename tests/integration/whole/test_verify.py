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
-- @allow device-local-key reason="the tests give them"
CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, body TEXT, at TIMESTAMPTZ, x REAL);
CREATE TABLE tags (note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, tag TEXT NOT NULL,
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
    assert "differs from its hub in 6 rows." in message
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


ODD = """
-- @allow device-local-key reason="the tests give them"
CREATE TABLE odd (id INTEGER PRIMARY KEY NOT NULL, i INTEGER, r REAL, t TEXT, b BLOB, yes BOOLEAN,
    d DATE, ti TIME, ts TIMESTAMP, tz TIMESTAMPTZ, u UUID, j JSON, n NUMERIC);
CREATE TABLE keys (u UUID, n NUMERIC, tz TIMESTAMPTZ, b BLOB, r REAL, yes BOOLEAN,
    PRIMARY KEY (u, n, tz, b, r, yes)) WITHOUT ROWID;
"""
FROM_DEVICE = (
    "INSERT INTO odd VALUES (1, 9223372036854775807, -0.0, '', x'', 0, '0001-01-01', '00:00',"
    " '0001-01-01T00:00:00.5', '2024-02-29 12:00:00.000001-11:30',"
    " '2B0D7B3D-6F0C-4F0E-9D3C-1F1F1F1F1F1F', ' [1.0, 1] ', -9223372036854775808)",
    "INSERT INTO odd VALUES (2, NULL, 9e999, '\U0001f642', x'00ff', 1, '9999-12-31',"
    " '23:59:59.999999', '9999-12-31 23:59:59', '2024-02-29 00:00', NULL, 'null', 1e300)",
    "INSERT INTO odd (id, n, r) VALUES (3, 0.1, -9e999), (4, 2.0, 5e-324), (5, 1e17, 1e17),"
    " (6, -9223372036854775808.0, 0.1), (7, 9007199254740993, 3), (8, '12.50', '4')",
    "INSERT INTO keys VALUES ('2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f', 0.5,"
    " '2024-02-29 12:00:00.500000+00:00', x'00', -0.0, 1)",
)
FROM_POSTGRES = (
    "INSERT INTO odd VALUES (101, 0, '-0', 'a', '', true, '2024-02-29', '12:00:00.1',"
    " '2024-02-29 00:00:00.120', '2024-02-29 00:00+05:45', gen_random_uuid(), '{ \"a\": 1 }',"
    " 1234567890123456789012345678901234567890.5)",
    "INSERT INTO odd (id, n) VALUES (102, 0.10), (103, 5.000), (104, -0.0), (105, 1e-20),"
    " (106, 18446744073709551616), (107, 9223372036854775807), (108, 9223372036854775808)",
    "INSERT INTO keys SELECT gen_random_uuid(), n / 4.0, now(), '\\x01', n, true"
    " FROM generate_series(-3, 3) n",
)


def test_odd_values_are_the_same_on_both_sides(app: App, device: Open) -> None:
    app.migrate("odd", ODD)
    one, other = device("one"), device("other")
    write(one, *FROM_DEVICE)
    for statement in FROM_POSTGRES:
        run(app, statement)
    settle(one, other)
    one.close()
    other.close()
    for path in (one.path, other.path):
        _, answer, message = verify(app, path)
        assert (found(answer), answer["rows"], message) == ([], 24, "")
