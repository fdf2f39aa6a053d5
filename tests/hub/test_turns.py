"""However rows pass unique values on in one transaction, none is taken before it is free."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from electricsql.hub.turns import Update, in_turns
from electricsql.migrations import Source, build
from electricsql.schema import Table, Value

SEATS = """
CREATE TABLE seats (
    id INTEGER PRIMARY KEY NOT NULL, a INTEGER UNIQUE, b INTEGER{0}, c INTEGER{0}, note TEXT,
    UNIQUE (b, c)
)
"""
NULLABLE, REQUIRED = (
    build([Source("20240101000000000_x", "x", SEATS.format(null))])
    .migrations[0]
    .schema.tables["seats"]
    for null in ("", " NOT NULL")
)
Rows = dict[int, dict[str, Value]]


def _unique(rows: Mapping[int, Mapping[str, Value]]) -> bool:
    for names in (("a",), ("b", "c")):
        held = [tuple(row[name] for name in names) for row in rows.values()]
        taken = [each for each in held if None not in each]
        if len(set(taken)) != len(taken):
            return False
    return True


@st.composite
def states(draw: st.DrawFn) -> Rows:
    values = st.one_of(st.none(), st.integers(0, 4))
    rows: Rows = {}
    for id in draw(st.sets(st.integers(1, 6))):
        numbers: dict[str, Value] = {name: draw(values) for name in "abc"}
        row = {"id": id, **numbers, "note": draw(st.sampled_from("xy"))}
        if _unique({**rows, id: row}):
            rows[id] = row
    return rows


def _updated(rows: Rows, turns: Sequence[Sequence[Update]]) -> None:
    for turn in turns:
        for _, after, columns in turn:
            assert columns
            rows[after["id"]].update({name: after[name] for name in columns})  # type: ignore[index]
            assert _unique(rows)


def _between(before: Rows, after: Rows, table: Table) -> Rows:
    """What comes of it in Postgres, which looks at each row."""
    updates = []
    for id in before.keys() & after.keys():
        changed = tuple(n for n in table.column_names if before[id][n] != after[id][n])
        if changed:
            updates.append(Update(before[id], after[id], changed))
    turns = in_turns(table, updates, [before[id] for id in before.keys() - after.keys()])
    rows = {id: dict(row) for id, row in before.items()}
    _updated(rows, turns.early)
    for id in before.keys() - after.keys():
        del rows[id]
    _updated(rows, turns.late)
    for id in after.keys() - before.keys():
        rows[id] = dict(after[id])
        assert _unique(rows)
    return rows


@given(states(), states())
def test_values_that_may_be_null_pass_on_in_every_way(before: Rows, after: Rows) -> None:
    assert _between(before, after, NULLABLE) == after


def test_a_chain_goes_from_its_end() -> None:
    def row(id: int, b: int) -> dict[str, Value]:
        return {"id": id, "a": None, "b": b, "c": 1, "note": "x"}

    length = 1_200
    before = {id: row(id, id) for id in range(length)}
    after = {id: row(id, id + 1) for id in range(length)}
    updates = [Update(before[id], after[id], ("b",)) for id in range(length)]
    turns = in_turns(REQUIRED, updates, [])
    assert (len(turns.early), turns.late) == (length, [])
    _updated(before, turns.early)
    assert before == after


def test_a_circle_that_can_not_be_null_is_left_to_postgres() -> None:
    rows = [{"id": id, "a": None, "b": id, "c": 1, "note": "x"} for id in (1, 2)]
    swapped = [{**row, "b": 3 - id} for id, row in enumerate(rows, 1)]
    updates = [Update(*each, ("b",)) for each in zip(rows, swapped, strict=True)]
    every = [update for turn in in_turns(REQUIRED, updates, []).early for update in turn]
    assert len(every) == 2 and all(each in every for each in updates)
