"""One row's life: its registers, and what a change does to it. The rules of merging.

1. Incarnations. A change meant for an earlier life of the row does nothing; an insert that starts a
   later life replaces the row. The hub counts: an author may remember lives that the hub has
   forgotten, and then has higher numbers (`life_meant`). The key of a row that an insert made
   in a life of another number counts as made up: a reading leaves it out for nobody.
2. Columns: last writer wins by `(rank, hlc, origin)`, each column on its own. A made-up value (an
   insert's column that equals its default) has rank 0 and loses against every written one.
3. A delete takes effect only if its author had observed every write the row has had in this life
   (add-wins). A tombstone keeps the last values; a write that did not observe it brings the row
   back. A write of this life that finds a tombstone can't have observed it, or it would have begun
   a new life.
4. An insert over a row that its author had observed (REPLACE) writes only what differs.
5. A transaction from the quarantine comes after later ones of its author: what those deleted stays
   deleted. A row that only a refused transaction had never was: it can't be updated, nor brought
   back, until that transaction is taken after all. It is in no life: whoever inserts it begins the
   first.
6. Who was sent all rows and no tombstones can't count the lives of a row that was dead then. So an
   insert by somebody who has observed the row's death begins a new life, and a change by somebody
   who has observed all of a life is about that one.
7. An offer brings back what the hub may have lost, as its author last had it: it makes the row
   where there is none, and else writes only what differs and wins; so it touches nothing in vain.
   It has no clock if the hub has forgotten (`Op.OFFER`); if the hub was put back to a backup, that
   of the newest which its author had received from there.

To know whether a deleter had observed every write it is enough to keep two of them: hub history has
an order, so whoever saw the last write of a row saw all earlier ones; and an author counts its own
writes as observed, so the last write by another than the last one's origin is kept too.

Everything here is a pure function of its arguments, and the same code at the hub and on the device.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

import msgspec

from electricsql.replication.change import Change, Op, Present
from electricsql.replication.clock import NO_HLC, OLDEST, Clock, Clocks
from electricsql.replication.ids import NOBODY, is_direct
from electricsql.schema import Table, Value

NO_LIFE: Final = 0
FIRST_LIFE: Final = 1
_MAKING: Final = (Op.INSERT, Op.OFFER)


class Row(NamedTuple):
    """A row with its shadow: what the hub knows, and what a delta carries.

    `writers` has the id of the transaction that wrote each column, negative where the value was
    made up; a column that is missing there was written by nobody known, and has its default.
    `deleted` is the deleter's id while the row is a tombstone, else NOBODY. `touched` is the last
    transaction that inserted or updated the row, winning or not; `touched_before` the last of
    another origin.
    """

    values: Mapping[str, Value]
    writers: Mapping[str, int]
    incarnation: int = 1
    deleted: int = NOBODY
    touched: int = NOBODY
    touched_before: int = NOBODY

    @property
    def alive(self) -> bool:
        return self.deleted == NOBODY

    @property
    def never_was(self) -> bool:
        """Whether it is the tombstone of a row that only a refused transaction had."""
        return not self.alive and self.touched == NOBODY

    def transactions(self) -> set[int]:
        """The ids of everybody who made the row what it is."""
        ids = {*map(abs, self.writers.values()), self.deleted, self.touched, self.touched_before}
        ids.discard(NOBODY)
        return ids


class Author(msgspec.Struct, frozen=True):
    """Who makes a change: the transaction's id, its clock, and what it had observed."""

    id: int
    clock: Clock
    clocks: Clocks
    """Of every transaction that the rows at hand mention."""
    sees: Callable[[int], bool]
    """Whether the author's cursor has a transaction, by id."""

    def observed(self, transaction: int) -> bool:
        """Whether the author had received that transaction, or made it."""
        return (
            transaction == NOBODY
            or self.clock_of(transaction).origin == self.clock.origin
            or self.sees(transaction)
        )

    def clock_of(self, transaction: int) -> Clock:
        return self.clock if transaction == self.id else self.clocks.get(transaction, OLDEST)


def change_row(table: Table, row: Row | None, change: Change, author: Author) -> Row | None:
    """What a change makes of a row (None: there is none, not even a tombstone).

    A delete is taken at its word here except for rule 3; whether foreign keys allow it is decided
    in `merge.py`. An update of a row that isn't there does nothing: there is nothing to update.
    """
    if row is None:
        return _born(table, change, author, FIRST_LIFE) if change.op in _MAKING else row
    if _deleted_since(row, author):
        return row
    life = life_meant(table, row, change, author)
    if life > row.incarnation:
        return _born(table, change, author, life)
    if life < row.incarnation:
        return row
    if change.op is Op.DELETE:
        return _deleted(row, author)
    if row.never_was:
        return _born(table, change, author, FIRST_LIFE) if change.op in _MAKING else row
    values, writers = _written(table, row, change, author)
    if change.op is Op.OFFER and writers == row.writers:
        return row
    return _touched(row, author, values, writers)


def is_unknown(row: Row | None, change: Change, author: Author) -> bool:
    """Whether a change can only mean a row that the hub never had: of a life that began with an
    insert which was refused."""
    if change.op is not Op.UPDATE:
        return False
    if row is None or row.never_was:
        return True
    is_later = change.incarnation > row.incarnation
    return is_later and not row.alive and author.observed(row.deleted)


def life_meant(table: Table, row: Row, change: Change, author: Author) -> int:
    """Which life of the row a change is about, as the hub counts them (rules 1 and 6).

    Its author counts on from lives that the hub may have forgotten: then the hub has a row of a
    life that is said to be over, and began without the author's knowing. A higher number still
    means the present life, unless it inserts: that begins the next one.
    """
    number = change.incarnation
    if row.incarnation <= change.ended and not author.observed(_birth(table, row)):
        number -= change.ended
    if number > row.incarnation:
        number = row.incarnation + (change.op is Op.INSERT)
    if row.alive:
        knows_all = number < row.incarnation and may_delete(row, author)
        return row.incarnation if knows_all else number
    begins = change.op is Op.INSERT and author.observed(row.deleted)
    return row.incarnation + 1 if begins else number


def may_delete(row: Row, author: Author) -> bool:
    """Rule 3: whether the author had observed every write of this life of the row. One that never
    was has none."""
    return row.never_was or (author.observed(row.touched) and author.observed(row.touched_before))


def revive(row: Row, author: Author) -> Row:
    """Bring a tombstone back with its last values: somebody needs the row who had not observed its
    deletion."""
    return _touched(row, author, row.values, row.writers)


def sent_back(row: Row, direct: int) -> Row:
    """The row as the hub itself touches it, by a direct transaction: so its author is sent it
    too."""
    if row.never_was:  # it may be its author that deleted it (rule 5)
        return row._replace(touched_before=direct)
    before = row.touched_before if is_direct(row.touched) else row.touched
    return row._replace(touched=direct, touched_before=before)


def _birth(table: Table, row: Row) -> int:
    """Who began this life of the row: nobody writes a key later."""
    return abs(row.writers.get(table.primary_key[0], NOBODY))


def _born(table: Table, change: Change, author: Author, life: int) -> Row:
    values = {**table.default_values, **change.values}
    writers = _writers_of(table, change, author)
    if life != change.incarnation:  # so its author is sent the row, and counts as the hub does
        writers |= dict.fromkeys(table.primary_key, -author.id)
    return Row(values, writers, life, NOBODY, author.id)


def _deleted_since(row: Row, author: Author) -> bool:
    """Rule 5: whether the author itself deleted the row later."""
    if row.alive:
        return False
    deleted = author.clock_of(row.deleted)
    return deleted.origin == author.clock.origin and deleted > author.clock


def _deleted(row: Row, author: Author) -> Row:
    if not (row.alive or row.never_was) or not may_delete(row, author):
        return row
    return row._replace(deleted=author.id)


def _written(
    table: Table, row: Row, change: Change, author: Author
) -> tuple[Mapping[str, Value], Mapping[str, int]]:
    """The values and writers that an insert or update leaves. Who had observed the row knows what
    is in a register that nobody has written yet."""
    values, writers = dict(row.values), dict(row.writers)
    come, unchanged = _coming(table, row, change, author)
    for name, writer in come.items():
        if name not in unchanged and _is_later(writer, writers.get(name, NOBODY), author):
            values[name], writers[name] = change.values[name], writer
    return values, writers


def _coming(
    table: Table, row: Row, change: Change, author: Author
) -> tuple[Mapping[str, int], Collection[str]]:
    """Who writes which columns outside the key by a change, and the columns that an insert or offer
    need not write."""
    names = [name for name in change.values if name not in table.primary_key]
    if change.op is Op.UPDATE:
        return dict.fromkeys(names, author.id), ()
    values, writers, born = row.values, row.writers, _birth(table, row)
    known = {
        name
        for name in names
        if row.alive and author.observed(abs(writers.get(name, NOBODY)) or born)
    }
    come = _writers_of(table, change, author)
    if change.op is Op.OFFER:
        known = set(names)
    else:
        come.update(dict.fromkeys(known, author.id))
    if change.unchanged is None:
        same_ones = [name for name in known if same(values.get(name), change.values[name])]
        return {name: come[name] for name in names}, same_ones

    def wins(name: str) -> bool:
        return _is_later(come[name], writers.get(name, NOBODY), author)

    present = Present(values, writers, author.clocks, known.__contains__, wins)
    return {name: come[name] for name in names}, change.unchanged(present)


def _touched(
    row: Row, author: Author, values: Mapping[str, Value], writers: Mapping[str, int]
) -> Row:
    """The row alive, with these values. Remembers the last two writers of different origins."""
    before = row.touched_before
    if author.clock_of(row.touched).origin != author.clock.origin:
        before = row.touched
    return Row(values, writers, row.incarnation, NOBODY, author.id, before)


def _writers_of(table: Table, change: Change, author: Author) -> dict[str, int]:
    """What an insert puts into registers: the negative id for what the default would be too. What
    is offered was written by somebody, or nobody knows when if it has no clock."""
    writer = author.id
    if change.op is Op.OFFER:
        return dict.fromkeys(change.values, -writer if author.clock.hlc == NO_HLC else writer)
    if change.made_up is not None:
        return {name: -writer if name in change.made_up else writer for name in change.values}
    defaults = table.constant_defaults
    return {
        name: -writer if name in defaults and same(defaults[name], value) else writer
        for name, value in change.values.items()
    }


def _is_later(writer: int, before: int, author: Author) -> bool:
    """Whether a write wins over the one before in its register; none does over itself."""
    if abs(writer) == abs(before):
        return False
    if (writer > 0) != (before > 0):
        return writer > 0
    return author.clock_of(abs(writer)) > author.clock_of(abs(before))


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same to SQLite: storage class and value (1 and 1.0 differ)."""
    return type(one) is type(other) and one == other
