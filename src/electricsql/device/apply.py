"""Applying a delta: one transaction, from the old cursor with the old rows to the new with the new.

In it, what was committed and not yet sealed is sealed first; capture is off; migrations come before
rows; rows that meet unsent changes are merged with them by the hub's own rules
(`replication.change_row`), so that the device shows what the hub will hold; and the acknowledged
transactions leave the oplog.

Rows that are in the way of a UNIQUE rule half-way are put off to the end, when all others are in
place.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from electricsql.device.file import apply_migrations, transaction
from electricsql.device.lives import record_lives
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.repair import Restored, bring_back_parents, keep_parents
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.unsent import Unsent, encode, sealed_after
from electricsql.errors import DeviceError
from electricsql.migrations import GUARD
from electricsql.protocol import DeltaPart, decode_block, decode_clocks
from electricsql.replication import (
    NOBODY,
    AppliedMigration,
    Block,
    Clock,
    Cursor,
    Refused,
    Row,
    RowId,
    change_row,
)
from electricsql.schema import Schema, Table, Value, quote

Values = Sequence[Value]


@dataclass(slots=True)
class Outcome:
    """What applying a delta did that the app may want to hear of."""

    cursor: Cursor
    acknowledged: int
    rows: int = 0
    migrations: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def apply_delta(
    database: sqlite3.Connection,
    schemas: Schemas,
    delta: tuple[Iterable[DeltaPart], DeltaPart],
    now_ms: int,
) -> Outcome:
    """Apply a delta: its earlier parts in their order, and the last one, which has the cursor and
    says what is acknowledged.

    Raises:
        DeviceError: `apply-failed`, `changed-migration`, `migration-failed`. Nothing was changed
        then.
    """
    try:
        with transaction(database):
            return _Application(database, schemas, now_ms).run(*delta)
    except sqlite3.IntegrityError as error:
        raise DeviceError(
            "apply-failed",
            f"What the hub sent does not fit into this file: {error}.",
            "See whether the app added constraints or triggers of its own to a replicated table.",
        ) from error


class _Application:
    """One delta being applied, inside the transaction."""

    def __init__(self, database: sqlite3.Connection, schemas: Schemas, now_ms: int) -> None:
        self._database = database
        self._schemas = schemas
        seal(database, schemas, now_ms)
        database.execute(f"INSERT INTO {GUARD} VALUES (1)")
        self._meta = read_meta(database)
        self._hlc = self._meta.hlc
        self._clocks: dict[int, Clock] = {}
        self._put_off: list[tuple[Table, tuple[str, ...], list[Values]]] = []
        self._tombstones: dict[RowId, Row] = {}
        self._received: list[tuple[RowId, Row]] = []

    def run(self, earlier: Iterable[DeltaPart], last: DeltaPart) -> Outcome:
        refused = [Refused(each.number, each.code, each.message) for each in last.refused]
        self._quarantine(refused)
        self._acknowledge(last.acknowledged)
        outcome = Outcome(Cursor.parse(last.cursor), last.acknowledged, refused=refused)
        schema: Schema | None = None
        unsent = Unsent(list(sealed_after(self._database, self._schemas, 0)))
        for part in chain(earlier, (last,)):
            if schema is None:
                outcome.migrations = self._migrate(part)
                schema = self._current_schema()
                if part.whole:
                    self._clear(schema, unsent)
            self._rows(part, schema, unsent)
        assert schema is not None
        outcome.rows = last.rows
        self._finish(schema, unsent)
        write_meta(self._database, cursor=last.cursor, hlc=self._hlc)
        return outcome

    def _finish(self, schema: Schema, unsent: Unsent) -> None:
        for table, columns, rows in self._put_off:
            self._replace(table, columns, rows)
        if unsent:
            self._repair(schema, unsent)
        self._database.execute("DELETE FROM _electric_inbox")
        self._database.execute(f"DELETE FROM {GUARD}")

    def _migrate(self, part: DeltaPart) -> list[str]:
        return apply_migrations(
            self._database,
            [AppliedMigration(m.name, m.title, m.sha256, m.statements) for m in part.migrations],
        )

    def _current_schema(self) -> Schema:
        (version,) = self._database.execute("SELECT max(name) FROM _electric_migrations").fetchone()
        return self._schemas.at(self._database, version)

    def _clear(self, schema: Schema, unsent: Unsent) -> None:
        """A whole delta follows: what is not in it, and not unsent, is gone."""
        for table in schema:
            condition = " AND ".join(f"{quote(name)} IS ?" for name in table.primary_key)
            columns = ", ".join(map(quote, table.column_names))
            kept = [
                row
                for row_id in unsent.keys(table.name)
                for row in self._database.execute(
                    f"SELECT {columns} FROM {quote(table.name)} WHERE {condition}", row_id.key
                )
            ]
            self._database.execute(f"DELETE FROM {quote(table.name)}")
            self._database.executemany(_insert_sql(table.name, table.column_names), kept)
            self._database.execute(
                "DELETE FROM _electric_lives WHERE tbl = ? AND ?", (table.number, not kept)
            )

    def _rows(self, part: DeltaPart, schema: Schema, unsent: Unsent) -> None:
        clocks = decode_clocks(part.clocks)
        self._clocks.update(clocks)
        self._hlc = max((self._hlc, *(clock.hlc for clock in clocks.values())))
        for data in part.blocks:
            block = decode_block(data)
            table = schema.tables.get(block.table)
            if table is None or not set(block.columns) <= set(table.column_names):
                raise DeviceError(
                    "apply-failed",
                    f"The hub sent rows of {block.table}, which this file's schema does not have.",
                    "This is a defect of electricsql; please report it.",
                )
            if block.table in unsent.tables or (unsent and table.foreign_keys):
                self._merge_block(table, block, unsent)
            else:
                self._take_block(table, block, unsent)

    def _take_block(self, table: Table, block: Block, unsent: Unsent) -> None:
        """The fast path: nothing here was changed, the rows are taken as they are."""
        alive = [shadow.deleted == NOBODY for shadow in block.shadows]
        lives = [shadow.incarnation for shadow in block.shadows]
        if all(alive):
            self._upsert(table, block.columns, list(zip(*block.values, strict=True)))
        else:
            rows = list(zip(block.shadow_of, zip(*block.values, strict=True), strict=True))
            self._upsert(table, block.columns, [row for place, row in rows if alive[place]])
            places = [block.columns.index(name) for name in table.primary_key]
            gone = [[row[at] for at in places] for place, row in rows if not alive[place]]
            self._database.executemany(_delete_sql(table.name, table.primary_key), gone)
            if unsent:
                dead = (pair for pair in block.rows(table) if not pair[1].alive)
                self._tombstones.update((RowId(table.name, key), row) for key, row in dead)
        keys = [block.values[block.columns.index(name)] for name in table.primary_key]
        marks = ((lives[place], alive[place]) for place in block.shadow_of)
        if not all(alive) or max(lives) > 1 or self._any_lives():
            record_lives(
                self._database,
                table,
                ((key, *mark) for key, mark in zip(zip(*keys, strict=True), marks, strict=True)),
            )

    def _any_lives(self) -> bool:
        (found,) = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM _electric_lives)"
        ).fetchone()
        return bool(found)

    def _merge_block(self, table: Table, block: Block, unsent: Unsent) -> None:
        """Lay the unsent changes over the rows they meet."""
        alive: list[Values] = []
        gone: list[Values] = []
        lives: list[tuple[tuple[Value, ...], int, bool]] = []
        for key, received in block.rows(table):
            row_id = RowId(table.name, key)
            row = self._merged(table, received, row_id, unsent)
            lives.append((key, row.incarnation, row.alive))
            if row.alive:
                alive.append([row.values.get(name) for name in block.columns])
                self._received.append((row_id, row))
            else:
                gone.append(key)
                self._tombstones[row_id] = row
        self._upsert(table, block.columns, alive)
        self._database.executemany(_delete_sql(table.name, table.primary_key), gone)
        record_lives(self._database, table, lives)

    def _merged(self, table: Table, received: Row, row_id: RowId, unsent: Unsent) -> Row:
        row: Row | None = received
        clocks = dict(self._clocks) if unsent.of(row_id) else self._clocks
        for sealed, folded in unsent.of(row_id):
            author = sealed.author(self._meta.origin, clocks)
            row = change_row(table, row, sealed.change(folded), author)
            clocks[author.id] = author.clock
        assert row is not None
        return row

    def _upsert(self, table: Table, columns: tuple[str, ...], rows: list[Values]) -> None:
        if not rows:
            return
        self._database.execute("SAVEPOINT electric_block")
        try:
            self._database.executemany(_upsert_sql(table, columns), rows)
        except sqlite3.IntegrityError:
            self._database.execute("ROLLBACK TO electric_block")
            self._put_off.append((table, columns, rows))
        self._database.execute("RELEASE electric_block")

    def _replace(self, table: Table, columns: tuple[str, ...], rows: list[Values]) -> None:
        """Rows that could not be taken one by one, since they swap values that must be unique."""
        places = [columns.index(name) for name in table.primary_key]
        keys = [[row[at] for at in places] for row in rows]
        self._database.executemany(_delete_sql(table.name, table.primary_key), keys)
        self._database.executemany(_upsert_sql(table, columns), rows)

    def _repair(self, schema: Schema, unsent: Unsent) -> None:
        restored: list[Restored] = [
            *keep_parents(self._database, schema, self._tombstones),
            *bring_back_parents(self._database, schema, self._received, unsent),
        ]
        for table, row in restored:
            columns = tuple(name for name in table.column_names if name in row.values)
            self._upsert(table, columns, [[row.values[name] for name in columns]])
            key = table.key_of(row.values)
            record_lives(self._database, table, [(key, row.incarnation, True)])

    def _quarantine(self, refused: Sequence[Refused]) -> None:
        """Keep our copy of what the hub refused."""
        reasons = {each.number: each for each in refused}
        for sealed in sealed_after(self._database, self._schemas, 0):
            if sealed.number in reasons:
                reason = reasons[sealed.number]
                self._database.execute(
                    "INSERT OR REPLACE INTO _electric_quarantine (number, code, message, changes)"
                    " VALUES (?, ?, ?, ?)",
                    (
                        reason.number,
                        reason.code,
                        reason.message,
                        encode(self._database, self._schemas, sealed),
                    ),
                )

    def _acknowledge(self, number: int) -> None:
        """What is in needs no oplog any more."""
        self._database.execute(
            "DELETE FROM _electric_oplog WHERE seq <="
            " (SELECT max(last_seq) FROM _electric_transactions WHERE number <= ?)",
            (number,),
        )
        self._database.execute("DELETE FROM _electric_transactions WHERE number <= ?", (number,))


@lru_cache(maxsize=1000)
def _insert_sql(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(map(quote, columns))
    return f"INSERT INTO {quote(table)} ({names}) VALUES ({', '.join('?' * len(columns))})"


def _upsert_sql(table: Table, columns: tuple[str, ...]) -> str:
    key = ", ".join(map(quote, table.primary_key))
    rest = [quote(name) for name in columns if name not in table.primary_key]
    update = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in rest)
    action = update if rest else "NOTHING"
    return f"{_insert_sql(table.name, columns)} ON CONFLICT ({key}) DO {action}"


@lru_cache(maxsize=1000)
def _delete_sql(table: str, key: tuple[str, ...]) -> str:
    return f"DELETE FROM {quote(table)} WHERE " + " AND ".join(f"{quote(n)} = ?" for n in key)
