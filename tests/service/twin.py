"""A hub in memory, for tests of what the service does with one: one table, last writer wins.

It keeps the door's promises as far as the service relies on them: merging is exactly once and
commits before it returns, a reading is one snapshot, a part names its author. It can be told to be
down.
"""

import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from electricsql.errors import PostgresError, ProtocolError, ServiceError
from electricsql.hub import Claim, HubMigration, Registered, Submitted
from electricsql.hub.lineages import Versions
from electricsql.lenses import View
from electricsql.replication import (
    Block,
    Clock,
    Cursor,
    Part,
    Place,
    Refusal,
    Refused,
    Shadow,
    Snapshot,
    transaction_id,
)
from electricsql.schema import Column, ColumnType, Schema, Table, Value

VERSION = "20221116162335423_notes"
NOTES = Table(
    "notes",
    1,
    (
        Column("id", ColumnType.TEXT, "TEXT", not_null=True),
        Column("body", ColumnType.TEXT, "TEXT"),
    ),
    ("id",),
)
PAGE = 100
SCHEMA = Schema({"notes": NOTES}, VERSION)
_APPLIED = HubMigration(VERSION, "notes", "0" * 64, "", ("SELECT 1",), datetime(2022, 11, 16))
VERSIONS = Versions([_APPLIED], [SCHEMA])


@dataclass
class Note:
    """A row: its text, the transaction that wrote it, and whose that was."""

    body: Value
    xid: int
    origin: int


@dataclass
class TwinHub:
    """Stands in for `hub.Hub`."""

    epoch: str = "epoch"
    is_over: bool = False
    xid: int = 10
    rows: dict[str, Note] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    sessions: dict[int, int] = field(default_factory=dict)
    applied_cursors: dict[str, Cursor] = field(default_factory=dict)
    refusals: list[tuple[int, int, Refused]] = field(default_factory=list)
    batches: list[list[tuple[int, int]]] = field(default_factory=list)
    readings: int = 0
    down: bool = False
    versions: Versions = VERSIONS

    def write(self, **bodies: str) -> None:
        """A direct transaction."""
        self.xid += 1
        for key, body in bodies.items():
            self.rows[key] = Note(body, self.xid, 0)

    async def register(self, device: str, claim: Claim | None = None) -> Registered:
        self._check_up()
        origin = self.origins.setdefault(device, len(self.origins) + 1)
        session = self.sessions[origin] = self.sessions.get(origin, 0) + 1
        return Registered(origin, self.numbers.setdefault(origin, 0), 0, session)

    async def schema_at(self, version: str | None) -> Schema:
        if version not in (None, VERSION):
            raise ServiceError("unknown-version", f"There is no {version}.", status=409)
        return SCHEMA

    async def merge(self, batch: Sequence[Submitted]) -> None:
        self._check_up()
        numbers = dict(self.numbers)
        for submitted in batch:
            if submitted.session != self.sessions[submitted.origin]:
                raise ServiceError("superseded", "A newer session has taken over.")
            if submitted.transaction.number > numbers[submitted.origin] + 1:
                raise ProtocolError("transaction-gap", "A transaction is missing.")
            numbers[submitted.origin] = max(numbers[submitted.origin], submitted.transaction.number)
        self.batches.append([(each.origin, each.transaction.number) for each in batch])
        self.xid += 1
        for submitted in batch:
            if submitted.transaction.number == self.numbers[submitted.origin] + 1:
                self._merge(submitted)

    def _merge(self, submitted: Submitted) -> None:
        transaction, origin = submitted.transaction, submitted.origin
        self.numbers[origin] += 1
        bodies = {str(each.key[0]): each.values.get("body") for each in transaction.changes}
        refusal = submitted.refusal
        if "forbidden" in bodies.values():
            refusal = Refusal("constraint", "That is forbidden.")
        if refusal is not None:
            refused = Refused(transaction.number, refusal.code, refusal.message)
            self.refusals.append((origin, self.xid, refused))
            return
        for key, body in bodies.items():
            self.rows[key] = Note(body, self.xid, origin)

    @contextlib.asynccontextmanager
    async def reading(self, since: Cursor | None = None) -> AsyncIterator["TwinReading"]:
        self._check_up()
        self.readings += 1
        yield TwinReading(self)

    async def has_news(self, cursor: Cursor) -> bool:
        self._check_up()
        return any(not cursor.snapshot.sees(note.xid) for note in self.rows.values())

    async def applied(self, device: str, session: int, claim: Claim) -> bool:
        if session != self.sessions[self.origins[device]]:
            return False
        assert claim.cursor is not None
        self.applied_cursors[device] = claim.cursor
        return True

    async def clean(self, connected: Collection[str] = ()) -> int:
        return 0

    def _check_up(self) -> None:
        if self.down:
            raise PostgresError("postgres-unavailable", "Postgres is down.", "Start it.")


class TwinReading:
    """Stands in for `hub.Reading`."""

    def __init__(self, hub: TwinHub) -> None:
        self._hub = hub
        self._rows = dict(hub.rows)
        self._numbers = dict(hub.numbers)
        self.versions = hub.versions
        self.schema = SCHEMA
        self.cursor = Cursor(hub.epoch, Snapshot(hub.xid + 1, hub.xid + 1))

    async def rows_since(self, cursor: Cursor | None, view: View | None = None) -> int:
        return len(self._new(cursor))

    async def can_follow(self, cursor: Cursor, place: Place) -> bool:
        return cursor.epoch == self.cursor.epoch

    async def parts_since(
        self,
        cursor: Cursor | None,
        after: Place | None = None,
        *,
        view: View | None = None,
        in_order: bool = False,
    ) -> AsyncIterator[Part]:
        new = self._new(cursor)
        if in_order:
            keys = sorted(key for key in new if after is None or (key,) > after.key)
            for start in range(0, len(keys), PAGE):
                page = {key: new[key] for key in keys[start : start + PAGE]}
                part = self._part(page, 0)
                yield Part(part.blocks, part.clocks, Place("notes", (max(page),)))
            return
        for origin in sorted({note.origin for note in new.values()}):
            mine = {key: note for key, note in new.items() if note.origin == origin}
            yield self._part(mine, 0 if cursor is None else origin)

    async def columns_of(self, table: Table) -> AsyncIterator[list[list[Value]]]:
        rows = sorted(self._rows.items())
        for start in range(0, len(rows), 100):
            some = rows[start : start + 100]
            yield [[key for key, _ in some], [note.body for _, note in some]]

    async def acknowledged(self, origins: Sequence[int]) -> dict[int, int]:
        return {origin: self._numbers[origin] for origin in origins}

    async def refused_since(
        self, origins: Collection[int], cursor: Cursor | None
    ) -> dict[int, list[Refused]]:
        told: dict[int, list[Refused]] = {origin: [] for origin in origins}
        for author, xid, refused in self._hub.refusals:
            if author in told and not (cursor and cursor.snapshot.sees(xid)):
                told[author].append(refused)
        return told

    def _new(self, cursor: Cursor | None) -> dict[str, Note]:
        return {
            key: note
            for key, note in self._rows.items()
            if cursor is None or not cursor.snapshot.sees(note.xid)
        }

    def _part(self, notes: dict[str, Note], author: int) -> Part:
        ids = [transaction_id(note.xid) for note in notes.values()]
        shadows = [Shadow(1, 0, id, 0, (id, id)) for id in ids]
        values: list[list[Value]] = [list(notes), [note.body for note in notes.values()]]
        block = Block("notes", ("id", "body"), values, shadows, range(len(ids)), author)
        return Part([block], {id: Clock(id, author) for id in ids})
