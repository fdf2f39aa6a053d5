"""One row: order, grouping and repetition of what arrives don't matter, and the twin agrees."""

from hypothesis import given
from hypothesis import strategies as st

from electricsql.replication import Author, Change, Clock, Op, Row, change_row, looks_the_same
from tests.replication.histories import (
    KEY,
    NOTES,
    Write,
    arrival,
    obvious,
    play,
    rounds,
    visible,
)

ANN, BOB, EVE = Clock(10, 1), Clock(20, 2), Clock(30, 3)
CLOCKS = {1 << 10 | 1: ANN, 2 << 10 | 1: BOB, 3 << 10 | 1: EVE}


def author(clock: Clock, *seen: Clock) -> Author:
    ids = {clock: id for id, clock in CLOCKS.items()}
    return Author(ids[clock], clock, CLOCKS, {ids[c] for c in seen}.__contains__)


def insert(body: str | None = "milk", done: int = 0, incarnation: int = 1) -> Change:
    return Change("notes", Op.INSERT, KEY, {"id": "n1", "body": body, "done": done}, incarnation)


def update(incarnation: int = 1, **values: str | int) -> Change:
    return Change("notes", Op.UPDATE, KEY, values, incarnation)


def delete(incarnation: int = 1) -> Change:
    return Change("notes", Op.DELETE, KEY, {}, incarnation)


def history(*steps: tuple[Change, Author]) -> Row:
    row: Row | None = None
    for change, who in steps:
        row = change_row(NOTES, row, change, who)
    assert row is not None
    return row


@given(st.data())
def test_the_order_of_arrival_does_not_matter_and_the_twin_agrees(data: st.DataObject) -> None:
    told = data.draw(rounds())
    writes = data.draw(arrival(told))
    assert visible(play(writes)) == obvious(writes)


@given(st.data())
def test_a_write_that_arrives_twice_changes_nothing(data: st.DataObject) -> None:
    writes = data.draw(arrival(data.draw(rounds())))
    once = None
    for write in writes:
        once = change_row(NOTES, once, write.change, write.author)
        assert change_row(NOTES, once, write.change, write.author) == once


@given(st.data())
def test_a_device_sees_what_the_hub_will_hold(data: st.DataObject) -> None:
    """Unsent writes laid over a received row are what the hub makes of the same writes."""
    told = data.draw(rounds())
    writes = data.draw(arrival(told))
    mine = list(told[-1][0])
    others = [write for write in writes if write not in mine]
    rebased = play(others)
    for write in mine:
        rebased = change_row(NOTES, rebased, write.change, write.author)
    assert visible(rebased) == visible(play(writes))


def test_each_column_has_its_last_writer() -> None:
    row = history(
        (insert(), author(ANN)),
        (update(body="oat milk"), author(EVE, ANN)),
        (update(body="soy milk", done=1), author(BOB, ANN)),
    )
    assert row.values == {"id": "n1", "body": "oat milk", "done": 1}


def test_a_concurrent_update_beats_a_delete_in_both_orders() -> None:
    one = history(
        (insert(), author(ANN)), (delete(), author(BOB, ANN)), (update(done=1), author(EVE, ANN))
    )
    other = history(
        (insert(), author(ANN)), (update(done=1), author(EVE, ANN)), (delete(), author(BOB, ANN))
    )
    assert one.alive and other.alive
    assert one.values == other.values == {"id": "n1", "body": "milk", "done": 1}


def test_a_delete_that_observed_everything_leaves_a_tombstone_with_the_last_values() -> None:
    row = history((insert(), author(ANN)), (delete(), author(BOB, ANN)))
    assert not row.alive
    assert row.values["body"] == "milk"


def test_a_losing_update_still_keeps_the_row_from_a_delete_that_missed_it() -> None:
    row = history(
        (insert(), author(ANN)),
        (update(body="late"), author(EVE, ANN)),
        (update(body="lost"), author(BOB, ANN)),
        (delete(), Author(9 << 10 | 1, Clock(40, 3), CLOCKS, {1 << 10 | 1}.__contains__)),
    )
    assert row.alive
    assert row.values["body"] == "late"


def test_values_from_before_a_delete_never_show_through_a_new_life() -> None:
    row = history(
        (insert("old", 1), author(ANN)),
        (delete(), author(BOB, ANN)),
        (insert(None, 0, incarnation=2), author(EVE, ANN, BOB)),
    )
    assert row.values == {"id": "n1", "body": None, "done": 0}
    late = change_row(NOTES, row, update(body="stale"), author(BOB, ANN))
    assert late == row


def test_a_made_up_value_loses_to_a_written_one_whatever_their_clocks() -> None:
    written_first = history((insert(done=2), author(ANN)), (insert(done=0), author(EVE)))
    assert written_first.values["done"] == 2


def test_replacing_a_row_writes_only_what_differs() -> None:
    row = history((insert("milk", 1), author(ANN)), (insert("milk", 0), author(EVE, ANN)))
    assert row.values["done"] == 0
    assert row.writers["body"] == 1 << 10 | 1
    concurrent = change_row(NOTES, row, update(body="oat milk"), author(BOB, ANN))
    assert concurrent is not None
    assert concurrent.values == {"id": "n1", "body": "oat milk", "done": 0}


def test_a_column_that_an_old_insert_lacks_gets_its_default() -> None:
    old = Change("notes", Op.INSERT, KEY, {"id": "n1", "body": "milk"})
    row = change_row(NOTES, None, old, author(ANN))
    assert row is not None
    assert row.values["done"] == 0
    assert "done" not in row.writers


def test_touching_is_no_difference_that_shows() -> None:
    row = history((insert(), author(ANN)), (update(body="late"), author(EVE, ANN)))
    touched = change_row(NOTES, row, update(body="lost"), author(BOB, ANN))
    assert touched != row
    assert looks_the_same(touched, row)


def test_writes_are_observed_by_their_own_device() -> None:
    first = Write(insert(), author(ANN), frozenset())
    mine = Author(5 << 10 | 1, Clock(11, 1), CLOCKS, lambda _: False)
    assert not history((first.change, first.author), (delete(), mine)).alive
