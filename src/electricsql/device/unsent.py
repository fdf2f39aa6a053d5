"""The transactions that the hub has not acknowledged, read back from the oplog."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from electricsql.device.lives import FIRST, later_lives
from electricsql.device.oplog import Entry, Folded, fold
from electricsql.device.schemas import Schemas
from electricsql.protocol import encode_transaction
from electricsql.replication import UNSENT as UNSENT_ID
from electricsql.replication import (
    Author,
    Change,
    Clock,
    Clocks,
    Cursor,
    Op,
    RowId,
    Transaction,
    xid_of,
)
from electricsql.schema import Key, Table


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed transaction with all that it did."""

    number: int
    hlc: int
    cursor: Cursor | None
    schema_version: str | None
    rows: Sequence[Folded]
    incarnations: Mapping[int, int]

    def change(self, folded: Folded) -> Change:
        """The change of one of its rows."""
        return folded.change(self.incarnations.get(folded.seq, FIRST))

    def transaction(self) -> Transaction:
        """As it is replicated."""
        changes = [self.change(folded) for folded in self.rows]
        return Transaction(self.number, self.hlc, self.cursor, self.schema_version, changes)

    def author(self, origin: int, epoch: str, clocks: Clocks) -> Author:
        """Who made it, towards rows of a hub's history whose writers have these clocks."""
        snapshot = self.cursor.snapshot if self.cursor and self.cursor.epoch == epoch else None

        def sees(transaction: int) -> bool:
            return snapshot is not None and snapshot.sees(xid_of(transaction))

        return Author(UNSENT_ID + self.number, Clock(self.hlc, origin), clocks, sees)


def sealed_after(database: sqlite3.Connection, schemas: Schemas, after: int) -> Iterator[Sealed]:
    """The sealed transactions with numbers over `after`, in their order."""
    headers = database.execute(
        "SELECT number, first_seq, last_seq, hlc, cursor, schema_version, lives"
        " FROM _electric_transactions WHERE number > ? ORDER BY number",
        (after,),
    ).fetchall()
    for number, first, last, hlc, cursor, version, lives in headers:
        tables = schemas.numbered(database, version)
        entries = (
            Entry(row[0], row[1], row[2], row[3], row[5:])
            for row in database.execute(
                "SELECT * FROM _electric_oplog WHERE seq BETWEEN ? AND ? ORDER BY seq",
                (first, last),
            )
        )
        yield Sealed(
            number=number,
            hlc=hlc,
            cursor=Cursor.parse(cursor) if cursor else None,
            schema_version=version,
            rows=fold(entries, tables),
            incarnations=later_lives(lives),
        )


def encode(database: sqlite3.Connection, schemas: Schemas, sealed: Sealed) -> bytes:
    """A sealed transaction as it is uploaded."""
    tables: Mapping[str, Table] = schemas.at(database, sealed.schema_version).tables
    return encode_transaction(sealed.transaction(), tables)


Steps = Sequence[tuple[Sealed, Folded]]


class Unsent:
    """All unsent transactions, by the rows that they change: what a delta has to be merged with."""

    def __init__(self, transactions: Sequence[Sealed]) -> None:
        self.transactions = transactions
        self._rows: defaultdict[str, dict[Key, list[tuple[Sealed, Folded]]]] = defaultdict(dict)
        for sealed in transactions:
            for folded in sealed.rows:
                self._rows[folded.table.name].setdefault(folded.key, []).append((sealed, folded))

    def __bool__(self) -> bool:
        return bool(self.transactions)

    def __contains__(self, row_id: RowId) -> bool:
        return row_id.key in self._rows.get(row_id.table, ())

    def __iter__(self) -> Iterator[RowId]:
        return (RowId(table, key) for table, rows in self._rows.items() for key in rows)

    def of(self, row_id: RowId) -> Steps:
        """What was done to a row, in order."""
        return self._rows.get(row_id.table, {}).get(row_id.key, ())

    def met(self, table: str, keys: Sequence[Key]) -> set[int]:
        """The places of those keys that are here."""
        rows = self._rows.get(table)
        return {place for place, key in enumerate(keys) if key in rows} if rows else set()

    def keys(self, table: str) -> Sequence[Key]:
        """The rows of a table."""
        return list(self._rows.get(table, ()))

    def deleted(self, table: str) -> set[Key]:
        """Those of them that we deleted, in the end."""
        rows = self._rows.get(table, {})
        return {key for key, steps in rows.items() if steps[-1][1].op is Op.DELETE}
