"""Merging device transactions into a hub's rows. A pure function: rows in, rows out.

A transaction is merged whole, or refused whole: then its rows are echoed to its author, and those
that nobody else has become tombstones. Its inserts and updates come first, then the parents that
its rows need are brought back if somebody deleted them concurrently, then its deletes, as far as
nobody else's write or child row forbids them. So foreign keys never break:

- a child that arrives for a tombstone brings the parent back (and the parent's parents);
- a delete of a row that still has children which the transaction doesn't delete too has no effect.

In both cases the parent is echoed. The author has deleted it, or knows that somebody else has and
only keeps it for the child's sake; so it learns that the row is there to stay.

The caller loads what a merge can touch: the changed rows, the parents of what is written, the
children of what is deleted (`wanted`, `parents_of`). Not here: how rows are loaded and stored
(hub).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from electricsql.replication.change import Change, Op, Transaction
from electricsql.replication.ids import transaction_id, xid_of
from electricsql.replication.row import (
    NO_LIFE,
    Author,
    Row,
    change_row,
    is_unknown,
    life_meant,
    may_delete,
    revive,
)
from electricsql.schema import Key, Schema, Table, Value


class RowId(NamedTuple):
    """Which row: its table and primary key."""

    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class Incoming:
    """A device transaction on its way into the hub.

    `echo` asks for its rows to be sent back to the author, since the hub did not take the
    transaction as it was (its clock was cut back), or the author has given them up. With a
    `refusal` it is known from the start that it can't be merged. One that `is_in` already, sent by
    another copy of its author's file, is only echoed: nobody knows what has happened to its rows
    since.
    """

    transaction: Transaction
    author: Author
    echo: bool = False
    refusal: "Refusal | None" = None
    is_in: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a transaction can't be merged as things are: it waits in the quarantine."""

    code: str
    message: str


@dataclass(slots=True)
class Merged:
    """What a batch came to: the rows that changed, the rows to send back to their author although
    it wrote them, and the refused transactions by their place in the batch. `missed` are rows that
    it turned on and nobody had loaded: load them, and merge again."""

    rows: dict[RowId, Row] = field(default_factory=dict)
    echoed: set[RowId] = field(default_factory=set)
    refused: dict[int, Refusal] = field(default_factory=dict)
    missed: set[RowId] = field(default_factory=set)


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def merge(schema: Schema, loaded: Mapping[RowId, Row | None], batch: Sequence[Incoming]) -> Merged:
    """Merge a batch of transactions, in its order, into the rows at hand."""
    rows = _Rows(schema, loaded)
    merged = Merged()
    for place, incoming in enumerate(batch):
        if incoming.is_in:
            merged.echoed |= wanted([incoming.transaction])
            continue
        rows.begin()
        try:
            merged.echoed |= _merge_one(schema, rows, incoming)
        except _Refused as refused:
            rows.undo()
            merged.refused[place] = refused.refusal
            merged.echoed |= wanted([incoming.transaction])
            _bury(schema, rows, incoming)
    merged.rows, merged.missed = rows.changed(), rows.missed
    return merged


def notice(batch: Iterable[Incoming], known: Iterable[Sequence[int]]) -> list[Incoming]:
    """The batch, after noticing what of it `is_in` already, by the clocks and seals of those that
    are."""
    seen = {(hlc, seal) for hlc, seal in known}
    noticed = []
    for incoming in batch:
        sealed = (incoming.transaction.hlc, incoming.transaction.seal)
        noticed.append(replace(incoming, is_in=True) if sealed in seen else incoming)
        if incoming.transaction.seal:
            seen.add(sealed)
    return noticed


def wanted(transactions: Iterable[Transaction]) -> set[RowId]:
    """The rows that transactions change themselves."""
    return {RowId(c.table, c.key) for t in transactions for c in t.changes}


def parents_of(table: Table, values: Mapping[str, Value]) -> Iterator[RowId]:
    """The rows that a row's foreign keys refer to (none for a key that is partly NULL)."""
    for foreign_key in table.foreign_keys:
        key = tuple(values.get(column) for column in foreign_key.columns)
        if None not in key:
            yield RowId(foreign_key.parent, key)


def looks_the_same(one: Row | None, other: Row | None) -> bool:
    """Whether two states of a row differ at most in who touched it last, which shows nowhere."""
    if one is None or other is None:
        return one is other
    return (
        one.incarnation == other.incarnation
        and one.deleted == other.deleted
        and one.writers == other.writers
        and one.values == other.values
    )


def _merge_one(schema: Schema, rows: "_Rows", incoming: Incoming) -> set[RowId]:
    """Merge one transaction; gives the rows to echo.

    Raises:
        _Refused: it can't be merged; the rows are half done and must be undone.
    """
    if incoming.refusal is not None:
        raise _Refused(incoming.refusal)
    author = incoming.author
    written, deletes = [], []
    echoed: set[RowId] = set()
    for change in incoming.transaction.changes:
        row_id = RowId(change.table, change.key)
        if change.op is Op.DELETE:
            deletes.append((row_id, change))
        else:
            if _write(schema.tables[change.table], rows, (row_id, change), author):
                echoed.add(row_id)
            written.append(row_id)
    echoed |= _bring_parents_back(schema, rows, written, author)
    echoed |= _delete(schema, rows, deletes, author)
    if incoming.echo:
        echoed |= {*written, *(row_id for row_id, _ in deletes)}
    return echoed


def _bury(schema: Schema, rows: "_Rows", incoming: Incoming) -> None:
    """Make tombstones of the rows that only a refused transaction has."""
    direct = transaction_id(xid_of(incoming.author.id))
    for change in incoming.transaction.changes:
        row_id = RowId(change.table, change.key)
        if rows.get(row_id) is None:
            table = schema.tables[change.table]
            key = dict(zip(table.primary_key, change.key, strict=True))
            values = {**table.default_values, **key}
            rows.set(row_id, Row(values, {}, NO_LIFE, deleted=direct))


def _write(table: Table, rows: "_Rows", write: tuple[RowId, Change], author: Author) -> bool:
    """Insert or update; says whether the row is to be echoed."""
    row_id, change = write
    row = rows.get(row_id)
    if is_unknown(row, change, author):
        message = f"It updates {change.table} {change.key!r}, which was never inserted."
        raise _Refused(Refusal("unknown-row", message))
    changed = change_row(table, row, change, author)
    assert changed is not None
    if changed is row:
        return False
    rows.set(row_id, changed)
    # The author may not know the values of a tombstone that it brought back, or which life it is.
    other_life = changed.incarnation > change.incarnation
    if row is None or row.alive or row.never_was:
        return other_life
    return other_life or changed.incarnation == row.incarnation


def _bring_parents_back(
    schema: Schema, rows: "_Rows", written: Sequence[RowId], author: Author
) -> set[RowId]:
    """Revive the parents that rows need; gives those that were dead."""
    revived: set[RowId] = set()
    pending = [row_id for row_id in written if schema.tables[row_id.table].foreign_keys]
    while pending:
        row_id = pending.pop()
        row = rows.get(row_id)
        if row is None or not row.alive:
            continue
        for parent_id in parents_of(schema.tables[row_id.table], row.values):
            parent = rows.get(parent_id)
            if parent is None or parent.never_was:
                message = (
                    f"{row_id.table} {row_id.key!r} refers to {parent_id.table} {parent_id.key!r},"
                    " which does not exist."
                )
                raise _Refused(Refusal("foreign-key", message))
            if not parent.alive:
                rows.set(parent_id, revive(parent, author))
                revived.add(parent_id)
                pending.append(parent_id)
    return revived


def _delete(
    schema: Schema, rows: "_Rows", deletes: Sequence[tuple[RowId, Change]], author: Author
) -> set[RowId]:
    """Delete what may be deleted; gives the rows that stay: for their children's sake, or because
    of a write that the author had not observed (nobody need have been told of it, if it won
    nothing)."""
    going: dict[RowId, Change] = {}
    kept: set[RowId] = set()
    for row_id, change in deletes:
        row, table = rows.get(row_id), schema.tables[row_id.table]
        if row is None or not (row.alive or row.never_was):
            continue
        if life_meant(table, row, change, author) == row.incarnation and may_delete(row, author):
            going[row_id] = change
        elif row.alive:
            kept.add(row_id)
    while staying := [row_id for row_id in going if rows.has_child(row_id, besides=going)]:
        kept.update(staying)
        for row_id in staying:
            del going[row_id]
    for row_id, change in going.items():
        deleted = change_row(schema.tables[row_id.table], rows.get(row_id), change, author)
        assert deleted is not None
        rows.set(row_id, deleted)
    return kept


class _Rows:
    """The rows at hand, with an undo, and an index from parents to their live children (made when
    it is needed: only deletes do)."""

    def __init__(self, schema: Schema, loaded: Mapping[RowId, Row | None]) -> None:
        self._children_tables = {table.name: table for table in schema if table.foreign_keys}
        self._loaded = loaded
        self._rows = dict(loaded)
        self._touched: dict[RowId, None] = {}
        self._undo: list[tuple[RowId, Row | None]] = []
        self._children: defaultdict[RowId, set[RowId]] | None = None
        self.missed: set[RowId] = set()

    def get(self, row_id: RowId) -> Row | None:
        try:
            return self._rows[row_id]
        except KeyError:
            self.missed.add(row_id)
            return None

    def set(self, row_id: RowId, row: Row) -> None:
        before = self._rows.get(row_id)
        self._undo.append((row_id, before))
        self._touched[row_id] = None
        self._rows[row_id] = row
        self._link(row_id, before, row)

    def has_child(self, row_id: RowId, besides: Mapping[RowId, Change]) -> bool:
        """Whether a live row refers to this one that is not among `besides`."""
        if self._children is None:
            self._children = defaultdict(set)
            for each, row in self._rows.items():
                self._link(each, None, row)
        return any(child not in besides for child in self._children.get(row_id, ()))

    def begin(self) -> None:
        self._undo.clear()

    def undo(self) -> None:
        """Go back to the last `begin`."""
        for row_id, before in reversed(self._undo):
            self._link(row_id, self._rows[row_id], before)
            self._rows[row_id] = before

    def changed(self) -> dict[RowId, Row]:
        return {
            row_id: row
            for row_id in self._touched
            if (row := self._rows[row_id]) is not None and row is not self._loaded.get(row_id)
        }

    def _link(self, row_id: RowId, before: Row | None, after: Row | None) -> None:
        table = self._children_tables.get(row_id.table)
        if table is None or self._children is None:
            return
        if before is not None and before.alive:
            for parent_id in parents_of(table, before.values):
                self._children[parent_id].discard(row_id)
        if after is not None and after.alive:
            for parent_id in parents_of(table, after.values):
                self._children[parent_id].add(row_id)
