"""What must come of all writes, in plain dicts: nothing here knows how it is done.

The latest life of a row that anybody began counts. In it each register has the value of the write
with the highest (rank, hlc, origin), and the row lives unless one delete observed all that was
written. A version shows the registers that it has.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from electricsql.replication import Clock, Op
from electricsql.schema import Key, Value
from tests.lenses.applications import SHOWN, Application, Placed


class Id(NamedTuple):
    """Which row: its table's uid, and its key."""

    table: str
    key: Key


class Cell(NamedTuple):
    """What somebody writes into a register."""

    value: Value
    made_up: bool = False


Cells = Mapping[str, Cell]


@dataclass(frozen=True)
class Write:
    """One change of a row, by uids."""

    row: Id
    op: Op
    life: int
    cells: Cells
    clock: Clock
    id: int
    seen: frozenset[int]

    def observed(self, other: "Write") -> bool:
        is_earlier = other.clock.origin == self.clock.origin and other.clock.hlc < self.clock.hlc
        return other.id in self.seen or is_earlier


class Fact(NamedTuple):
    """What a register holds, and who wrote it (None: nobody)."""

    value: Value
    writer: Clock | None
    made_up: bool = False


@dataclass(frozen=True)
class Settled:
    """What came of a row."""

    life: int
    alive: bool
    facts: Mapping[str, Fact]


Arrived = Sequence[tuple[int, Write]]
"""All writes in the order they arrived, each with how many versions there were then."""


class Model:
    """An application's rows."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def settled(self, arrived: Arrived, count: int) -> dict[Id, Settled]:
        """What the writes came to, when there are so many versions."""
        rows: dict[Id, list[tuple[int, Write]]] = {}
        for each in arrived:
            rows.setdefault(each[1].row, []).append(each)
        made = {row: self._row(row, writes, count) for row, writes in rows.items()}
        return {row: settled for row, settled in made.items() if settled is not None}

    def shown(
        self, rows: Mapping[Id, Settled], version: int
    ) -> dict[str, dict[Key, dict[str, Value]]]:
        """The rows that a version has, under its names."""
        return {
            name: {
                id.key: {
                    placed.column.name: self.seen_as(placed, row.facts[placed.uid].value, version)
                    for placed in known.columns
                }
                for id, row in rows.items()
                if id.table == known.uid and row.alive
            }
            for name, known in self._application.versions[version].items()
        }

    def seen_as(self, placed: Placed, value: Value, version: int) -> Value:
        """What a version shows of a register's value."""
        if value is not None or not placed.column.not_null:
            return value
        later = self._application.downs[version + 1 :]
        downs = (downs[placed.uid] for downs in later if placed.uid in downs)
        return next(SHOWN[down] for down in downs if down != "NULL")

    def _row(self, row: Id, arrived: Arrived, count: int) -> Settled | None:
        lives = [write.life for _, write in arrived if write.op is Op.INSERT]
        if not lives:
            return None
        life = [write for _, write in arrived if write.life == max(lives)]
        born = next(
            at for at, write in arrived if write.op is Op.INSERT and write.life == max(lives)
        )
        adds = [write for write in life if write.op is not Op.DELETE]
        deletes = [write for write in life if write.op is Op.DELETE]
        alive = not any(all(delete.observed(add) for add in adds) for delete in deletes)
        facts = {
            uid: self._fact(uid, adds) or Fact(self._default(uid, born), None)
            for uid in self._registers(row.table, count)
        }
        return Settled(max(lives), alive, facts)

    def _registers(self, table: str, count: int) -> Iterator[str]:
        for _, _, known in self._application.known(table, count - 1):
            yield from (placed.uid for placed in known.columns)

    def _fact(self, uid: str, adds: Iterable[Write]) -> Fact | None:
        written = [(add, add.cells[uid]) for add in adds if uid in add.cells]
        if not written:
            return None
        write, cell = max(written, key=lambda each: (not each[1].made_up, each[0].clock))
        return Fact(cell.value, write.clock, cell.made_up)

    def _default(self, uid: str, born: int) -> Value:
        """What a row has that was born when there were so many versions."""
        had = [
            (number, placed)
            for number, version in enumerate(self._application.versions)
            for known in version.values()
            for placed in known.columns
            if placed.uid == uid
        ]
        then = [each for each in had if each[0] < born] or had[:1]
        last, placed = then[-1]
        gone = self._application.downs[last + 1].get(uid) if last + 1 < born else None
        return SHOWN[gone] if gone is not None else placed.column.default_value
