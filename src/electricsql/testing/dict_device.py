"""A device's file as dicts: slow where it may be, and obviously right.

It keeps the rows as the hub sent them, with their shadows, and the transactions that are not
acknowledged. What the app sees is the one merged with the other by the hub's own merge, anew for
each delta.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Final, Self

from electricsql.device.oplog import Entry, Folded, fold
from electricsql.protocol import (
    DeltaPart,
    Opened,
    Took,
    decode_block,
    decode_clocks,
    encode_transaction,
)
from electricsql.replication import (
    NO_HLC,
    NOBODY,
    OLDEST,
    UNSENT,
    Author,
    Change,
    Clock,
    Cursor,
    Incoming,
    Op,
    Row,
    RowId,
    Transaction,
    change_row,
    is_unknown,
    merge,
    parents_of,
    tick,
    xid_of,
)
from electricsql.schema import Schema, Table, Value
from electricsql.testing.example import VERSIONS, Shown, Statement, Verb, schema_at

_SOMEBODY: Final = 1
"""Whoever made something that everybody has observed: nobody that has a clock."""
_SEALS: Final = count(1)
_BLOCKS_KEPT: Final = 4_096


@dataclass(frozen=True, slots=True)
class Sealed:
    """A transaction that is not acknowledged; `id` names it in the device's own shadows."""

    id: int
    transaction: Transaction


class _Broken(Exception):
    """A statement breaks a foreign key."""


class DictDevice:
    """A `DeviceStore`."""

    def __init__(self, names: Iterator[str]) -> None:
        self._names = names
        self._hlc = 0
        self._ids = UNSENT
        self._begin(version=1)

    def _begin(self, version: int) -> None:
        """Be a new file."""
        self._device = next(self._names)
        self._version = version
        self._origin = self._number = self._offered = self._offered_behind = 0
        self._is_reconciling = False
        self._cursor: Cursor | None = None
        self._base: dict[RowId, Row] = {}
        self._view: dict[RowId, Row] = {}
        self._shown: Shown = {}
        self._clocks: dict[int, Clock] = {}
        self._entries: list[Entry] = []
        self._sealed: list[Sealed] = []
        self._staged: list[DeltaPart] = []

    @property
    def version(self) -> int:
        return self._version

    @property
    def has_unsealed(self) -> bool:
        return bool(self._entries)

    @property
    def pending(self) -> Mapping[int, int]:
        return {each.transaction.number: each.transaction.hlc for each in self._sealed}

    @property
    def _schema(self) -> Schema:
        return schema_at(self._version)

    def opened(self) -> Opened:
        cursor = str(self._cursor) if self._cursor else None
        version = self._schema.version
        marks = {each.transaction.number: each.transaction.mark for each in self._sealed}
        return Opened(
            *(self._device, cursor, version, self._number, marks),
            oldest=self._oldest,
            offered=self._offered_behind
            if min(marks, default=self._number) <= self._offered
            else 0,
            wants_all=self._is_reconciling,
        )

    @property
    def _oldest(self) -> str | None:
        oldest = self._sealed[0].transaction.cursor if self._sealed else self._cursor
        return str(oldest) if oldest else None

    def shown(self) -> Shown:
        return self._shown

    def copy(self) -> Self:
        other = object.__new__(type(self))
        copied = (dict, list)
        other.__dict__.update(
            (name, value.copy() if isinstance(value, copied) else value)
            for name, value in self.__dict__.items()
        )
        other.crash()
        return other

    def crash(self) -> None:
        self._staged = []

    def place(self, origin: int) -> None:
        self._origin = origin

    # What the app writes.

    def write(self, statements: Sequence[Statement]) -> bool:
        if not self._version:
            return False
        rows, entries = dict(self._shown), list(self._entries)
        try:
            for statement in statements:
                entry = self._execute(rows, statement, 1 + len(entries))
                if entry is not None:
                    entries.append(entry)
        except _Broken:
            return False
        self._shown, self._entries = rows, entries
        return True

    def _execute(
        self, rows: dict[RowId, Mapping[str, Value]], statement: Statement, seq: int
    ) -> Entry | None:
        """Change a row, and log it as the triggers do."""
        table = self._schema.tables[statement.table]
        row_id = RowId(table.name, statement.key)
        before = rows.get(row_id)
        if statement.verb is Verb.REMOVE:
            if before is None:
                return None
            del rows[row_id]
            if _has_children(self._schema, rows, row_id):
                raise _Broken
            return Entry(seq, table.number, Op.DELETE, None, _values(table, before))
        if before is None:
            if statement.verb is Verb.SET:
                return None
            key = dict(zip(table.primary_key, statement.key, strict=True))
            rows[row_id] = {**table.default_values, **key, **statement.values}
            entry = Entry(seq, table.number, Op.INSERT, None, _values(table, rows[row_id]))
        else:
            rows[row_id] = {**before, **statement.values}
            names = {n for n, value in statement.values.items() if before[n] != value}
            mask = sum(1 << table.positions[name] for name in names)
            kept = {*names, *table.primary_key}
            logged = {name: value for name, value in rows[row_id].items() if name in kept}
            entry = Entry(seq, table.number, Op.UPDATE, mask, _values(table, logged))
        if any(parent not in rows for parent in parents_of(table, rows[row_id])):
            raise _Broken
        return entry

    # What the engine does.

    def seal(self, now_ms: int) -> int:
        if self._entries:
            tables = {table.number: table for table in self._schema}
            folded = fold(self._entries, tables)
            self._entries = []
            self._number += 1
            self._hlc = self._tick(now_ms)
            self._ids += 1
            name = self._schema.version
            changes = [self._change(each) for each in folded]
            sealed = (self._number, self._hlc, self._cursor, name)
            transaction = Transaction(*sealed, changes, next(_SEALS))
            self._sealed.append(Sealed(self._ids, transaction))
            for change in changes:
                self._note(change)
            if self._is_reconciling:
                self._offer_before(self._sealed[-1:], _made(self._sealed[:-1]))
        return self._number

    def _tick(self, now_ms: int) -> int:
        return tick(self._hlc, now_ms)

    def _change(self, folded: Folded) -> Change:
        row_id = folded.id
        row = self._view.get(row_id)
        life = 1 if row is None else row.incarnation
        if row is not None and not row.alive and folded.op is not Op.DELETE:
            life += 1
        life = max(life, 1)
        base, ended = self._base.get(row_id), 0
        if base is not None and (base.writers or row_id not in self._changed()):
            ended = base.incarnation - base.alive
        return folded.change(life, min(ended, life - 1))

    def _changed(self, *ops: Op) -> set[RowId]:
        """The rows that were changed, and the hub has not acknowledged it."""
        changes = (change for each in self._sealed for change in each.transaction.changes)
        return {RowId(c.table, c.key) for c in changes if not ops or c.op in ops}

    def _note(self, change: Change) -> None:
        """What is committed here is seen here, whatever the hub will make of it."""
        row_id = RowId(change.table, change.key)
        if change.op is not Op.DELETE:
            self._view[row_id] = Row(self._shown[row_id], {}, change.incarnation)
            return
        before = self._view.get(row_id) or self._base.get(row_id)
        table = self._schema.tables[change.table]
        key = dict(zip(table.primary_key, change.key, strict=True))
        values = before.values if before else {**table.default_values, **key}
        life = before.incarnation if before else change.incarnation
        self._view[row_id] = Row(values, {}, life, _SOMEBODY, _SOMEBODY)
        if before is None:
            self._base[row_id] = self._view[row_id]

    def load(self, number: int) -> bytes:
        (sealed,) = (each for each in self._sealed if each.transaction.number == number)
        transaction = sealed.transaction
        (version,) = (each for each in VERSIONS if each.name == transaction.schema_version)
        return encode_transaction(transaction, version.schema.tables)

    def stage(self, part: DeltaPart) -> None:
        if part.part == 0:
            self._staged = []
        self._staged = [*self._staged, part]

    def apply(self, last: DeltaPart, now_ms: int) -> Took:
        self.seal(now_ms)
        parts = [*(self._staged if last.part else ()), last]
        self._staged = []
        number = last.acknowledged
        done = [each for each in self._sealed if each.transaction.number <= number]
        self._sealed = [each for each in self._sealed if each.transaction.number > number]
        self._migrate(parts[0])
        if last.whole:
            self._clear()
            self._is_reconciling = False
        received = self._take(parts)
        if not last.whole:
            self._settle(done, received)
        self._cursor = Cursor.parse(last.cursor)
        self._hlc = max(self._hlc, max(self._clocks.values(), default=OLDEST).hlc)
        self._lay_unsent()
        return Took(last.cursor, last.acknowledged, self._oldest)

    def renew(self) -> int:
        self._device = next(self._names)
        self._origin = self._offered = self._offered_behind = 0
        self._sealed = [
            replace(each, transaction=replace(each.transaction, number=number))
            for number, each in enumerate(self._sealed, 1)
        ]
        self._number = len(self._sealed)
        return self._number

    def reconcile(self, acknowledged: int, horizon: int, now_ms: int, /) -> None:
        self.seal(now_ms)
        unsent = [each for each in self._sealed if each.transaction.number > acknowledged]
        self._offer_before(unsent, set())
        self._is_reconciling = True
        self._offered_behind = horizon

    def _offer_before(self, last: Sequence[Sealed], made: Set[RowId]) -> None:
        """Offer what the last transactions need, in one before them."""
        offered = [self._offer(row_id) for row_id in self._needed(last, made)]
        if offered:
            first = last[0].transaction
            sealed = (first.number, NO_HLC, first.cursor, self._schema.version)
            self._ids += 1
            offer = Sealed(self._ids, Transaction(*sealed, offered, next(_SEALS)))
            before = self._sealed[: -len(last)]
            self._sealed = [*before, offer, *(_renumbered(each, 1) for each in last)]
            self._number += 1
        self._offered = self._number

    def _offer(self, row_id: RowId) -> Change:
        life = self._view[row_id].incarnation
        values = self._view[row_id].values
        return Change(row_id.table, Op.OFFER, row_id.key, values, life, life - 1)

    def _needed(self, unsent: Sequence[Sealed], made: Set[RowId]) -> dict[RowId, None]:
        """The rows that unsent transactions update, or refer to, and that none had made by then, as
        far as they are here or only those have deleted them; and what these refer to."""
        pending: list[RowId] = []
        for each in unsent:
            made = made | _made([each])
            pending += [row_id for row_id in self._touched(each) if row_id not in made]
        changes = [change for each in unsent for change in each.transaction.changes]
        deleted = {RowId(c.table, c.key) for c in changes if c.op is Op.DELETE}
        found: dict[RowId, None] = {}
        while pending:
            row_id = pending.pop()
            if row_id not in found and (row_id in self._shown or row_id in deleted):
                found[row_id] = None
                values = self._view[row_id].values
                pending += parents_of(self._schema.tables[row_id.table], values)
        return found

    def _touched(self, sealed: Sealed) -> Iterator[RowId]:
        """The rows that a transaction updates or refers to."""
        for change in sealed.transaction.changes:
            if change.op is Op.UPDATE:
                yield RowId(change.table, change.key)
            if change.op is not Op.DELETE:
                yield from parents_of(self._schema.tables[change.table], change.values)

    def start_over(self, _: str) -> None:
        self._hlc = 0
        self._begin(version=0)

    def _settle(self, done: Sequence[Sealed], received: Set[RowId]) -> None:
        """What is acknowledged is the hub's. Rows that it has not sent are as we made them (those
        of a refused transaction it does send); who did that is forgotten, so it loses against
        whatever comes later."""
        rows: dict[RowId, Row | None] = {}
        for each in done:
            author = self._incoming(each).author
            for change in each.transaction.changes:
                row_id = RowId(change.table, change.key)
                if row_id not in received:
                    before = rows.get(row_id) or self._base.get(row_id)
                    table = self._schema.tables[change.table]
                    rows[row_id] = change_row(table, before, change, author)
        ids = {each.id for each in done}
        for row_id, row in rows.items():
            if row is not None:
                self._base[row_id] = _forgotten(row, ids)

    def _migrate(self, part: DeltaPart) -> None:
        for migration in part.migrations:
            if migration.name <= (self._schema.version or ""):
                continue
            assert migration.name == VERSIONS[self._version].name, "migrations come in order"
            self._version += 1
            for rows in (self._base, self._view):
                rows.update(padded(self._schema, rows))

    def _clear(self) -> None:
        """A whole delta follows: it has all that the hub knows, clocks too. That rows are dead
        which we have deleted ourselves, and did not make, stays known."""
        self._clocks = {}
        deleted = self._changed() - self._changed(Op.INSERT, Op.OFFER)
        dead = ((row_id, self._view.get(row_id)) for row_id in deleted)
        self._base = {
            row_id: row._replace(writers={})
            for row_id, row in dead
            if row is not None and not row.alive
        }

    def _take(self, parts: Sequence[DeltaPart]) -> Set[RowId]:
        received: dict[RowId, Row] = {}
        for part in parts:
            self._clocks.update(decode_clocks(part.clocks))
            for block in part.blocks:
                received.update(_rows(block, self._version))
        self._base.update(received)
        return received.keys()

    def _lay_unsent(self) -> None:
        before, self._view = self._view, dict(self._base)
        if self._sealed:
            unsent = [self._incoming(each) for each in self._sealed]
            merged = merge(self._schema, self._base, unsent)
            if merged.refused:
                self._show_anyway(unsent, before)
            else:
                self._view.update(merged.rows)
        self._shown = shown_of(self._view)

    def _show_anyway(self, unsent: Sequence[Incoming], before: Mapping[RowId, Row]) -> None:
        """The hub will refuse some of it, but has not said so: till then it is shown whole. Rows
        that it updates, and that never were for the hub, stay as they are."""
        staying: set[RowId] = set()
        for each in unsent:
            for change in each.transaction.changes:
                row_id = RowId(change.table, change.key)
                row = self._view.get(row_id)
                if row_id in staying or is_unknown(row, change, each.author):
                    staying.add(row_id)
                    continue
                row = change_row(self._schema.tables[change.table], row, change, each.author)
                if row is not None:
                    self._view[row_id] = row
        self._view.update((row_id, before[row_id]) for row_id in staying)
        self._keep_parents(before)

    def _keep_parents(self, before: Mapping[RowId, Row]) -> None:
        """Show the rows that others refer to; those that never were at the hub as they are here."""
        pending = [row_id for row_id, row in self._view.items() if row.alive]
        while pending:
            row_id = pending.pop()
            for parent in parents_of(self._schema.tables[row_id.table], self._view[row_id].values):
                row = self._view.get(parent)
                if row is not None and not row.alive:
                    shown = before.get(parent, row) if row.never_was else row
                    self._view[parent] = row._replace(deleted=NOBODY, values=shown.values)
                    pending.append(parent)

    def _incoming(self, sealed: Sealed) -> Incoming:
        transaction = sealed.transaction
        snapshot = transaction.cursor.snapshot if transaction.cursor else None
        clock = self._clocks[sealed.id] = Clock(transaction.hlc, self._origin)
        author = Author(
            sealed.id,
            clock,
            self._clocks,
            lambda known: (
                known == _SOMEBODY or (snapshot is not None and snapshot.sees(xid_of(known)))
            ),
        )
        return Incoming(transaction, author)


@lru_cache(maxsize=_BLOCKS_KEPT)
def _rows(data: bytes, version: int) -> Mapping[RowId, Row]:
    """The rows of a block: the same for all devices, and in many worlds."""
    block = decode_block(data)
    table = schema_at(version).tables[block.table]
    return {RowId(block.table, key): row for key, row in block.rows(table)}


def _made(unsent: Sequence[Sealed]) -> set[RowId]:
    """The rows that transactions insert or offer."""
    changes = (change for each in unsent for change in each.transaction.changes)
    return {RowId(c.table, c.key) for c in changes if c.op in (Op.INSERT, Op.OFFER)}


def _renumbered(sealed: Sealed, by: int) -> Sealed:
    number = sealed.transaction.number + by
    return replace(sealed, transaction=replace(sealed.transaction, number=number))


def shown_of(rows: Mapping[RowId, Row]) -> Shown:
    """What there is to see of rows with their tombstones."""
    return {row_id: row.values for row_id, row in rows.items() if row.deleted == NOBODY}


def padded(schema: Schema, rows: Mapping[RowId, Row]) -> Iterator[tuple[RowId, Row]]:
    """The rows that lack a column which their table has now, with its default."""
    for row_id, row in rows.items():
        table = schema.tables[row_id.table]
        if len(row.values) < len(table.columns):
            yield row_id, row._replace(values={**table.default_values, **row.values})


def _values(table: Table, row: Mapping[str, Value]) -> tuple[Value, ...]:
    return tuple(row.get(name) for name in table.column_names)


def _has_children(schema: Schema, rows: Shown, parent: RowId) -> bool:
    children = {table.name: table for table, _ in schema.children_of(parent.table)}
    return any(
        parent in parents_of(children[row_id.table], values)
        for row_id, values in rows.items()
        if row_id.table in children
    )


def _forgotten(row: Row, ids: set[int]) -> Row:
    """The row as if nobody knew any more who made these writes."""
    return Row(
        row.values,
        {name: NOBODY if abs(id) in ids else id for name, id in row.writers.items()},
        row.incarnation,
        _SOMEBODY if row.deleted in ids else row.deleted,
        _SOMEBODY if row.touched in ids else row.touched,
        NOBODY if row.touched_before in ids else row.touched_before,
    )
