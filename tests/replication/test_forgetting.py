"""What all devices have passed may be forgotten: the same comes of their writes as if nothing were.

Two hubs take the same writes. One forgets tombstones and clocks between the rounds; its devices
remember more or less of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest
from msgspec.structs import replace

from electricsql.replication import Author, Change, Clock, Op, Row, change_row, transaction_id
from electricsql.schema import Value
from tests.replication.histories import KEY, NOTES, ended

DEVICES = 3
DIRECT = 0
Steps = list[tuple[Op, dict[str, Value]]]


@dataclass
class Hub:
    """A row at a hub, and how those who write it number its lives."""

    row: Row | None = None
    clocks: dict[int, Clock] = field(default_factory=dict)
    remembered: dict[int, Row | None] = field(default_factory=dict)

    def view(self, origin: int) -> Row | None:
        """The row as a writer has it: the hub's, or what it remembers of it."""
        return self.row or self.remembered.get(origin)

    def write(self, steps: Steps, author: Author, view: Row | None) -> list[tuple[Change, Author]]:
        """A writer's changes, numbered by its own count."""
        known, writes = ended(view), []
        for number, (op, values) in enumerate(steps):
            mine = replace(author, id=author.id + number)
            life = 1 if view is None else view.incarnation + (op is Op.INSERT)
            change = Change("notes", op, KEY, values, life, known)
            view = change_row(NOTES, view, change, mine)
            writes.append((change, mine))
        return writes

    def receive(self, change: Change, author: Author) -> None:
        self.clocks[author.id] = author.clock
        mine = replace(author, clocks=self.clocks)
        self.row = change_row(NOTES, self.row, change, mine)

    def everybody_catches_up(self) -> None:
        if self.row is not None:
            self.remembered = dict.fromkeys(range(DEVICES + 1), self.row)

    @property
    def shown(self) -> dict[str, Value] | None:
        return dict(self.row.values) if self.row and self.row.alive else None


@pytest.mark.parametrize("seed", range(200))
def test_forgetting_changes_nothing(seed: int) -> None:
    random = Random(seed)
    keeps, forgets = Hub(), Hub()
    seen: set[int] = set()
    for number in range(12):
        direct, *queues = play_round(random, number, (keeps, forgets), seen)
        while direct or (queues := [queue for queue in queues if queue]):
            (one, other) = (direct or random.choice(queues)).pop(0)
            seen.add(one[1].id)
            keeps.receive(*one)
            forgets.receive(*other)
            assert keeps.shown == forgets.shown
        for hub in (keeps, forgets):
            hub.everybody_catches_up()
        if random.random() < 0.7:
            forgets.clocks.clear()
            if forgets.shown is None:
                forgets.row = None
                for origin in range(DEVICES + 1):
                    if random.random() < 0.5 or origin == DIRECT:
                        forgets.remembered[origin] = None  # a new device, a client of Postgres


def play_round(
    random: Random, number: int, hubs: tuple[Hub, Hub], seen: set[int]
) -> Iterator[list[tuple[tuple[Change, Author], tuple[Change, Author]]]]:
    """What each writer does in a round, as each hub hears of it. Now and then one alone deletes the
    row, so that there is a tombstone to forget."""
    alive = hubs[0].shown is not None
    alone = random.randint(0, DEVICES) if number % 3 == 1 and alive else None
    for origin in range(DEVICES + 1):
        if alone is None:
            steps = plan(random, alive, 1 if origin == DIRECT else 3)
        else:
            steps = [(Op.DELETE, {})] if origin == alone else []
        clock = Clock(100 * number + random.randint(1, 50), origin)
        id = transaction_id(100 * number + 10 * origin + 1, int(origin != DIRECT))
        sees = seen.copy().__contains__ if origin != DIRECT else everything
        author = Author(id, clock, {}, sees)
        written = [hub.write(steps, author, hub.view(origin)) for hub in hubs]
        yield list(zip(*written, strict=True))


def everything(_: int) -> bool:
    return True


def plan(random: Random, alive: bool, most: int) -> Steps:
    """What somebody does who sees the row, or sees none. (Who deletes a row and inserts it again
    before others hear of it begins a life that they can't tell from the one they mean.)"""
    steps: Steps = []
    for _ in range(random.randint(0, most)):
        if steps and steps[-1][0] is Op.DELETE:
            break
        body, done = random.choice(["a", "b", None]), random.randint(0, 2)
        if not alive:
            steps.append((Op.INSERT, {"id": "n1", "body": body, "done": done}))
        elif random.random() < 0.5:
            steps.append((Op.DELETE, {}))
        else:
            steps.append((Op.UPDATE, random.choice([{"body": body}, {"done": done}])))
        alive = steps[-1][0] is not Op.DELETE
    return steps


def test_who_counts_a_life_otherwise_than_the_hub_is_sent_the_row_and_nobody_touches_it() -> None:
    """The key counts as made up: readings do not leave such a row out for its author."""
    author = Author(id := transaction_id(11, 1), Clock(1, 1), {}, everything)
    for life, writer in ((2, -id), (1, id)):
        change = Change(
            "notes", Op.INSERT, KEY, {"id": "n1", "body": "a", "done": 1}, life, life - 1
        )
        row = change_row(NOTES, None, change, author)
        assert row is not None and row.incarnation == 1
        assert (row.writers["id"], row.touched, row.touched_before) == (writer, id, 0)
