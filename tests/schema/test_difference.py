"""A migration adds what the difference says, and may do nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.errors import MigrationError
from electricsql.schema import Difference, Schema, additions
from electricsql.schema.postgres import plan
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


def test_a_computed_column_touches_its_table() -> None:
    difference = additions(schema(T), schema(T, "ALTER TABLE t ADD COLUMN g INT AS (a + 1)"))
    assert [column.name for _, column in difference.generated] == ["g"]
    assert difference.touched() == ("t",)
    assert difference.changed() == {"t"}


def test_an_index_may_go_again() -> None:
    index = "CREATE INDEX i ON t (a)"
    difference = additions(schema(T, index), schema(T))
    assert [index.name for _, index in difference.dropped_indexes] == ["i"]
    assert difference.touched() == ()


def test_a_new_column_may_bring_a_foreign_key() -> None:
    after = schema(P, T, "ALTER TABLE t ADD COLUMN p TEXT REFERENCES p")
    assert [column.name for _, column in additions(schema(P, T), after).columns] == ["p"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([P, T], [P]),
        ([T], [T.replace("a INT", "c INT")]),
        ([T], [T.replace("a INT", "a TEXT")]),
        ([T], [T.replace("a INT", "a INT NOT NULL")]),
        ([T], [T.replace("a INT", "a INT DEFAULT 1")]),
        ([T], [T.replace(", b TEXT UNIQUE", "")]),
        (
            [T],
            [T.replace(" PRIMARY KEY", "").replace("UNIQUE", "UNIQUE, PRIMARY KEY (a)")],
        ),
        ([T], [T + " STRICT"]),
        ([T], [T + " WITHOUT ROWID"]),
        ([P, T], [P, T.replace("a INT", "a INT REFERENCES p")]),
        ([P, T.replace("a INT", "a INT REFERENCES p")], [P, T]),
        ([T], [T.replace(" UNIQUE", "")]),
        ([T.replace("a INT", "a INT CHECK (a > 0)")], [T]),
    ],
)
def test_what_is_no_addition_is_never_half_made(before: list[str], after: list[str]) -> None:
    with pytest.raises(MigrationError) as refused:
        additions(schema(*before), schema(*after))
    assert refused.value.code == "not-additive"
    assert refused.value.problem.endswith(": t.")
    assert "leave the old in place" in refused.value.remedy


def test_a_new_check_is_added() -> None:
    after = schema(T, "ALTER TABLE t ADD COLUMN c INT CHECK (c > 0)")
    difference = additions(schema(T), after)
    assert difference.checks == ((after.tables["t"], "c > 0"),)
    assert plan(difference)[-1] == 'ALTER TABLE "t" ADD CHECK ("c" > 0)'
