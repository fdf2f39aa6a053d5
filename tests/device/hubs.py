"""A hub in memory for tests of the device's part: rows in a dict, the real merge, deltas in parts.

One merge after the other, so a cursor is "all up to this xid". A device is sent what is new, but
not its own rows, unless the hub has them otherwise, or made more of them than was asked for (a
parent that came back). A whole delta has every row there is, and every tombstone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from operator import itemgetter

from msgspec.structs import replace as replaced

from electricsql.protocol import (
    DeltaPart,
    MigrationFrame,
    RefusedFrame,
    Staged,
    encode_block,
    encode_clocks,
)
from electricsql.replication import (
    AppliedMigration,
    Author,
    Block,
    Change,
    Clock,
    Cursor,
    Incoming,
    Op,
    Refusal,
    Row,
    RowId,
    Shadow,
    Snapshot,
    Transaction,
    merge,
    sent_back,
    tick,
    transaction_id,
    xid_of,
)
from electricsql.schema import Key, Schema, Table, Value
from tests.device.files import NOW_MS

EPOCH = "epoch"
Delta = tuple[list[DeltaPart], DeltaPart]


def cursor_at(xid: int) -> Cursor:
    return Cursor(EPOCH, Snapshot(xid + 1, xid + 1))


def mark_of(clocks: dict[int, Clock]) -> str:
    """What such a hub would say with its cursor."""
    return f"{max(clock.hlc for clock in clocks.values())}.{len(clocks)}.{0:016}"


def block_of(table: Table, rows: Sequence[Row], columns: Sequence[str] | None = None) -> Block:
    """A block of these rows; of some of their columns."""
    names = tuple(columns or table.column_names)
    shadows = [
        Shadow(
            row.incarnation,
            row.deleted,
            row.touched,
            row.touched_before,
            tuple(row.writers.get(name, 0) for name in names),
        )
        for row in rows
    ]
    distinct = list(dict.fromkeys(shadows))
    values = [[row.values[name] for row in rows] for name in names]
    return Block(table.name, names, values, distinct, [distinct.index(s) for s in shadows])


def delta_of(
    blocks: Iterable[Sequence[Block]],
    *,
    xid: int = 100,
    whole: bool = False,
    clocks: dict[int, Clock] | None = None,
    answer: tuple[int, Sequence[RefusedFrame]] = (0, ()),
    migrations: Sequence[AppliedMigration] = (),
    mark: str = "",
) -> Delta:
    """A delta with a part for each list of blocks."""
    told = [MigrationFrame(m.name, m.title, m.sha256, m.statements) for m in migrations]
    every = list(blocks) or [()]
    totals = list(accumulate(sum(map(len, part)) for part in every))
    parts = [
        DeltaPart(
            number,
            False,
            whole,
            str(replaced(cursor_at(xid), mark=mark)),
            answer[0],
            rows,
            totals[-1],
            tuple(told if number == 0 else ()),
            tuple(answer[1]),
            encode_clocks(clocks or {}),
            tuple(map(encode_block, part)),
        )
        for number, (part, rows) in enumerate(zip(every, totals, strict=True))
    ]
    *earlier, last = parts
    return earlier, replaced(last, last=True)


_NOBODY = -1
Ordered = tuple[int, Key, Row]
"""A row, with what orders it: its table's number, and its key."""


def _pages(rows: Iterable[Ordered], size: int) -> Iterator[list[Ordered]]:
    """Rows of one table each, some at a time."""
    for _, group in groupby(rows, key=itemgetter(0)):
        of_table = list(group)
        yield from (of_table[start : start + size] for start in range(0, len(of_table), size))


class MemoryHub:
    """One environment."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._tables = {table.number: table for table in schema}
        self.rows: dict[RowId, Row | None] = {}
        self.clocks: dict[int, Clock] = {}
        self.xid = 0
        self.horizon = 0
        self._xids: dict[RowId, int] = {}
        self._numbers: defaultdict[int, int] = defaultdict(int)
        self._refused: list[tuple[int, int, RefusedFrame]] = []
        self.migrations: list[AppliedMigration] = []
        self.marks = False
        """Whether its cursors have marks."""

    def alive(self, table: str) -> dict[Key, dict[str, Value]]:
        """What Postgres shows."""
        return alive(self.rows, table)

    def write(self, *changes: Change) -> None:
        """A direct transaction, which sees everything."""
        self.xid += 1
        hlc = tick(max((clock.hlc for clock in self.clocks.values()), default=0), NOW_MS)
        id = transaction_id(self.xid)
        self.clocks[id] = Clock(hlc, 0)
        author = Author(id, self.clocks[id], self.clocks, lambda _: True)
        meant = [change._replace(incarnation=self._life(change)) for change in changes]
        self._merge(Incoming(Transaction(0, hlc, None, None, meant), author))

    def _life(self, change: Change) -> int:
        row = self.rows.get(RowId(change.table, change.key))
        if row is None:
            return 1
        return row.incarnation + (change.op is Op.INSERT and not row.alive)

    def receive(self, origin: int, transaction: Transaction) -> Refusal | None:
        """Merge a device's next transaction."""
        assert transaction.number == self._numbers[origin] + 1
        self.xid += 1
        author = self.author(origin, transaction, transaction_id(self.xid, 1))
        refusal = self._merge(Incoming(transaction, author))
        self._numbers[origin] += 1
        if refusal is not None:
            frame = RefusedFrame(transaction.number, refusal.code, refusal.message)
            self._refused.append((origin, self.xid, frame))
        return refusal

    def forget(self, horizon: int) -> None:
        """Forget the tombstones and clocks of all before that xid."""
        self.horizon = max(self.horizon, horizon)
        for row_id, row in list(self.rows.items()):
            if row is not None and not row.alive and self._xids[row_id] < self.horizon:
                del self.rows[row_id]
        kept = {id: clock for id, clock in self.clocks.items() if xid_of(id) >= self.horizon}
        self.clocks = kept

    def skip(self, origin: int, number: int) -> None:
        """Take a device's transactions up to a number as if they were in."""
        self._numbers[origin] = number

    def author(self, origin: int, transaction: Transaction, id: int) -> Author:
        cursor = transaction.cursor
        self.clocks[id] = transaction.clock(origin)
        return Author(
            id,
            self.clocks[id],
            self.clocks,
            lambda known: cursor is not None and cursor.snapshot.sees(xid_of(known)),
        )

    def _merge(self, incoming: Incoming) -> Refusal | None:
        merged = merge(self.schema, self.rows, [incoming])
        if self._collides({**self.rows, **merged.rows}):
            refusal = Refusal("postgres-refused", "A value is not unique.")
            merged = merge(self.schema, self.rows, [replace(incoming, refusal=refusal)])
        changed = dict(merged.rows)
        direct = transaction_id(self.xid)
        for row_id in merged.echoed:
            row = changed.get(row_id) or self.rows.get(row_id)
            if row is not None:
                changed[row_id] = sent_back(row, direct)
        self.rows.update(changed)
        self._xids.update(dict.fromkeys(changed, self.xid))
        return merged.refused.get(0)

    def _collides(self, rows: dict[RowId, Row | None]) -> bool:
        for table in self.schema:
            for index in table.indexes:
                values = [
                    tuple(row[name] for name in index.columns)
                    for row in alive(rows, table.name).values()
                ]
                values = [each for each in values if None not in each]
                if index.unique and len(set(values)) < len(values):
                    return True
        return False

    def delta(
        self,
        origin: int,
        cursor: Cursor | None,
        part_rows: int = 3,
        staged: Staged | None = None,
    ) -> Delta:
        """What a device with that cursor is sent, which may have a part of it staged."""
        seen = (lambda xid: False) if cursor is None else cursor.snapshot.sees
        if staged is not None and staged.whole != (cursor is None):
            staged = None
        now = str(cursor_at(self.xid))
        passes: list[tuple[list[Ordered], str, str | None]] = []
        if staged is None:
            passes.append((self._in_order(origin, cursor), now, None))
        else:
            since = Cursor.parse(staged.since) if staged.since is not None else cursor
            place = (self.schema.tables[staged.table].number, staged.key)
            rows = self._in_order(_NOBODY if staged.since else origin, since)
            rest = [row for row in rows if row[:2] > place]
            passes.append((rest, staged.cursor, staged.since))
            again = self._in_order(_NOBODY, Cursor.parse(staged.cursor))
            passes.append((again, now, staged.cursor))
        pages = [
            (page, begun, told) for rows, begun, told in passes for page in _pages(rows, part_rows)
        ]
        refused = [
            frame for author, xid, frame in self._refused if author == origin and not seen(xid)
        ]
        earlier, last = delta_of(
            [[block_of(self._tables[page[0][0]], [row for *_, row in page])] for page, *_ in pages],
            xid=self.xid,
            whole=cursor is None,
            clocks=self.clocks,
            answer=(self._numbers[origin], refused),
            migrations=self.migrations,
            mark=mark_of(self.clocks) if self.marks and self.clocks else "",
        )
        before = staged.rows if staged is not None else 0
        every = [*earlier, last]
        for number, (page, begun, told) in enumerate(pages):
            table, came = self._tables[page[-1][0]].name, before + every[number].rows
            reached = Staged(begun, last.whole, came, table, page[-1][1], told)
            every[number] = replaced(every[number], staged=reached)
        every[0] = replaced(every[0], follows=staged is not None)
        return every[:-1], every[-1]

    def _in_order(self, origin: int, cursor: Cursor | None) -> list[Ordered]:
        rows = [
            (table.number, table.key_of(row.values), row)
            for table in self.schema
            for row in self._news(table, origin, cursor)
        ]
        return sorted(rows, key=itemgetter(0, 1))

    def _news(self, table: Table, origin: int, cursor: Cursor | None) -> Iterable[Row]:
        for row_id, row in self.rows.items():
            if row is None or row_id.table != table.name:
                continue
            if cursor is None:
                yield row
            elif not cursor.snapshot.sees(self._xids[row_id]):
                new = {id for id in row.transactions() if not cursor.snapshot.sees(xid_of(id))}
                if {self.clocks.get(id, Clock(0, 0)).origin for id in new} != {origin}:
                    yield row


def alive(rows: dict[RowId, Row | None], table: str) -> dict[Key, dict[str, Value]]:
    return {
        row_id.key: dict(row.values)
        for row_id, row in rows.items()
        if row is not None and row.alive and row_id.table == table
    }


def insert(table: Table, **values: Value) -> Change:
    """A direct insert, with the defaults that Postgres would fill in."""
    defaults = {column.name: column.default_value for column in table.columns}
    named = {**defaults, **values}
    return Change(table.name, Op.INSERT, table.key_of(named), named)


def update(table: Table, key: Key, **values: Value) -> Change:
    return Change(table.name, Op.UPDATE, key, values)


def delete(table: Table, key: Key) -> Change:
    return Change(table.name, Op.DELETE, key)
