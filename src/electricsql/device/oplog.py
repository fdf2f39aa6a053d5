"""What the oplog's entries mean: read from the triggers' columns, and folded to one change a row.

An entry says what one statement did to a row; a transaction needs only what became of the row.
Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from electricsql.replication import Change, Op, RowId
from electricsql.schema import Key, Table, Value


class Entry(NamedTuple):
    """One entry, as the table has it; `values` are the columns c0, c1, … of the table. A delete has
    the mask 0 if it tells only the key (`restoring.py`)."""

    seq: int
    tbl: int
    op: int
    mask: int | str | None
    values: tuple[Value, ...]


class Folded(NamedTuple):
    """What a transaction did to one row, all in all. `before` has the old row where a delete logged
    it; if the transaction had updated it first, then with the new values, and `values` tells which
    those are.

    An insert of a row that had been there is an update of what differs, as far as this tells. `seq`
    is that of the row's last entry.
    """

    seq: int
    table: Table
    key: Key
    op: Op
    values: Mapping[str, Value]
    before: Mapping[str, Value] | None = None

    @property
    def id(self) -> RowId:
        return RowId(self.table.name, self.key)

    def change(self, incarnation: int = 1, ended: int = 0) -> Change:
        """The change that is replicated."""
        values = {} if self.op is Op.DELETE else self.values
        return Change(self.table.name, self.op, self.key, values, incarnation, ended)


def fold(entries: Iterable[Entry], tables: Mapping[int, Table]) -> list[Folded]:
    """One `Folded` for each row that a transaction changed, in the order of their first entries.

    An update that changed nothing is none.
    """
    rows: dict[RowId, Folded] = {}
    for entry in entries:
        step = _read(entry, tables[entry.tbl])
        row_id = step.id
        before = rows.get(row_id)
        rows[row_id] = step if before is None else _then(before, step)
    return [folded for folded in rows.values() if folded.values or folded.op is not Op.UPDATE]


def entry_columns(tables: Iterable[Table]) -> str:
    """What is read of the oplog for `entry_of`, if it is about these tables."""
    width = max((len(table.columns) for table in tables), default=0)
    return ", ".join(("seq", "tbl", "op", "mask", *(f"c{place}" for place in range(width))))


def entry_of(row: Sequence[Any]) -> Entry:
    """An entry, from its columns."""
    return Entry(row[0], row[1], row[2], row[3], tuple(row[4:]))


def _read(entry: Entry, table: Table) -> Folded:
    named = dict(zip(table.column_names, entry.values, strict=False))
    key = table.key_of(named)
    op = Op(entry.op)
    if op is Op.DELETE:
        return Folded(entry.seq, table, key, op, {}, before=None if entry.mask == 0 else named)
    if op is not Op.UPDATE:
        return Folded(entry.seq, table, key, op, named)
    changed = {name: named[name] for name in _masked(entry.mask, table.column_names)}
    return Folded(entry.seq, table, key, op, changed)


def _masked(mask: int | str | None, names: Sequence[str]) -> list[str]:
    """The columns that an update's mask names."""
    if isinstance(mask, str):
        return [name for name, bit in zip(names, mask, strict=False) if bit == "1"]
    bits = mask or 0
    return [name for place, name in enumerate(names) if bits >> place & 1]


def _then(first: Folded, second: Folded) -> Folded:
    """Two steps of one row as one.

    Of a row that was inserted and deleted again a delete remains: the insert may have replaced a
    row without any trigger telling (REPLACE).
    """
    match first.op, second.op:
        case Op.INSERT, Op.DELETE:
            return second._replace(before=None)
        case _, Op.DELETE:
            return second._replace(values=first.values, before=first.before or second.before)
        case _, Op.INSERT if first.before is not None:
            return _replaced(first, first.before, second)
        case _, Op.INSERT:
            return second
        case _:
            return first._replace(values={**first.values, **second.values}, seq=second.seq)


def _replaced(first: Folded, before: Mapping[str, Value], inserted: Folded) -> Folded:
    """A delete and an insert in one transaction: for everybody else, an update of what differs.

    What was updated before the delete counts as different: the delete logged the new value.
    """
    changed = {
        name: value
        for name, value in inserted.values.items()
        if name not in inserted.table.primary_key
        and (name in first.values or not _same(before.get(name), value))
    }
    return inserted._replace(op=Op.UPDATE, values=changed, before=before)


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other
