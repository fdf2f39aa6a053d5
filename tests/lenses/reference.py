"""What must come of all writes, in plain dicts: nothing here knows how it is done.

The latest life of a row that anybody began counts. In it each register has the value of the write
with the highest (rank, hlc, origin), and the row lives unless one delete observed all that was
written. A version shows the registers that it has. What is written to a register is written to its
newer forms, too; a version shows the form that was written last.
"""

from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from electricsql.replication import Clock, Op
from electricsql.schema import Column, ColumnType, Key, Value
from tests.lenses.applications import SHOWN, Application, Newer, Placed
from tests.lenses.rules import Failure


class Id(NamedTuple):
    """Which row: its table's uid, and its key."""

    table: str
    key: Key


class Cell(NamedTuple):
    """What somebody writes into a register."""

    value: Value
    made_up: bool = False
    lost: bool = False
    """Whether there was something that could not be converted."""


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
        self, rows: Mapping[Id, Settled], version: int, count: int
    ) -> dict[str, dict[Key, dict[str, Value]]]:
        """The rows that a version has, under its names, when there are so many versions."""
        return {
            name: {
                id.key: {
                    placed.column.name: self.fact(placed, row, version, count).value
                    for placed in known.columns
                }
                for id, row in rows.items()
                if id.table == known.uid and row.alive
            }
            for name, known in self._application.versions[version].items()
        }

    def fact(self, placed: Placed, row: Settled, version: int, count: int) -> Fact:
        """What a version shows in a column, and whose it is."""
        newer = self._application.forms(placed.uid, count - 1)
        forms = [placed.uid, *(each.new.uid for each in newer)]
        last = len(newer)
        for form in reversed(range(last)):
            if _counts(row.facts[forms[form]], row.facts[forms[last]]):
                last = form
        fact = row.facts[forms[last]]
        value = fact.value
        for each in reversed(newer[:last]):
            value = self.seen_as(each.new, value, each.version)
            value = _settled(each.rule.lowers, value, each.old.column)
        return fact._replace(value=self.seen_as(placed, value, version))

    def seen_as(self, placed: Placed, value: Value, version: int) -> Value:
        """What a version shows of a register's value."""
        if value is not None or not placed.column.not_null:
            return value
        later = self._application.downs[version + 1 :]
        downs = (downs[placed.uid] for downs in later if placed.uid in downs)
        return next((SHOWN[down] for down in downs if down != "NULL"), None)

    def _row(self, row: Id, arrived: Arrived, count: int) -> Settled | None:
        lives = [write.life for _, write in arrived if write.op is Op.INSERT]
        if not lives:
            return None
        life = [each for each in arrived if each[1].life == max(lives)]
        born = next(
            at for at, write in arrived if write.op is Op.INSERT and write.life == max(lives)
        )
        adds = [each for each in life if each[1].op is not Op.DELETE]
        deletes = [write for _, write in life if write.op is Op.DELETE]
        alive = not any(all(delete.observed(add) for _, add in adds) for delete in deletes)
        facts = {uid: self._fact(uid, adds, born) for uid in self._registers(row.table, count)}
        return Settled(max(lives), alive, facts)

    def _registers(self, table: str, count: int) -> Iterator[str]:
        for _, _, known in self._application.known(table, count - 1):
            yield from (placed.uid for placed in known.columns)

    def _fact(self, uid: str, adds: Arrived, born: int) -> Fact:
        """What a register holds: what it was made with, or the last that was written since."""
        since, fact = 0, Fact(self._default(uid, born), None)
        newer = next((n for n in self._application.newer.values() if n.new.uid == uid), None)
        if newer is not None and born <= newer.version:
            since = newer.version + 1
            early = [each for each in adds if each[0] < since]
            fact = self._raised(newer, self._fact(newer.old.uid, early, born))
        for count, write in adds:
            cell = self._cell(uid, write)
            if count >= since and cell is not None:
                fact = max(fact, Fact(cell.value, write.clock, cell.made_up), key=_rank)
        return fact

    def _raised(self, newer: Newer, fact: Fact) -> Fact:
        """What a migration makes of what is there."""
        made = _attempt(newer.rule.raises, fact.value, newer.new.column)
        if isinstance(made, Failure):
            made = self._instead(newer)
        if isinstance(made, Failure):
            return Fact(_zero(newer.new.column), None)
        return fact._replace(value=made)

    def _instead(self, newer: Newer) -> Value | Failure:
        if newer.on_error == "hold":
            return Failure()
        return None if newer.on_error == "NULL" else literal_eval(newer.on_error)

    def _cell(self, uid: str, write: Write) -> Cell | None:
        """What a write has for a register: itself, or by the forms that it has newer ones of."""
        if uid in write.cells:
            return write.cells[uid]
        newer = next((n for n in self._application.newer.values() if n.new.uid == uid), None)
        cell = self._cell(newer.old.uid, write) if newer is not None else None
        if newer is None or cell is None:
            return None
        if cell.lost:
            return Cell(_zero(newer.new.column), made_up=True, lost=True)
        made = _attempt(newer.rule.raises, cell.value, newer.new.column)
        if isinstance(made, Failure):
            made = self._instead(newer)
        if not isinstance(made, Failure):
            return Cell(made, cell.made_up)
        if write.op is not Op.INSERT:
            return None
        return Cell(_zero(newer.new.column), made_up=True, lost=True)

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
        if placed.uid in self._application.newer and last + 1 < born:
            return placed.column.default_value
        gone = self._application.downs[last + 1].get(uid) if last + 1 < born else None
        return SHOWN[gone] if gone is not None else placed.column.default_value


def _counts(older: Fact, newer: Fact) -> bool:
    """Whether an older form was written later than a newer one, or with it."""
    is_same = (older.writer, older.made_up) == (newer.writer, newer.made_up)
    return is_same or _rank(older) > _rank(newer)


def _rank(fact: Fact) -> tuple[bool, tuple[int, int]]:
    return fact.writer is not None and not fact.made_up, fact.writer or (-1, -1)


def _attempt(rule: Callable[[Value], Value], value: Value, column: Column) -> Value | Failure:
    try:
        found = rule(value)
    except Failure as failure:
        return failure
    return Failure() if found is None and column.not_null else found


def _settled(rule: Callable[[Value], Value], value: Value, column: Column) -> Value:
    found = _attempt(rule, value, column)
    return _zero(column) if isinstance(found, Failure) else found


def _zero(column: Column) -> Value:
    if column.default_value is not None or not column.not_null:
        return column.default_value
    return 0 if column.type is ColumnType.INTEGER else ""
