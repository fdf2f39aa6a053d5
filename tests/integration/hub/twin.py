"""What a hub has to come to: direct statements and device transactions by the pure rules.

The tables are looked at after each statement; what differs is what its author wrote.
"""

from collections.abc import Callable, Iterator, Mapping

from electricsql.hub import Submitted
from electricsql.replication import (
    NOBODY,
    Author,
    Change,
    Clock,
    Cursor,
    Incoming,
    Op,
    Row,
    RowId,
    change_row,
    merge,
    sent_back,
    transaction_id,
    xid_of,
)
from electricsql.schema import Schema, Table
from tests.integration.hub.hubs import Rows, Tables, World

_STATEMENT = 1 << 40
"""Each statement gets an id of its own, so that the later of a transaction's writes counts."""


class Twin:
    """The rows of a hub, kept by the pure rules while a client writes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: Rows = {}
        self.written: set[RowId] = set()
        self._statements = 0
        self._clocks: dict[int, Clock] = {}
        self._tables: Tables = {}
        self._saved: dict[str, tuple[Rows, set[RowId], Tables]] = {}

    async def reload(self) -> None:
        """Start from what the hub has."""
        self.rows = await self.world.rows()
        await self._learn_clocks()
        self._tables = await self.world.tables()

    async def transaction(self, *statements: str) -> None:
        """Run statements in a transaction. A last one that says ROLLBACK is its end."""
        await self._run("BEGIN")
        self.written = set()
        self._save("BEGIN")
        for statement in statements:
            if statement != "ROLLBACK":
                await self._run(statement)
            else:
                self._go_back("BEGIN")
        await self.world.client.execute("ROLLBACK" if statements[-1] == "ROLLBACK" else "COMMIT")
        self.rows = {row_id: _stripped(row) for row_id, row in self.rows.items()}
        await self._learn_clocks()

    async def merge(self, *batch: Submitted) -> None:
        """Merge a batch at the hub and here."""
        await self.world.hub.merge(batch)
        await self._learn_clocks()
        ids = await self._ids()
        incoming = [self._incoming(each, ids) for each in batch]
        merged = merge(self.world.schema, self.rows, incoming)
        assert not merged.refused
        self.rows |= merged.rows
        direct = transaction_id(xid_of(incoming[0].author.id))
        for row_id in merged.echoed:
            self.rows[row_id] = sent_back(self.rows[row_id], direct)
        self._tables = await self.world.tables()

    async def migrate(self, *texts: str) -> None:
        """Migrate the hub. Rows stay the same, whatever their tables and columns are called."""
        tables = self.world.schema.tables
        await self.world.migrate(*texts)
        now = {table.number: table for table in self.world.schema}
        rows = [(tables[id.table], id.key, row) for id, row in self.rows.items()]
        self.rows = {
            RowId(now[table.number].name, key): _renamed(table, now[table.number], row)
            for table, key, row in rows
        }
        self._tables = await self.world.tables()

    async def check(self) -> None:
        """What the hub has is what the rules say, and what the tables show."""
        captured = await self.world.rows()
        assert captured == self.rows
        tables = self.world.schema.tables
        shown = {
            row_id: {
                column.name: row.values[column.name] for column in tables[row_id.table].visible
            }
            for row_id, row in captured.items()
            if row.alive
        }
        assert shown == await self.world.tables()

    def _incoming(self, submitted: Submitted, ids: Mapping[tuple[int, int], int]) -> Incoming:
        sealed = submitted.transaction
        sealed = self.world.versions.view(sealed.schema_version).put(sealed)
        id = ids[submitted.origin, sealed.number]
        author = Author(id, self._clocks[id], self._clocks, sees(sealed.cursor))
        return Incoming(sealed, author)

    async def _ids(self) -> dict[tuple[int, int], int]:
        records = await self.world.client.fetch(
            "SELECT origin, number, id FROM electric.transactions WHERE origin > 0"
        )
        return {(record[0], record[1]): record[2] for record in records}

    async def _learn_clocks(self) -> None:
        records = await self.world.client.fetch("SELECT id, hlc, origin FROM electric.transactions")
        self._clocks = {record[0]: Clock(record[1], record[2]) for record in records}

    async def _run(self, statement: str) -> None:
        await self.world.client.execute(statement)
        words = statement.split()
        if words[0] == "SAVEPOINT":
            self._save(words[1])
        elif words[:2] == ["ROLLBACK", "TO"]:
            self._go_back(words[2])
        else:
            await self._apply()

    def _save(self, name: str) -> None:
        self._saved[name] = dict(self.rows), set(self.written), self._tables

    def _go_back(self, name: str) -> None:
        rows, written, self._tables = self._saved[name]
        self.rows, self.written = dict(rows), set(written)

    async def _apply(self) -> None:
        """Let the rules do what the last statement did."""
        before, self._tables = self._tables, await self.world.tables()
        changes = list(_differences(self.world.schema, before, self._tables, self.rows))
        if not changes:
            return
        xid = await self.world.client.fetchval("SELECT pg_current_xact_id()::text::bigint")
        self._statements += 1
        id = transaction_id(xid) + self._statements * _STATEMENT
        clock = self._clocks[id] = Clock(1 + max(c.hlc for c in self._all_clocks()), 0)
        author = Author(id, clock, self._clocks, lambda _: True)
        for change in changes:
            row_id = RowId(change.table, change.key)
            table = self.world.schema.tables[change.table]
            row = change_row(table, self.rows.get(row_id), change, author)
            assert row is not None
            self.rows[row_id] = row
            self.written.add(row_id)

    def _all_clocks(self) -> Iterator[Clock]:
        yield Clock(0, 0)
        yield from self._clocks.values()


def _renamed(table: Table, now: Table, row: Row) -> Row:
    names = dict(zip(table.column_names, now.column_names, strict=False))
    values = {names[name]: value for name, value in row.values.items()}
    writers = {names[name]: writer for name, writer in row.writers.items()}
    return row._replace(values={**now.default_values, **values}, writers=writers)


def _differences(schema: Schema, before: Tables, after: Tables, rows: Rows) -> Iterator[Change]:
    for row_id in before.keys() - after.keys():
        yield Change(*(row_id.table, Op.DELETE, row_id.key, {}), rows[row_id].incarnation)
    for row_id in after.keys() - before.keys():
        row = rows.get(row_id)
        incarnation = 1 if row is None else row.incarnation + 1
        yield Change(row_id.table, Op.INSERT, row_id.key, after[row_id], incarnation)
    for row_id in before.keys() & after.keys():
        old, new = before[row_id], after[row_id]
        changed = {n: v for n, v in new.items() if (type(v), v) != (type(old[n]), old[n])}
        if changed:
            yield Change(*(row_id.table, Op.UPDATE, row_id.key, changed), rows[row_id].incarnation)


def sees(cursor: Cursor | None) -> Callable[[int], bool]:
    """Whether somebody at that cursor has a transaction."""
    return lambda known: cursor is not None and cursor.snapshot.sees(xid_of(known))


def _stripped(row: Row) -> Row:
    """A row with the hub's own ids of transactions."""
    return Row(
        row.values,
        {name: _id(writer) for name, writer in row.writers.items()},
        row.incarnation,
        *(_id(row.deleted), _id(row.touched), _id(row.touched_before)),
    )


def _id(id: int) -> int:
    if id == NOBODY:
        return id
    stripped = abs(id) % _STATEMENT
    assert xid_of(stripped)
    return stripped if id > 0 else -stripped
