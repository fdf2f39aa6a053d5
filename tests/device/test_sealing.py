"""Sealing, and reading back what was sealed: real files, written by programs that know nothing of
us."""

import pytest

from electricsql.device.file import transaction
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.sealing import last_sealed
from electricsql.device.unsent import encode
from electricsql.protocol import decode_transaction
from electricsql.replication import Change, Cursor, Op, hlc_at
from electricsql.schema import Value
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile, bundle, plain, with_storage

TYPED = (
    "CREATE TABLE typed (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC,"
    " j JSON, d DATE, tm TIME, ts TIMESTAMP, tz TIMESTAMPTZ, u UUID)"
)
LATE_MS = 32_503_680_000_000


def changes(one: DeviceFile) -> list[Change]:
    return [change for sealed in one.unsent() for change in sealed.transaction().changes]


def test_nothing_is_sealed_when_nothing_was_written(device: MakeDevice) -> None:
    one = device(NOTES)
    assert one.seal() is None
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    assert one.seal() == 1
    assert one.seal() is None
    assert len(one.unsent()) == 1


def test_what_any_program_wrote_is_sealed_in_order_with_numbers(device: MakeDevice) -> None:
    one = device(NOTES)
    program = plain(one.path)
    for number in (1, 2, 3):
        program.execute(f"INSERT INTO notes (id, body) VALUES ('n{number}', 'milk')")
        assert one.seal() == number
    program.close()
    assert [sealed.number for sealed in one.unsent()] == [1, 2, 3]
    assert [sealed.number for sealed in one.unsent(after=1)] == [2, 3]
    assert changes(one)[1] == Change(
        "notes", Op.INSERT, ("n2",), {"id": "n2", "body": "milk", "done": 0}
    )


def test_one_transaction_has_one_change_for_each_row(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    one.app.execute("UPDATE notes SET body = 'milk'")
    one.app.execute("INSERT INTO notes (id) VALUES ('n2')")
    one.app.execute("UPDATE notes SET body = 'soy' WHERE id = 'n1'")
    one.seal()
    assert [(change.key, change.op, change.values["body"]) for change in changes(one)] == [
        (("n1",), Op.INSERT, "soy"),
        (("n2",), Op.INSERT, None),
    ]


def test_a_transaction_carries_cursor_version_and_clock(device: MakeDevice) -> None:
    one = device(NOTES)
    write_meta(one.engine, cursor="e/10:12:11")
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    one.seal(LATE_MS)
    (sealed,) = one.unsent()
    assert sealed.cursor == Cursor.parse("e/10:12:11")
    assert sealed.schema_version == bundle(NOTES).schema_version
    assert sealed.hlc == hlc_at(LATE_MS)


def test_the_clock_never_goes_back_nor_below_what_was_received(device: MakeDevice) -> None:
    one = device(NOTES)
    write_meta(one.engine, hlc=hlc_at(LATE_MS) + 5)
    for number in (1, 2):
        one.app.execute(f"INSERT INTO notes (id) VALUES ('n{number}')")
        one.seal(NOW_MS)
    assert [sealed.hlc - hlc_at(LATE_MS) for sealed in one.unsent()] == [6, 7]
    assert read_meta(one.engine).hlc == hlc_at(LATE_MS) + 7


def test_the_clock_is_not_before_the_latest_write(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    one.app.execute("UPDATE _electric_oplog SET at = ?", (LATE_MS,))
    one.seal(NOW_MS)
    assert one.unsent()[0].hlc == hlc_at(LATE_MS)


def test_a_rolled_back_seal_seals_nothing(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    with pytest.raises(ZeroDivisionError), transaction(one.engine):
        one.seal()
        raise ZeroDivisionError
    assert last_sealed(one.engine) == 0
    assert read_meta(one.engine).number == 0
    assert one.seal() == 1


def test_numbers_go_on_after_everything_was_acknowledged(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    one.seal()
    one.app.execute("DELETE FROM _electric_oplog")
    one.app.execute("DELETE FROM _electric_transactions")
    one.app.execute("INSERT INTO notes (id) VALUES ('n2')")
    assert one.seal() == 2
    assert [change.key for change in changes(one)] == [("n2",)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("i", 2**63 - 1),
        ("i", -(2**63)),
        ("r", -0.0),
        ("r", 1.0),
        ("r", float("inf")),
        ("r", float("-inf")),
        ("r", 5e-324),
        ("r", 0.1),
        ("t", ""),
        ("t", "\U0010ffff\ud7ff é 🙂 '\"\n"),
        ("t", "12"),
        ("t", "x" * 1_000_000),
        ("b", b""),
        ("b", bytes(range(256)) * 20_000),
        ("b", b"text"),
        ("b", None),
        ("n", 1),
        ("n", 1.5),
        ("j", '{"a": [1, 2.50]}'),
    ],
)
def test_values_survive_bit_for_bit(device: MakeDevice, column: str, value: Value) -> None:
    one = device(TYPED)
    one.app.execute(f"INSERT INTO typed (id, {column}) VALUES (1, ?)", (value,))
    one.seal()
    one.app.execute("INSERT INTO typed (id) VALUES (2)")
    one.app.execute(f"UPDATE typed SET {column} = ? WHERE id = 2", (value,))
    one.seal()
    ((held,), _) = one.read(f"SELECT {column} FROM typed")
    assert held == value
    for sealed in one.unsent():
        tables = one.schema.tables
        travelled = decode_transaction(encode(one.engine, one.schemas, sealed), tables)
        assert travelled == sealed.transaction()
        sent = [change.values[column] for change in travelled.changes]
        assert list(with_storage(sent)) == list(with_storage([held]))


@pytest.mark.parametrize(
    ("column", "written", "spelled"),
    [
        ("d", "2024-02-29", "2024-02-29"),
        ("tm", "23:59", "23:59:00"),
        ("tm", "23:59:59.5", "23:59:59.500000"),
        ("ts", "2024-02-29T23:59", "2024-02-29 23:59:00"),
        ("tz", "2024-02-29T23:59:00Z", "2024-02-29 23:59:00+00:00"),
        ("tz", "2024-02-29 23:59:00+02:00", "2024-02-29 21:59:00+00:00"),
        ("u", "2B0D7B3D6F0C4F0E9D3C1F1F1F1F1F1F", "2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f"),
    ],
)
def test_the_author_shows_the_spelling_that_everybody_else_will(
    device: MakeDevice, column: str, written: str, spelled: str
) -> None:
    one = device(TYPED)
    one.app.execute(f"INSERT INTO typed (id, {column}) VALUES (1, ?)", (written,))
    one.app.execute("INSERT INTO typed (id) VALUES (2)")
    one.app.execute(f"UPDATE typed SET {column} = ? WHERE id = 2", (written,))
    one.seal()
    assert one.read(f"SELECT {column} FROM typed") == [(spelled,), (spelled,)]
    assert [change.values[column] for change in changes(one)] == [spelled, spelled]
    assert one.seal() is None


def test_a_later_write_is_not_respelled_by_an_earlier_one(device: MakeDevice) -> None:
    one = device(TYPED)
    one.app.execute("INSERT INTO typed (id, tm) VALUES (1, '10:00')")
    one.app.execute("UPDATE typed SET tm = '11:00:00'")
    one.app.execute("INSERT INTO typed (id, tm) VALUES (2, '10:00')")
    one.app.execute("DELETE FROM typed WHERE id = 2")
    one.seal()
    assert one.read("SELECT tm FROM typed") == [("11:00:00",)]
    assert changes(one)[0].values["tm"] == "11:00:00"


def test_text_that_is_no_utf_8_keeps_nothing_from_being_sealed(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id, body) VALUES ('bad', CAST(x'61ff' AS TEXT))")
    one.app.execute("INSERT INTO notes (id, body) VALUES ('good', 'milk')")
    one.seal()
    (sealed,) = one.unsent()
    assert [folded.values["body"] for folded in sealed.rows] == ["a\ufffd", "milk"]
