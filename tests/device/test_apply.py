"""Applying deltas that meet nothing of our own: what the file shows then, and what it keeps."""

import sqlite3

import pytest

from electricsql.device.apply import Arrived, Outcome, apply_delta
from electricsql.device.meta import read_meta
from electricsql.device.sealing import last_sealed
from electricsql.errors import DeviceError, ProtocolError
from electricsql.protocol import RefusedFrame
from electricsql.replication import Block, Clock, Row, hlc_at, transaction_id
from electricsql.schema import Value
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile, applied, bundle
from tests.device.hubs import Delta, block_of, cursor_at, delta_of

HUB = transaction_id(50)
PEOPLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)"
FAMILY = (
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, up INTEGER REFERENCES parents);"
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents"
    " ON DELETE CASCADE)"
)


def apply(one: DeviceFile, delta: Delta) -> Outcome:
    return apply_delta(one.engine, one.schemas, Arrived(*delta), NOW_MS)


def row(*, life: int = 1, dead: bool = False, **values: Value) -> Row:
    """A row that the hub wrote."""
    return row_of(values, life, dead)


def row_of(values: dict[str, Value], life: int = 1, dead: bool = False) -> Row:
    return Row(values, dict.fromkeys(values, HUB), life, HUB if dead else 0, touched=HUB)


def note(id: str, body: str | None = None, *, life: int = 1, dead: bool = False) -> Row:
    return row(id=id, body=body, done=0, life=life, dead=dead)


def block(one: DeviceFile, table: str, *rows: Row) -> Block:
    return block_of(one.schema.tables[table], rows)


def test_rows_are_inserted_updated_and_deleted(device: MakeDevice) -> None:
    one = device(NOTES)
    outcome = apply(one, delta_of([[block(one, "notes", note("n1", "a"), note("n2", "b"))]]))
    assert outcome.cursor == cursor_at(100)
    assert one.rows("notes") == [("n1", "a", 0), ("n2", "b", 0)]
    changed = block(one, "notes", note("n1", "c"), note("n2", "b", dead=True), note("n3"))
    apply(one, delta_of([[changed]], xid=101))
    assert one.rows("notes") == [("n1", "c", 0), ("n3", None, 0)]
    assert read_meta(one.engine).cursor == cursor_at(101)


def test_nothing_that_is_applied_is_captured(device: MakeDevice) -> None:
    one = device(NOTES)
    apply(one, delta_of([[block(one, "notes", note("n1", "a"), note("n2"))]]))
    apply(one, delta_of([[block(one, "notes", note("n1", "b"), note("n2", dead=True))]]))
    assert one.read("SELECT count(*) FROM _electric_oplog") == [(0,)]
    one.app.execute("UPDATE notes SET body = 'mine'")
    assert one.read("SELECT count(*) FROM _electric_oplog") == [(1,)]


def test_the_parts_of_a_delta_are_applied_in_order(device: MakeDevice) -> None:
    one = device(NOTES)
    parts = [[block(one, "notes", note(f"n{number}"))] for number in range(5)]
    apply(one, delta_of([*parts, [block(one, "notes", note("n0", "last"))]]))
    assert one.rows("notes")[0] == ("n0", "last", 0)
    assert len(one.rows("notes")) == 5


def test_a_migration_comes_before_the_rows_that_need_it(device: MakeDevice) -> None:
    one = device(NOTES)
    more = "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'"
    tags = "CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL)"
    other = device(NOTES, more, tags)
    tagged = block(other, "notes", row(id="n1", body=None, done=0, tag="home"))
    told = applied(NOTES, more, tags)
    outcome = apply(
        one, delta_of([[tagged, block(other, "tags", row(id="home"))]], migrations=told[1:])
    )
    assert outcome.migrations == [m.name for m in told[1:]]
    assert one.rows("notes") == [("n1", None, 0, "home")]
    one.app.execute("INSERT INTO tags VALUES ('captured')")
    one.seal()
    assert [sealed.schema_version for sealed in one.unsent()] == [told[-1].name]


def test_what_was_unsealed_before_a_migration_is_sealed_in_its_own_version(
    device: MakeDevice,
) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    told = applied(NOTES, "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'")
    apply(one, delta_of([], migrations=told[1:]))
    (sealed,) = one.unsent()
    assert sealed.schema_version == bundle(NOTES).schema_version
    assert "tag" not in sealed.rows[0].values
    assert sealed.cursor is None


def test_the_clock_runs_ahead_of_everything_received(device: MakeDevice) -> None:
    one = device(NOTES)
    ahead = hlc_at(NOW_MS * 2)
    rows = block(one, "notes", note("n1"))
    apply(one, delta_of([[rows]], clocks={HUB: Clock(ahead, 0)}))
    one.app.execute("UPDATE notes SET body = 'mine'")
    one.seal()
    assert one.unsent()[0].hlc > ahead


def test_what_is_acknowledged_leaves_the_oplog_and_nothing_else_does(device: MakeDevice) -> None:
    one = device(NOTES)
    for number in (1, 2, 3):
        one.app.execute(f"INSERT INTO notes (id) VALUES ('n{number}')")
        one.seal()
    apply(one, delta_of([], answer=(2, ())))
    assert [sealed.number for sealed in one.unsent()] == [3]
    assert one.read("SELECT count(*) FROM _electric_oplog") == [(1,)]
    apply(one, delta_of([], answer=(3, ())))
    assert one.unsent() == []
    assert last_sealed(one.engine) == 0
    assert len(one.rows("notes")) == 3


def test_what_was_refused_is_kept_in_the_quarantine(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("INSERT INTO notes (id) VALUES ('n1')")
    one.seal()
    refused = RefusedFrame(1, "postgres-refused", "No.")
    gone = block(one, "notes", note("n1", dead=True))
    outcome = apply(one, delta_of([[gone]], answer=(1, [refused])))
    assert [(each.number, each.code) for each in outcome.refused] == [(1, "postgres-refused")]
    assert one.rows("notes") == []
    assert one.unsent() == []
    kept = one.read("SELECT number, code, message, length(changes) > 0 FROM _electric_quarantine")
    assert kept == [(1, "postgres-refused", "No.", 1)]


@pytest.mark.parametrize("order", [("parents", "children"), ("children", "parents")])
def test_parents_may_come_after_their_children(device: MakeDevice, order: tuple[str, str]) -> None:
    one = device(FAMILY)
    rows = {
        "parents": [row(id=2, up=1), row(id=1, up=2)],
        "children": [row(id=number, parent=1 + number % 2) for number in range(6)],
    }
    apply(one, delta_of([[block(one, table, *rows[table])] for table in order]))
    assert len(one.rows("children")) == 6
    assert one.read("PRAGMA foreign_key_check") == []
    gone = {
        "parents": [row(id=1, up=2, dead=True)],
        "children": [row(id=number, parent=1, dead=True) for number in (0, 2, 4)],
    }
    gone["parents"].append(row(id=2, up=None))
    apply(one, delta_of([[block(one, table, *gone[table])] for table in order]))
    assert one.rows("children") == [(1, 2), (3, 2), (5, 2)]
    assert one.read("PRAGMA foreign_key_check") == []


def test_a_deleted_parent_takes_no_child_along_that_the_hub_kept(device: MakeDevice) -> None:
    one = device(FAMILY)
    parents, children = row(id=1, up=None), row(id=7, parent=1)
    apply(one, delta_of([[block(one, "parents", parents), block(one, "children", children)]]))
    replaced = [block(one, "parents", row(id=1, up=None, dead=True), row(id=2, up=None))]
    apply(one, delta_of([replaced, [block(one, "children", row(id=7, parent=2))]]))
    assert one.rows("children") == [(7, 2)]


@pytest.mark.parametrize("together", [True, False])
def test_unique_values_may_be_swapped(device: MakeDevice, together: bool) -> None:
    one = device(PEOPLE)
    before = [row(id=number, email=f"m{number}", name=None) for number in range(4)]
    apply(one, delta_of([[block(one, "people", *before)]]))
    after = [row(id=number, email=f"m{(number + 1) % 4}", name="x") for number in range(4)]
    blocks = [after] if together else [after[:1], after[1:2], after[2:]]
    apply(one, delta_of([[block(one, "people", *rows)] for rows in blocks]))
    assert one.rows("people") == [(n, f"m{(n + 1) % 4}", "x") for n in range(4)]


@pytest.mark.parametrize("table", ["rowid", "without", "strict"])
def test_every_kind_of_table_works(device: MakeDevice, table: str) -> None:
    columns = "(a TEXT NOT NULL, b INTEGER NOT NULL, r REAL, x BLOB, PRIMARY KEY (b, a))"
    one = device(
        f"CREATE TABLE rowid {columns}; CREATE TABLE without {columns} WITHOUT ROWID;"
        f" CREATE TABLE strict {columns} STRICT"
    )
    rows: list[dict[str, Value]] = [
        {"a": "", "b": 2**63 - 1, "r": float("inf"), "x": b""},
        {"a": "é🙂", "b": -(2**63), "r": 1.0, "x": None},
    ]
    apply(one, delta_of([[block(one, table, *map(row_of, rows))]]))
    apply(one, delta_of([[block(one, table, *map(row_of, rows))]]))
    assert one.read(f"SELECT * FROM {table} ORDER BY b DESC") == [tuple(v.values()) for v in rows]
    apply(one, delta_of([[block(one, table, row_of(rows[0], dead=True))]]))
    assert one.rows(table) == [tuple(rows[1].values())]


def test_a_table_that_is_all_key_works(device: MakeDevice) -> None:
    one = device("CREATE TABLE tags (note TEXT, tag TEXT, PRIMARY KEY (note, tag)) WITHOUT ROWID")
    rows = [row(note="n1", tag=tag) for tag in "abc"]
    apply(one, delta_of([[block(one, "tags", *rows)]]))
    apply(one, delta_of([[block(one, "tags", rows[0], row(note="n1", tag="b", dead=True))]]))
    assert one.rows("tags") == [("n1", "a"), ("n1", "c")]


def test_columns_that_the_hub_does_not_have_yet_keep_their_values(device: MakeDevice) -> None:
    one = device(PEOPLE, "ALTER TABLE people ADD COLUMN tag TEXT DEFAULT 'none'")
    table = one.schema.tables["people"]
    old = ("id", "email", "name")
    rows = [row(id=n, email=f"m{n}", name=None) for n in (1, 2)]
    apply(one, delta_of([[block_of(table, rows, old)]]))
    one.app.execute("UPDATE people SET tag = 'mine' WHERE id = 1")
    swapped = [row(id=n, email=f"m{3 - n}", name=None) for n in (1, 2)]
    apply(one, delta_of([[block_of(table, swapped, old)]]))
    assert one.rows("people") == [(1, "m2", None, "mine"), (2, "m1", None, "none")]


@pytest.mark.parametrize("unknown", ["table", "column"])
def test_what_the_schema_does_not_have_is_refused(device: MakeDevice, unknown: str) -> None:
    one, other = device(NOTES), device(NOTES, "ALTER TABLE notes ADD COLUMN tag TEXT", PEOPLE)
    rows = {
        "table": block(other, "people", row(id=1, email=None, name=None)),
        "column": block(other, "notes", row(id="n1", body=None, done=0, tag=None)),
    }
    with pytest.raises(DeviceError) as refused:
        apply(one, delta_of([[block(one, "notes", note("n2"))], [rows[unknown]]]))
    assert refused.value.code == "apply-failed"
    assert unchanged(one)


def unchanged(one: DeviceFile) -> bool:
    meta = read_meta(one.engine)
    return one.rows("notes") == [] and meta.cursor is None and not one.engine.in_transaction


def test_a_malformed_block_changes_nothing(device: MakeDevice) -> None:
    one = device(NOTES)
    _, last = delta_of([[block(one, "notes", note("n1"))]])
    fields = {name: getattr(last, name) for name in last.__struct_fields__}
    broken = type(last)(**{**fields, "blocks": (*last.blocks, b"\x00\xc1")})
    with pytest.raises(ProtocolError):
        apply(one, ([], broken))
    assert unchanged(one)


def test_the_apps_own_trigger_fires_and_what_it_writes_is_local(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("CREATE TABLE words (word TEXT)")
    one.app.execute(
        "CREATE TRIGGER words_of AFTER INSERT ON notes BEGIN INSERT INTO words VALUES (NEW.body);"
        " END"
    )
    apply(one, delta_of([[block(one, "notes", note("n1", "milk"))]]))
    assert one.rows("words") == [("milk",)]
    assert one.read("SELECT count(*) FROM _electric_oplog") == [(0,)]


def test_a_row_that_came_back_shows_its_new_life(device: MakeDevice) -> None:
    one = device(NOTES)
    apply(one, delta_of([[block(one, "notes", note("n1", "a"))]]))
    apply(one, delta_of([[block(one, "notes", note("n1", "a", dead=True))]]))
    assert one.rows("notes") == []
    apply(one, delta_of([[block(one, "notes", note("n1", "b", life=2))]]))
    assert one.rows("notes") == [("n1", "b", 0)]
    one.app.execute("UPDATE notes SET body = 'c'")
    one.seal()
    assert [c.incarnation for c in one.unsent()[0].transaction().changes] == [2]


def test_an_insert_over_a_received_tombstone_begins_a_new_life(device: MakeDevice) -> None:
    one = device(NOTES)
    apply(
        one, delta_of([[block(one, "notes", note("n1", dead=True), note("n2", dead=True, life=4))]])
    )
    one.app.execute("INSERT INTO notes (id) VALUES ('n1'), ('n2'), ('n3')")
    one.seal()
    lives = {c.key: c.incarnation for c in one.unsent()[0].transaction().changes}
    assert lives == {("n1",): 2, ("n2",): 5, ("n3",): 1}


def test_a_row_revived_in_its_first_life_is_no_longer_listed(device: MakeDevice) -> None:
    one = device(NOTES)
    apply(one, delta_of([[block(one, "notes", note("n1", dead=True))]]))
    apply(one, delta_of([[block(one, "notes", note("n1", "back"))]]))
    assert one.read("SELECT count(*) FROM _electric_lives") == [(0,)]


def test_a_busy_file_is_waited_for_and_then_left_alone(device: MakeDevice) -> None:
    one = device(NOTES)
    one.engine.execute("PRAGMA busy_timeout = 1")
    one.app.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        apply(one, delta_of([[block(one, "notes", note("n1"))]]))
    one.app.execute("COMMIT")
    assert unchanged(one)


def test_a_whole_delta_leaves_only_what_the_hub_has(device: MakeDevice) -> None:
    one = device(NOTES, PEOPLE)
    everybody = [row(id=n, email=f"m{n}", name=None) for n in range(3)]
    notes = block(one, "notes", note("n1"), note("n2"))
    apply(one, delta_of([[notes, block(one, "people", *everybody)]]))
    apply(one, delta_of([[block(one, "notes", note("n2", "b"), note("n3"))]], whole=True))
    assert one.rows("notes") == [("n2", "b", 0), ("n3", None, 0)]
    assert one.rows("people") == []


def test_what_a_whole_delta_lacks_was_forgotten_and_an_insert_begins_the_first_life(
    device: MakeDevice,
) -> None:
    one = device(NOTES)
    notes = [note(f"n{n}", life=n) for n in (1, 2, 3)]
    apply(one, delta_of([[block(one, "notes", *notes)]]))
    apply(one, delta_of([[block(one, "notes", note("n2", life=2, dead=True))]], whole=True))
    one.app.execute("INSERT INTO notes (id) VALUES ('n1'), ('n2'), ('n3')")
    one.seal()
    lives = {c.key: (c.incarnation, c.ended) for c in one.unsent()[0].transaction().changes}
    assert lives == {("n1",): (1, 0), ("n2",): (3, 2), ("n3",): (1, 0)}
