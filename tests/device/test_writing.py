"""Rows that find no place, parents that go and children that stay: what the app sees meanwhile."""

import pytest

from electricsql.device.apply import Arrived, apply_delta
from electricsql.errors import DeviceError
from electricsql.limits import LARGE_DELTA_ROWS_MIN
from electricsql.protocol import RefusedFrame
from electricsql.replication import Row, transaction_id
from electricsql.schema import Value
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile
from tests.device.hubs import Delta, block_of, delta_of

HUB = transaction_id(50)
PEOPLE = "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, a TEXT)"
FAMILY = (
    "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL);"
    "CREATE TABLE pets (id TEXT PRIMARY KEY NOT NULL,"
    " owner TEXT REFERENCES people ON DELETE CASCADE)"
)


def row(dead: bool = False, **values: Value) -> Row:
    return Row(values, dict.fromkeys(values, HUB), deleted=HUB if dead else 0, touched=HUB)


def person(id: str, email: str | None, *, dead: bool = False) -> Row:
    return row(dead, id=id, email=email, a=None)


def receive(one: DeviceFile, table: str, *rows: Row, refused: int = 0) -> None:
    refusals = [RefusedFrame(refused, "postgres-refused", "No.")] if refused else []
    blocks = [[block_of(one.schema.tables[table], rows)]]
    apply(one, delta_of(blocks, answer=(refused, refusals)))


def apply(one: DeviceFile, delta: Delta) -> None:
    apply_delta(one.engine, one.schemas, Arrived(*delta), NOW_MS)


def emails(one: DeviceFile) -> dict[Value, Value]:
    return dict(one.read("SELECT id, email FROM people"))  # type: ignore[arg-type]


def test_a_row_of_the_hub_displaces_ours_until_the_hub_refuses_it(device: MakeDevice) -> None:
    one = device(PEOPLE)
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'x')")
    receive(one, "people", person("theirs", "x"))
    assert emails(one) == {"theirs": "x"}
    assert len(one.unsent()) == 1
    receive(one, "people", person("mine", None, dead=True), refused=1)
    assert emails(one) == {"theirs": "x"}
    assert one.unsent() == []
    receive(one, "people", person("theirs", "x", dead=True))
    assert emails(one) == {}


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [
        ("people (email COLLATE NOCASE)", "X"),
        ("people (trim(email)) WHERE a IS NULL AND email <> 'free'", " x"),
        ("people (email, trim(id, 'mine' || 'theirs'))", "x"),
    ],
)
def test_so_it_does_where_the_rule_is_over_more_than_columns(
    device: MakeDevice, rule: str, theirs: str
) -> None:
    table = "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, email TEXT, a TEXT)"
    one = device(f"{table}; CREATE UNIQUE INDEX rule ON {rule}")
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'x'), ('mime', 'y')")
    receive(one, "people", person("theirs", theirs))
    assert emails(one) == {"theirs": theirs, "mime": "y"}
    receive(one, "people", person("theirs", "z"))
    assert emails(one) == {"theirs": "z", "mine": "x", "mime": "y"}


def test_a_displaced_row_returns_when_its_value_is_free(device: MakeDevice) -> None:
    one = device(PEOPLE)
    receive(one, "people", person("mine", "old"))
    one.app.execute("UPDATE people SET email = 'x', a = 'kept'")
    receive(one, "people", person("theirs", "x"))
    assert emails(one) == {"theirs": "x"}
    receive(one, "people", person("theirs", "y"))
    assert one.rows("people") == [("mine", "x", "kept"), ("theirs", "y", None)]


def test_a_displaced_row_that_comes_back_from_the_hub_is_shown_as_it_is_there(
    device: MakeDevice,
) -> None:
    one = device(PEOPLE)
    receive(one, "people", person("mine", "old"))
    one.app.execute("UPDATE people SET email = 'x'")
    receive(one, "people", person("theirs", "x"))
    receive(one, "people", person("mine", "old"), refused=1)
    assert emails(one) == {"theirs": "x", "mine": "old"}


def test_the_app_may_insert_a_displaced_row_anew(device: MakeDevice) -> None:
    one = device(PEOPLE)
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'x')")
    receive(one, "people", person("theirs", "x"))
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'z')")
    receive(one, "people", person("theirs", None))
    assert emails(one) == {"theirs": None, "mine": "z"}


def test_a_displaced_row_that_the_app_inserted_anew_and_deleted_stays_away(
    device: MakeDevice,
) -> None:
    one = device(PEOPLE)
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'x')")
    receive(one, "people", person("theirs", "x"))
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'z')")
    one.seal()
    one.app.execute("DELETE FROM people WHERE id = 'mine'")
    receive(one, "people", person("theirs", None))
    assert emails(one) == {"theirs": None}


def test_a_displaced_row_returns_with_a_delta_without_rows(device: MakeDevice) -> None:
    one = device(PEOPLE)
    one.app.execute("INSERT INTO people (id, email) VALUES ('mine', 'x')")
    receive(one, "people", person("theirs", "x"))
    one.app.execute("UPDATE people SET email = 'y' WHERE id = 'theirs'")
    assert emails(one) == {"theirs": "y"}
    apply(one, delta_of([]))
    assert emails(one) == {"theirs": "y", "mine": "x"}


def test_a_whole_delta_does_not_forget_what_is_displaced(device: MakeDevice) -> None:
    one = device(PEOPLE)
    receive(one, "people", person("mine", "old"))
    one.app.execute("UPDATE people SET email = 'x', a = 'kept'")
    receive(one, "people", person("theirs", "x"))
    apply(
        one,
        delta_of([[block_of(one.schema.tables["people"], [person("theirs", "y")])]], whole=True),
    )
    assert emails(one) == {"theirs": "y", "mine": "x"}, "the hub has not refused what we did to it"
    one.app.execute("INSERT INTO people (id, email) VALUES ('own', 'z')")
    receive(one, "people", person("theirs", "z"))
    apply(
        one,
        delta_of([[block_of(one.schema.tables["people"], [person("theirs", "y")])]], whole=True),
    )
    assert emails(one) == {"theirs": "y", "mine": "x", "own": "z"}


def test_an_update_of_what_the_hub_never_had_stops_nothing(device: MakeDevice) -> None:
    one = device("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT NOT NULL, b TEXT)")
    one.app.execute("INSERT INTO t VALUES ('k', 'a', 'b')")
    one.seal()
    one.app.execute("UPDATE t SET b = 'c'")
    never = row(life=0, dead=True, id="k", a=None, b=None)._replace(touched=0, writers={})
    receive(one, "t", never, refused=1)
    assert one.rows("t") == [("k", "a", "c")], "it is shown whole until it is refused, too"
    receive(one, "t", never, refused=2)
    assert one.rows("t") == []
    assert one.read("SELECT count(*) FROM _electric_displaced") == [(0,)]


def test_a_rule_that_the_app_made_itself_is_said_to_be_in_the_way(device: MakeDevice) -> None:
    one = device(NOTES)
    one.app.execute("CREATE UNIQUE INDEX own ON notes (body)")
    notes = [row(id=id, body="same", done=0) for id in ("n1", "n2")]
    with pytest.raises(DeviceError, match="UNIQUE") as refused:
        receive(one, "notes", *notes)
    assert refused.value.code == "apply-failed"
    assert one.rows("notes") == []


def test_a_large_delta_leaves_the_triggers_as_they_were(device: MakeDevice) -> None:
    one = device(NOTES, PEOPLE)
    before = one.read("SELECT * FROM sqlite_schema WHERE type = 'trigger' ORDER BY name")
    notes = [row(id=f"n{n}", body=None, done=0) for n in range(LARGE_DELTA_ROWS_MIN)]
    receive(one, "notes", *notes)
    after = one.read("SELECT * FROM sqlite_schema WHERE type = 'trigger' ORDER BY name")
    assert after == before
    one.app.execute("UPDATE notes SET body = 'x' WHERE id = 'n7'")
    one.seal()
    assert [folded.key for sealed in one.unsent() for folded in sealed.rows] == [("n7",)]


def test_a_parent_that_we_deleted_is_kept_for_a_child_that_arrives(device: MakeDevice) -> None:
    one = device(FAMILY)
    receive(one, "people", row(id="p"))
    one.app.execute("DELETE FROM people")
    receive(one, "pets", row(id="x", owner="p"))
    assert (one.rows("people"), one.rows("pets")) == ([("p",)], [("x", "p")])
    receive(one, "pets", row(dead=True, id="x", owner="p"))
    assert (one.rows("people"), one.rows("pets")) == ([], [])


def test_a_parent_that_the_hub_deleted_is_kept_for_our_child(device: MakeDevice) -> None:
    one = device(FAMILY)
    receive(one, "people", row(id="p"))
    one.app.execute("INSERT INTO pets VALUES ('x', 'p')")
    receive(one, "people", row(dead=True, id="p"))
    assert (one.rows("people"), one.rows("pets")) == ([("p",)], [("x", "p")])
    receive(one, "pets", row(dead=True, id="x", owner="p"), refused=1)
    assert (one.rows("people"), one.rows("pets")) == ([], [])
