"""The transactions that the hub has not acknowledged, read back from the oplog."""

import secrets
import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from electricsql.device.lives import FIRST, later_lives
from electricsql.device.meta import read_meta
from electricsql.device.oplog import Folded, entry_columns, entry_of, fold
from electricsql.device.schemas import Schemas
from electricsql.limits import KEYS_LOOKED_UP_MAX
from electricsql.protocol import encode_transaction
from electricsql.replication import UNSENT as UNSENT_ID
from electricsql.replication import (
    Author,
    Change,
    Clock,
    Clocks,
    Cursor,
    Op,
    Transaction,
    xid_of,
)
from electricsql.schema import Key, Schema, Table, Value


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed transaction with all that it did: `rows` are what its oplog entries from `first_seq`
    to `last_seq` come to."""

    number: int
    first_seq: int
    last_seq: int
    hlc: int
    cursor: Cursor | None
    schema_version: str | None
    lives: Mapping[int, tuple[int, int]]
    seal: int
    rows: Sequence[Folded] = ()

    def change(self, folded: Folded) -> Change:
        """The change of one of its rows."""
        return folded.change(*self.lives.get(folded.seq, (FIRST,)))

    def transaction(self) -> Transaction:
        """As it is replicated."""
        changes = [self.change(folded) for folded in self.rows]
        return Transaction(
            *(self.number, self.hlc, self.cursor, self.schema_version), changes, self.seal
        )

    def author(self, origin: int, epoch: str, clocks: Clocks) -> Author:
        """Who made it, towards rows of a hub's history whose writers have these clocks."""
        snapshot = self.cursor.snapshot if self.cursor and self.cursor.epoch == epoch else None

        def sees(transaction: int) -> bool:
            return snapshot is not None and snapshot.sees(xid_of(transaction))

        return Author(UNSENT_ID + self.number, Clock(self.hlc, origin), clocks, sees)


def sealed_after(database: sqlite3.Connection, schemas: Schemas, after: int) -> Iterator[Sealed]:
    """The sealed transactions with numbers over `after`, in their order."""
    for sealed in _headers(database, after):
        tables = schemas.numbered(database, sealed.schema_version)
        entries = database.execute(
            f"SELECT {entry_columns(tables.values())} FROM _electric_oplog"
            " WHERE seq BETWEEN ? AND ? ORDER BY seq",
            (sealed.first_seq, sealed.last_seq),
        )
        yield replace(sealed, rows=fold(map(entry_of, entries), tables))


def oldest_cursor(database: sqlite3.Connection) -> str | None:
    """The cursor of the oldest unsent transaction, or else of the file."""
    (cursor,) = database.execute(
        "SELECT cursor FROM _electric_transactions ORDER BY number LIMIT 1"
    ).fetchone() or (read_meta(database).cursor,)
    return str(cursor) if cursor is not None else None


def marks_of_unsent(database: sqlite3.Connection) -> dict[int, int]:
    """What tells the sealed transactions from others of their numbers (`Transaction.mark`)."""
    return dict(database.execute("SELECT number, coalesce(seal, hlc) FROM _electric_transactions"))


def new_seal() -> int:
    """A random number to tell a transaction by."""
    return 1 + secrets.randbits(62)


def encode(database: sqlite3.Connection, schemas: Schemas, sealed: Sealed) -> bytes:
    """A sealed transaction as it is uploaded."""
    tables: Mapping[str, Table] = schemas.at(database, sealed.schema_version).tables
    return encode_transaction(sealed.transaction(), tables)


Steps = Sequence[tuple[Sealed, Folded]]


class Unsent:
    """What the unsent transactions do to rows: what a delta has to be merged with. Those up to
    `after` are taken as sent.

    A long time offline makes many of them, and most deltas are small; so it is read from the oplog
    as it is asked for, a few keys at a time or a table as a whole. Or all of it is read beforehand,
    and then what is new (`read_on`).
    """

    def __init__(self, database: sqlite3.Connection, schemas: Schemas, after: int = 0) -> None:
        self._database = database
        self._schemas = schemas
        self._read_to = after
        self._has_all = False
        ends = database.execute(
            "SELECT number, last_seq FROM _electric_transactions WHERE number > ? ORDER BY number",
            (after,),
        ).fetchall()
        self._numbers = [number for number, _ in ends]
        self._last_seqs = [seq for _, seq in ends]
        self._sealed: dict[int, Sealed] = {}
        self._rows: defaultdict[int, dict[Key, list[tuple[Sealed, Folded]]]] = defaultdict(dict)
        self._whole: set[int] = set()
        self._only: Mapping[str, Collection[Key]] | None = None

    def __bool__(self) -> bool:
        return bool(self._numbers) or any(self._rows.values())

    def of(self, table: Table, key: Key) -> Steps:
        """What was done to a row, in order."""
        self._read(table, [key])
        return self._rows[table.number].get(key, ())

    def met(self, table: Table, keys: Sequence[Key]) -> set[int]:
        """The places of those keys whose rows were changed."""
        self._read(table, keys)
        rows = self._rows[table.number]
        return {place for place, key in enumerate(keys) if rows.get(key)} if rows else set()

    def keys(self, table: Table) -> list[Key]:
        """The rows of a table that were changed, as far as they are to be looked at."""
        self._read_whole(table)
        rows = self._rows[table.number]
        if self._only is None:
            return list(rows)
        return [key for key in self._only.get(table.name, ()) if key in rows]

    def deleted(self, table: Table) -> set[Key]:
        """All rows of a table that we deleted, in the end."""
        if not self._has_all:
            (any_deleted,) = self._database.execute(
                "SELECT EXISTS (SELECT 1 FROM _electric_oplog WHERE op = ? AND tbl = ?)",
                (Op.DELETE, table.number),
            ).fetchone()
            if not any_deleted:
                return set()
        self._read_whole(table)
        rows = self._rows[table.number]
        return {key for key, steps in rows.items() if steps[-1][1].op is Op.DELETE}

    def read_on(self, schema: Schema) -> dict[str, set[Key]]:
        """Read all that has been sealed since this was done last; gives the rows that it
        changed."""
        self._has_all = True
        names = {table.number: table.name for table in schema}
        changed: dict[str, set[Key]] = {name: set() for name in names.values()}
        for sealed in sealed_after(self._database, self._schemas, self._read_to):
            self._read_to = sealed.number
            for folded in sealed.rows:
                number = folded.table.number
                self._rows[number].setdefault(folded.key, []).append((sealed, folded))
                if number in names:
                    changed[names[number]].add(folded.key)
        return changed

    def narrow(self, only: Mapping[str, Collection[Key]]) -> None:
        """Of all other rows it is known that they need not be looked at."""
        self._only = only

    def _read(self, table: Table, keys: Sequence[Key]) -> None:
        rows = self._rows[table.number]
        if self._has_all or not self._numbers or table.number in self._whole:
            return
        unknown = [key for key in keys if key not in rows]
        if len(rows) + len(unknown) > KEYS_LOOKED_UP_MAX:
            self._read_whole(table)
        elif unknown:
            rows.update((key, []) for key in unknown)
            columns = ", ".join(f"c{table.positions[name]}" for name in table.primary_key)
            marks = f"({', '.join('?' * len(table.primary_key))})"
            wanted = f"({columns}) IN (VALUES {', '.join([marks] * len(unknown))})"
            self._take(table, wanted, [value for key in unknown for value in key])

    def _read_whole(self, table: Table) -> None:
        if not self._has_all and table.number not in self._whole:
            self._whole.add(table.number)
            self._rows[table.number].clear()
            self._take(table, "true", [])

    def _take(self, table: Table, condition: str, values: Sequence[Value]) -> None:
        """Fold the entries that meet a condition, each transaction's on their own."""
        entries = self._database.execute(
            f"SELECT {entry_columns([table])} FROM _electric_oplog"
            f" WHERE tbl = {table.number} AND {condition} ORDER BY seq",
            values,
        )
        rows = self._rows[table.number]
        for place, group in groupby(entries, lambda row: bisect_left(self._last_seqs, row[0])):
            sealed = self._header(self._numbers[place])
            tables = self._schemas.numbered(self._database, sealed.schema_version)
            for folded in fold(map(entry_of, group), tables):
                rows.setdefault(folded.key, []).append((sealed, folded))

    def _header(self, number: int) -> Sealed:
        if number not in self._sealed:
            self._sealed[number] = next(_headers(self._database, number - 1, 1))
        return self._sealed[number]


def _headers(database: sqlite3.Connection, after: int, most: int = -1) -> Iterator[Sealed]:
    """Sealed transactions without their rows."""
    found = database.execute(
        "SELECT number, first_seq, last_seq, hlc, cursor, schema_version, lives,"
        " coalesce(seal, 0)"
        " FROM _electric_transactions WHERE number > ? ORDER BY number LIMIT ?",
        (after, most),
    ).fetchall()
    for number, first, last, hlc, cursor, version, lives, seal in found:
        parsed = Cursor.parse(cursor) if cursor else None
        yield Sealed(number, first, last, hlc, parsed, version, later_lives(lives), seal)
