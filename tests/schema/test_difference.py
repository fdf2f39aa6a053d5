"""A migration adds what the difference says, and may do nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.errors import MigrationError
from electricsql.schema import Difference, Schema, additions
from tests.schema.schemas import histories, schema

NOTHING = Difference((), (), (), ())


@given(histories())
def test_a_schema_does_not_differ_from_itself(statements: list[str]) -> None:
    made = schema(*statements)
    assert additions(made, made) == NOTHING
    assert NOTHING.touched() == ()


@given(histories())
def test_everything_is_new_to_an_empty_schema(statements: list[str]) -> None:
    made = schema(*statements)
    difference = additions(Schema({}), made)
    assert difference == Difference(tuple(made), (), (), ())
    assert difference.touched() == tuple(made.tables)


@given(histories(), st.data())
def test_a_difference_is_what_has_to_be_added(statements: list[str], data: st.DataObject) -> None:
    """Adding it to what was there before, by hand, gives what there is after."""
    before = schema(*statements[: data.draw(st.integers(0, len(statements)))])
    after = schema(*statements)
    difference = additions(before, after)
    names = {made.name: list(made.column_names) for made in (*before, *difference.tables)}
    indexes = {made.name: set(made.indexes) for made in (*before, *difference.tables)}
    for made, column in difference.columns:
        names[made.name].append(column.name)
    for made, index in difference.indexes:
        indexes[made.name].add(index)
    assert names == {made.name: list(made.column_names) for made in after}
    assert indexes == {made.name: set(made.indexes) for made in after}
    assert set(difference.touched()) == {
        *(made.name for made in difference.tables),
        *(made.name for made, _ in difference.columns),
    }


T = "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INT, b TEXT UNIQUE)"
P = "CREATE TABLE p (id TEXT PRIMARY KEY NOT NULL)"


def test_an_index_may_go_again() -> None:
    index = "CREATE INDEX i ON t (a)"
    difference = additions(schema(T, index), schema(T))
    assert [index.name for _, index in difference.dropped_indexes] == ["i"]
    assert difference.touched() == ()


def test_a_new_column_may_bring_a_foreign_key() -> None:
    after = schema(P, T, "ALTER TABLE t ADD COLUMN p TEXT REFERENCES p")
    assert [column.name for _, column in additions(schema(P, T), after).columns] == ["p"]


@pytest.mark.parametrize(
    ("said", "before", "after"),
    [
        ("Table t was dropped or renamed.", [P, T], [P]),
        ("Column t.a was changed or renamed.", [T], [T.replace("a INT", "c INT")]),
        ("Column t.a was changed or renamed.", [T], [T.replace("a INT", "a TEXT")]),
        ("Column t.a was changed or renamed.", [T], [T.replace("a INT", "a INT NOT NULL")]),
        ("Column t.a was changed or renamed.", [T], [T.replace("a INT", "a INT DEFAULT 1")]),
        ("Column t.b was dropped.", [T], [T.replace(", b TEXT UNIQUE", "")]),
        (
            "The primary key of t changed.",
            [T],
            [T.replace(" PRIMARY KEY", "").replace("UNIQUE", "UNIQUE, PRIMARY KEY (a)")],
        ),
        ("Table t was rebuilt.", [T], [T + " STRICT"]),
        ("Table t was rebuilt.", [T], [T + " WITHOUT ROWID"]),
        (
            "The foreign key t (a) was added, dropped or changed.",
            [P, T],
            [P, T.replace("a INT", "a INT REFERENCES p")],
        ),
        (
            "The foreign key t (a) was added, dropped or changed.",
            [P, T.replace("a INT", "a INT REFERENCES p")],
            [P, T],
        ),
        ("The UNIQUE constraint of t (b) was dropped.", [T], [T.replace(" UNIQUE", "")]),
    ],
)
def test_what_old_versions_still_use_stays(said: str, before: list[str], after: list[str]) -> None:
    with pytest.raises(MigrationError) as refused:
        additions(schema(*before), schema(*after))
    assert (refused.value.code, refused.value.problem) == ("not-additive", said)
    assert "leave the old in place" in refused.value.remedy


@pytest.mark.parametrize(
    ("code", "column", "remedy"),
    [
        ("computed-new-default", "c TEXT DEFAULT (hex(1))", "constant DEFAULT"),
        ("required-new-column", "c VARCHAR(9) NOT NULL", "c VARCHAR(9) NOT NULL DEFAULT ''"),
    ],
)
def test_a_new_column_needs_one_value_for_old_rows(code: str, column: str, remedy: str) -> None:
    """SQLite itself refuses some of these in ALTER TABLE, but not in a table that is rebuilt."""
    with pytest.raises(MigrationError) as refused:
        additions(schema(P), schema(P.replace(")", f", {column})")))
    assert refused.value.code == code
    assert "p.c" in refused.value.problem
    assert remedy in refused.value.remedy
