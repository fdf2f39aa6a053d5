"""Random histories of one hub: rounds in which devices that have all received the same write
offline, and then arrive in any order that keeps each device's own.

And the slow, obviously right twin of merging, to compare with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from electricsql.replication import (
    NOBODY,
    Author,
    Change,
    Clock,
    Op,
    Row,
    change_row,
    transaction_id,
)
from electricsql.schema import Column, ColumnType, Default, Table, Value

NOTES = Table(
    name="notes",
    number=1,
    columns=(
        Column("id", ColumnType.TEXT, "TEXT", not_null=True),
        Column("body", ColumnType.TEXT, "TEXT"),
        Column("done", ColumnType.INTEGER, "INTEGER", default=Default("0", True, 0)),
    ),
    primary_key=("id",),
)
KEY = ("n1",)


@dataclass(frozen=True)
class Write:
    """One change of the row under test, with its author."""

    change: Change
    author: Author
    seen: frozenset[int]

    def observed(self, other: "Write") -> bool:
        same_device = other.author.clock.origin == self.author.clock.origin
        earlier = other.author.clock.hlc < self.author.clock.hlc
        return other.author.id in self.seen or (same_device and earlier)


def play(writes: Sequence[Write]) -> Row | None:
    """What a hub holds after these arrived in this order."""
    row: Row | None = None
    for write in writes:
        row = change_row(NOTES, row, write.change, write.author)
    return row


@st.composite
def rounds(draw: st.DrawFn) -> list[list[list[Write]]]:
    """A history: for each round, for each device, what it wrote to the row, in its order.

    A device writes what makes sense in its own view: it inserts what it holds for absent, and
    updates or deletes what it holds for present.
    """
    clocks: dict[int, Clock] = {}
    history: list[list[list[Write]]] = []
    arrived: list[Write] = []
    hlc = 1
    for number in range(draw(st.integers(1, 3))):
        base = play(arrived)
        seen = frozenset(write.author.id for write in arrived)
        this_round = []
        for origin in range(1, 4):
            this_round.append(_device(draw, (number, origin, hlc), base, seen, clocks))
        history.append(this_round)
        hlc = 1 + max((clock.hlc for clock in clocks.values()), default=hlc)
        arrived += [write for device in this_round for write in device]
    return history


def _device(
    draw: st.DrawFn,
    place: tuple[int, int, int],
    base: Row | None,
    seen: frozenset[int],
    clocks: dict[int, Clock],
) -> list[Write]:
    number, origin, hlc = place
    view, writes = base, []
    for step in range(draw(st.integers(0, 3))):
        hlc += draw(st.integers(1, 4))
        clock = Clock(hlc, origin)
        name = transaction_id(100 * number + 10 * origin + step + 1, 1)
        clocks[name] = clock
        author = Author(name, clock, clocks, seen.__contains__)
        change = _change(draw, view)._replace(ended=ended(base))
        view = change_row(NOTES, view, change, author)
        writes.append(Write(change, author, seen))
    return writes


def ended(row: Row | None) -> int:
    """The last life of a row that is over."""
    return 0 if row is None else row.incarnation - row.alive


def _change(draw: st.DrawFn, view: Row | None) -> Change:
    body = draw(st.sampled_from(["a", "b", "c", None]))
    done = draw(st.integers(0, 2))
    if view is None or not view.alive:
        incarnation = 1 if view is None else view.incarnation + 1
        values: dict[str, Value] = {"id": "n1", "body": body, "done": done}
        return Change("notes", Op.INSERT, KEY, values, incarnation)
    if draw(st.booleans()):
        return Change("notes", Op.DELETE, KEY, {}, view.incarnation)
    values = draw(st.sampled_from([{"body": body}, {"done": done}, {"body": body, "done": done}]))
    return Change("notes", Op.UPDATE, KEY, values, view.incarnation)


@st.composite
def arrival(draw: st.DrawFn, history: list[list[list[Write]]]) -> list[Write]:
    """One order in which a history can arrive: round by round, each device's own order kept."""
    order: list[Write] = []
    for this_round in history:
        queues = [list(device) for device in this_round if device]
        while queues:
            queue = draw(st.sampled_from(queues))
            order.append(queue.pop(0))
            queues = [device for device in queues if device]
    return order


def obvious(writes: Sequence[Write]) -> tuple[int, bool, dict[str, Value]] | None:
    """What must come of all writes, whatever their order: incarnation, life, and values.

    The latest life that anybody began counts; in it, each column has the value of the write with
    the highest (rank, clock); and the row lives unless one delete observed all its inserts and
    updates.
    """
    lives = [w.change.incarnation for w in writes if w.change.op is Op.INSERT]
    if not lives:
        return None
    life = [w for w in writes if w.change.incarnation == max(lives)]
    adds = [w for w in life if w.change.op is not Op.DELETE]
    deletes = [w for w in life if w.change.op is Op.DELETE]
    alive = not any(all(delete.observed(add) for add in adds) for delete in deletes)
    values = {column.name: _highest(adds, column.name) for column in NOTES.columns}
    return max(lives), alive, values


def _highest(adds: Sequence[Write], column: str) -> Value:
    ranked = [
        ((_written(write, column), write.author.clock), write.change.values[column])
        for write in adds
        if column in write.change.values
    ]
    return max(ranked, key=lambda ranked: ranked[0])[1]


def _written(write: Write, column: str) -> bool:
    made_up = write.change.values[column] == NOTES.by_name[column].default_value
    return not (write.change.op is Op.INSERT and made_up and column != "id")


def visible(row: Row | None) -> tuple[int, bool, dict[str, Value]] | None:
    """The part of a row that `obvious` speaks of."""
    return None if row is None else (row.incarnation, row.deleted == NOBODY, dict(row.values))
