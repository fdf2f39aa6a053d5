"""Versions of one application read and write the same registers."""

import pytest

from electricsql.lenses import (
    Added,
    Dropped,
    Kept,
    Lens,
    Lineage,
    TableLens,
    column_uid,
    lens_json,
    made,
    read_lens,
)
from electricsql.migrations import schema_of
from electricsql.replication import Block, Change, Op, Part, Shadow, Transaction
from electricsql.schema import Schema

_FIRST = "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL DEFAULT '', note)"
_SECOND = (
    "ALTER TABLE items RENAME COLUMN title TO name",
    "ALTER TABLE items DROP COLUMN note",
    "ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0",
)
_DROPPED = Dropped("note", "'none'")
_ADDED = Added("done", column_uid("2", "items", "done"))
_LENS = TableLens("items", "items", columns=(Kept("id"), Kept("name", "title"), _ADDED, _DROPPED))


def _schema(version: str, *statements: str) -> Schema:
    return schema_of(statements, version)


@pytest.fixture
def lineage() -> Lineage:
    first = _schema("1", _FIRST)
    second = _schema("2", _FIRST, *_SECOND)
    return Lineage([(first, Lens((made("1", first.tables["items"]),))), (second, Lens((_LENS,)))])


def test_the_base_has_all_registers_in_the_order_they_were_made(lineage: Lineage) -> None:
    assert lineage.base.tables["items"].column_names == ("id", "name", "~1:items.note", "done")
    assert lineage.base.tables["items"].default_values["~1:items.note"] == "none"


def test_where_nothing_is_hidden_the_base_is_the_newest_version() -> None:
    first = _schema("1", _FIRST)
    lineage = Lineage([(first, Lens((made("1", first.tables["items"]),)))])
    assert lineage.base is first
    assert lineage.view("1").is_base


def test_a_write_of_an_old_version_is_put_into_registers(lineage: Lineage) -> None:
    values = {"id": "a", "title": "", "note": "n"}
    written = Transaction(1, 7, None, "1", [Change("items", Op.INSERT, ("a",), values)])
    (change,) = lineage.view("1").put(written).changes
    assert change.values == {"id": "a", "name": "", "~1:items.note": "n"}
    assert change.made_up == frozenset({"name"})


def test_an_old_version_is_shown_its_own_columns(lineage: Lineage) -> None:
    shadow = Shadow(1, 0, 8, 0, (8, 9, 10, 11))
    columns = lineage.base.tables["items"].column_names
    block = Block("items", columns, [["a"], ["t"], ["n"], [1]], [shadow], [0])
    (old,) = lineage.view("1").get(Part([block])).blocks
    (new,) = lineage.view("2").get(Part([block])).blocks
    assert (old.columns, old.values) == (("id", "title", "note"), [["a"], ["t"], ["n"]])
    assert (new.columns, new.values) == (("id", "name", "done"), [["a"], ["t"], [1]])
    assert [each.shadows[0].writers for each in (old, new)] == [(8, 9, 10), (8, 9, 11)]


def test_a_dropped_table_is_there_for_old_versions() -> None:
    first, second = _schema("1", _FIRST), _schema("2")
    lenses = Lens((made("1", first.tables["items"]),)), Lens((TableLens(was="items"),))
    lineage = Lineage(zip((first, second), lenses, strict=True))
    (table,) = lineage.base
    assert (table.name, table.hidden) == ("~1:items", True)
    change = Change("items", Op.DELETE, ("a",))
    (put,) = lineage.view("1").put(Transaction(1, 7, None, "1", [change])).changes
    assert put.table == "~1:items"
    block = Block("~1:items", table.column_names, [["a"], ["t"], [None]], [], [0])
    assert lineage.view("2").get(Part([block])).blocks == []
    assert lineage.view("1").get(Part([block])).blocks[0].table == "items"


def test_each_version_shows_for_null_what_the_next_that_has_it_said() -> None:
    strict = "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, note TEXT NOT NULL DEFAULT '')"
    loose = strict.replace("TEXT NOT NULL DEFAULT", "TEXT DEFAULT")
    gone = "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL)"
    schemas = [_schema("1", strict), _schema("2", loose), _schema("3", gone)]
    kept = TableLens("items", "items", columns=(Kept("id"), Kept("note", down="'-'")))
    dropped = TableLens("items", "items", columns=(Kept("id"), Dropped("note")))
    lenses = Lens((made("1", schemas[0].tables["items"]),)), Lens((kept,)), Lens((dropped,))
    lineage = Lineage(zip(schemas, lenses, strict=True))
    block = Block("items", lineage.base.tables["items"].column_names, [["a"], [None]], [], [0])
    shown = [lineage.view(each).get(Part([block])).blocks[0].values for each in ("1", "2", "3")]
    assert shown == [[["a"], ["-"]], [["a"], [None]], [["a"]]]


def test_a_lens_is_read_as_it_was_kept() -> None:
    lens = Lens((_LENS, TableLens(was="gone")))
    assert read_lens(lens_json(lens)) == lens
    with pytest.raises(ValueError, match="format 2"):
        read_lens('{"format_version":2}')
