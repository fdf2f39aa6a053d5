"""`quarantine`, against a real service, with what real devices wrote."""

import asyncio
import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from electricsql import electrify
from tests.cli.conftest import ELECTRIC, Typist

NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, stars INTEGER, body TEXT, photo BLOB);\n"
FEW = "ALTER TABLE notes ADD CONSTRAINT few CHECK (stars < 6)"
MANY = "ALTER TABLE notes DROP CONSTRAINT few"


def run(typist: Typist, sql: str) -> None:
    """Run SQL in the environment's database."""

    async def execute(url: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(execute(typist.well("database-url").strip()))


def write(typist: Typist, *transactions: list[str], path: str = "phone.db") -> None:
    """Have a device write transactions, and sync."""
    token = typist.well("token", "new", "--sub", "me").strip()
    with electrify(Path(path), token=token) as device:
        for statements in transactions:
            with device.transaction():
                for statement in statements:
                    device.execute(statement)
        device.sync()


@pytest.fixture
def refused(deployed: Typist) -> Typist:
    """Two transactions wait, the second builds on the first; in between is one that was merged."""
    deployed.migration("notes", NOTES)
    deployed.well("sync")
    run(deployed, FEW)
    long = "x" * 2_000
    write(
        deployed,
        ["INSERT INTO notes VALUES ('a', 1, 'fine', NULL)"],
        [
            f"INSERT INTO notes VALUES ('b', 10, '{long}', x'00ff')",
            "UPDATE notes SET stars = 7, body = 'it''s\nbad' WHERE id = 'a'",
        ],
        ["UPDATE notes SET body = 'later' WHERE id = 'a'"],
        ["UPDATE notes SET stars = 2 WHERE id = 'b'"],
    )
    return deployed


def test_what_waits_is_listed(refused: Typist) -> None:
    lines = refused.well("quarantine", "list").splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "1.2", "1.4"]
    assert " 2     waiting  postgres-refused  Postgres refused it: new row for" in lines[1]
    assert " 1     waiting  unknown-row" in lines[2]
    listed = refused("quarantine", "list", "--json").json()
    assert [(each["id"], each["changes"], each["fate"]) for each in listed] == [
        ("1.2", 2, "waiting"),
        ("1.4", 1, "waiting"),
    ]
    assert "quarantine      2; see `electric quarantine list`" in refused.well("status")


def test_one_is_shown_row_by_row(refused: Typist) -> None:
    head, _, rows = refused.well("quarantine", "show", "1.2").partition("\n\n")
    assert "reason          Postgres refused it: new row for relation" in head
    assert "[postgres-refused]" in head
    inserted, updated = sorted(rows.splitlines())
    assert inserted.startswith('insert notes  id = "b"  stars = 10  body = "xxx')
    assert inserted.endswith("x…  photo = x'00ff'")
    assert updated == 'update notes  id = "a"  stars = 7  body = "it\'s\\nbad"'
    shown = refused("quarantine", "show", "1.2", "--json").json()
    row = next(row for row in shown["rows"] if row["op"] == "insert")
    assert row["key"] == {"id": "b"}
    assert row["values"]["photo"] == {"blob": "00ff", "bytes": 2}
    assert row["values"]["body"] == {"text": "x" * 1_000, "characters": 2_000}


def test_a_retry_that_is_refused_again_says_why(refused: Typist) -> None:
    message = refused.fails("quarantine", "retry", "1.2", code="still-refused")
    assert "violates check constraint" in message
    message = refused.fails("quarantine", "retry", "--all", code="still-refused")
    assert "1.2 was refused again" in message and "1.4 was refused again" in message
    assert "2 transactions of 2 still wait" in message
    assert len(refused("quarantine", "list", "--json").json()) == 2


def test_a_retry_merges_it_after_all(refused: Typist) -> None:
    run(refused, MANY)
    assert refused.well("quarantine", "retry", "--all") == "1.2 is merged\n1.4 is merged\n"
    assert refused.well("quarantine", "list") == "Nothing waits in the quarantine.\n"
    assert refused.well("quarantine", "retry", "--all") == "Nothing waits in the quarantine.\n"
    refused.fails("quarantine", "retry", "1.2", code="already-decided")
    write(refused)
    with electrify("phone.db", sync=False) as device:
        found = device.execute("SELECT id, stars, substr(body, 1, 5) FROM notes ORDER BY id")
        assert found.fetchall() == [("a", 7, "later"), ("b", 2, "xxxxx")]
    decided = refused("quarantine", "list", "--all", "--json").json()
    assert [(each["id"], each["fate"]) for each in decided] == [
        ("1.2", "retried"),
        ("1.4", "retried"),
    ]
    assert all(each["decidedAt"] for each in decided)


def test_discarding_has_to_be_confirmed(refused: Typist) -> None:
    message = refused.fails("quarantine", "discard", "1.2", code="not-a-terminal", status=2)
    assert "2 rows" in message and "--yes" in message
    assert refused.well("quarantine", "discard", "1.2", "--yes") == "1.2 is discarded\n"
    refused.fails("quarantine", "discard", "1.2", "--yes", code="already-decided")
    lines = refused.well("quarantine", "list", "--all").splitlines()
    assert "  discarded  " in lines[-1]
    shown = refused.well("quarantine", "show", "1.2")
    assert "fate            discarded 2" in shown


@pytest.mark.parametrize(("typed", "status"), [("1.4", 2), ("1.2", 0)])
def test_on_a_terminal_the_id_has_to_be_typed(refused: Typist, typed: str, status: int) -> None:
    keyboard, terminal = os.openpty()
    try:
        with subprocess.Popen(
            [ELECTRIC, "quarantine", "discard", "1.2"],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.write(keyboard, f"{typed}\n".encode())
            _, message = process.communicate()
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert process.returncode == status, message
    fate = refused("quarantine", "show", "1.2", "--json").json()["fate"]
    assert fate == ("waiting" if status else "discarded")


@pytest.mark.parametrize("id", ["9.9", "x", "1", "1.2.3", "0.1", "99999999999.1", "1/2"])
def test_what_is_not_there_is_not_found(deployed: Typist, id: str) -> None:
    deployed.migration("notes", NOTES)
    deployed.well("sync")
    code = "not-found" if "/" in id else "not-quarantined"
    deployed.fails("quarantine", "show", id, code=code)


def test_ids_or_all(deployed: Typist) -> None:
    deployed.fails("quarantine", "retry", code="ids-or-all", status=2)
    deployed.fails("quarantine", "retry", "1.2", "--all", code="ids-or-all", status=2)


def test_status_is_loud_about_transactions_that_have_no_fate(refused: Typist) -> None:
    assert refused("status").status == 0
    run(refused, "DELETE FROM electric.quarantine WHERE number = 2")
    message = refused.fails("status", code="not-conserved")
    assert "4 came, 2 were merged, 1 wait" in message
    assert "TRANSACTIONS ARE UNACCOUNTED FOR" in message
