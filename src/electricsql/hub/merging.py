"""Merging device transactions: each once, in one Postgres transaction with what it changes.

The rules are `replication.merge`'s; here rows are loaded and locked for it, and what it says is
stored. When Postgres refuses what the rules allow (a constraint of the users' own, a trigger that
raises), the batch is merged again one by one, and the transaction that is at fault goes to the
quarantine: its rows are sent back to the device as the hub has them.
"""

import asyncio
import random
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

import asyncpg

from electricsql.errors import ProtocolError
from electricsql.hub.capture import MERGING
from electricsql.hub.clocks import KnownClocks
from electricsql.hub.connection import CONTENTION, Connection, transaction
from electricsql.hub.effects import capture_effects
from electricsql.hub.format import LOCK
from electricsql.hub.loading import Loader
from electricsql.hub.model import Submitted
from electricsql.hub.noting import note
from electricsql.hub.schemas import Schemas
from electricsql.hub.storing import store
from electricsql.limits import CLOCK_AHEAD_MS_MAX, LOCK_WAIT_MS
from electricsql.replication import (
    Author,
    Change,
    Clock,
    Incoming,
    Merged,
    Op,
    Refusal,
    Row,
    RowId,
    Transaction,
    hlc_at,
    is_direct,
    merge,
    parents_of,
    transaction_id,
    wanted,
    xid_of,
)
from electricsql.schema import Schema

_RETRY_MS_MIN: Final = 5
_RETRY_MS_MAX: Final = 500
_RACES_MAX: Final = 10
_REFUSING: Final = ("22", "23", "27", "38", "39", "44", "P0")
"""SQLSTATE classes: bad data, a broken constraint, a trigger or function that raised."""
_PRIMARY_KEY: Final = re.compile(r"_pkey[0-9]*$")

# Rows are found by their keys, whatever a table's statistics say just now.
_BEGIN: Final = f"""
BEGIN;
SET LOCAL {MERGING} = 'on';
SET LOCAL lock_timeout = {LOCK_WAIT_MS};
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
SELECT pg_advisory_xact_lock_shared({LOCK})
"""
_STATE: Final = """
WITH locked AS (
    SELECT origin, number FROM electric.devices WHERE origin = ANY($1::int[])
    ORDER BY origin FOR UPDATE
)
SELECT pg_current_xact_id()::text::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    (SELECT name FROM electric.migrations ORDER BY position DESC LIMIT 1),
    (SELECT array_agg(ARRAY[origin, number]) FROM locked)
"""

Connected = Callable[[], AbstractAsyncContextManager[Connection]]


class Merging:
    """Merges into one hub."""

    def __init__(self, epoch: str, schemas: Schemas, known: KnownClocks) -> None:
        self._epoch = epoch
        self._schemas = schemas
        self._known = known

    async def merge(self, connected: Connected, batch: Sequence[Submitted]) -> None:
        """Merge a batch; committed when it returns.

        Raises:
            ProtocolError: `transaction-gap`.
            PostgresError: `postgres-unavailable`.
        """
        try:
            await self._commit(connected, batch)
        except asyncpg.PostgresError as error:
            if not _is_refusal(error):
                raise
            if len(batch) > 1:
                for submitted in batch:
                    await self.merge(connected, [submitted])
            else:
                refusal = Refusal("postgres-refused", f"Postgres refused it: {error.message}.")
                await self._commit(connected, batch, refusal)

    async def _commit(
        self, connected: Connected, batch: Sequence[Submitted], refusal: Refusal | None = None
    ) -> None:
        """Merge, or refuse, as soon as nobody else is in the way."""
        delay_ms, races = _RETRY_MS_MIN, 0
        while True:
            try:
                async with connected() as connection:
                    async with transaction(connection, _BEGIN):
                        clocks = await self._merge(connection, batch, refusal)
                    self._known.keep(clocks)
                return
            except CONTENTION:
                pass
            except asyncpg.UniqueViolationError as error:
                races += 1
                if races > _RACES_MAX or not _is_race(error):
                    raise
            await asyncio.sleep(delay_ms * random.uniform(0.5, 1) / 1000)
            delay_ms = min(2 * delay_ms, _RETRY_MS_MAX)

    async def _merge(
        self, connection: Connection, batch: Sequence[Submitted], refusal: Refusal | None
    ) -> Mapping[int, Clock]:
        """Merge what is new in the batch, inside the transaction; gives the new clocks.

        Raises:
            ProtocolError: `transaction-gap`.
        """
        origins = sorted({submitted.origin for submitted in batch})
        record = await connection.fetchrow(_STATE, origins)
        assert record is not None
        xid, now_ms, version, numbers = record
        fresh = _fresh(batch, dict(numbers or ()))
        if not fresh:
            return {}
        loader = Loader(connection, await self._schemas.at(connection, version), self._known)
        incoming = [
            self._incoming(submitted, transaction_id(xid, place), (now_ms, loader.clocks))
            for place, submitted in enumerate(fresh, start=1)
        ]
        await _Merge(connection, loader).run(fresh, incoming, refusal)
        return {each.author.id: each.author.clock for each in incoming}

    def _incoming(
        self, submitted: Submitted, id: int, world: tuple[int, dict[int, Clock]]
    ) -> Incoming:
        """A transaction with its author. A clock too far ahead is cut back, and its rows are
        echoed. `world`: the time at the hub, and where clocks are looked up."""
        now_ms, clocks = world
        sealed, cursor = submitted.transaction, submitted.transaction.cursor
        ahead = sealed.hlc > hlc_at(now_ms + CLOCK_AHEAD_MS_MAX)
        hlc = hlc_at(now_ms) if ahead else sealed.hlc
        clock = clocks[id] = Clock(hlc, submitted.origin)
        snapshot = cursor.snapshot if cursor and cursor.epoch == self._epoch else None
        sees = _sees_nothing if snapshot is None else lambda known: snapshot.sees(xid_of(known))
        return Incoming(sealed, Author(id, clock, clocks, sees), echo=ahead)


class _Merge:
    """One attempt, in its own Postgres transaction."""

    def __init__(self, connection: Connection, loader: Loader) -> None:
        self._connection = connection
        self._loader = loader
        self._schema = loader.schema

    async def run(
        self, fresh: Sequence[Submitted], batch: Sequence[Incoming], refusal: Refusal | None
    ) -> None:
        """Merge transactions; with a refusal, refuse them."""
        await self._load(batch)
        if refusal is None:
            merged = await self._merge(batch)
        else:
            merged = Merged(refused=dict.fromkeys(range(len(fresh)), refusal))
        xid = xid_of(batch[0].author.id)
        changed = merged.rows | self._sent_back(
            merged, [each.transaction for each in batch], transaction_id(xid)
        )
        touched = await store(self._connection, self._schema, (self._loader.rows, changed), xid)
        tables = [table for table in self._schema if table.number in touched]
        triggered = await note(self._connection, fresh, batch, merged.refused, tables)
        meant = {row_id: row for row_id, row in changed.items() if row_id.table in triggered}
        if meant:
            await capture_effects(self._connection, self._loader, meant, xid)

    async def _load(self, batch: Sequence[Incoming]) -> None:
        """Load what is written and deleted, and most of what that touches."""
        transactions = [incoming.transaction for incoming in batch]
        await self._loader.load(wanted(transactions))
        gone: list[RowId] = []
        parents: set[RowId] = set()
        children = {table.name: table for table in self._schema if table.foreign_keys}
        for change in (change for each in transactions for change in each.changes):
            if change.op is Op.DELETE:
                gone.append(RowId(change.table, change.key))
            elif table := children.get(change.table):
                parents.update(parents_of(table, change.values))
        if gone:
            await self._loader.load_children(gone)
        if absent := parents - self._loader.rows.keys():
            await self._loader.load_parents(absent)

    async def _merge(self, batch: Sequence[Incoming]) -> Merged:
        """The pure merge, again while it asks for rows that nobody loaded (parents of parents)."""
        rows = self._loader.rows
        while True:
            await self._loader.learn_clocks()
            merged = merge(self._schema, rows, batch)
            if not merged.missed:
                return merged
            await self._loader.load_parents(merged.missed)

    def _sent_back(
        self, merged: Merged, transactions: Sequence[Transaction], direct: int
    ) -> dict[RowId, Row]:
        """Rows that their author has otherwise than the hub: the hub itself touches them."""
        back = {}
        refused = [transactions[place] for place in merged.refused]
        for row_id in sorted(merged.echoed | wanted(refused), key=repr):
            row = merged.rows.get(row_id) or self._loader.rows.get(row_id)
            if row is not None:
                before = row.touched_before if is_direct(row.touched) else row.touched
                back[row_id] = row._replace(touched=direct, touched_before=before)
        for change in (change for each in refused for change in each.changes):
            row_id = RowId(change.table, change.key)
            if row_id not in back:
                back[row_id] = _never_was(self._schema, change, direct)
        return back


def _fresh(batch: Sequence[Submitted], numbers: dict[int, int]) -> list[Submitted]:
    """What is not in yet, given the number of each device's last transaction that is.

    Raises:
        ProtocolError: `transaction-gap`.
    """
    fresh = []
    for submitted in batch:
        number, last = submitted.transaction.number, numbers.get(submitted.origin)
        if last is None or number > last + 1:
            raise ProtocolError(
                "transaction-gap",
                f"Transaction {number} of device {submitted.origin} came after {last}.",
                "Connect again: the hub says which one it has.",
            )
        if number == last + 1:
            numbers[submitted.origin] = number
            fresh.append(submitted)
    return fresh


def _sees_nothing(_: int) -> bool:
    return False


def _never_was(schema: Schema, change: Change, direct: int) -> Row:
    """A tombstone for a row that a refused transaction alone has."""
    table = schema.tables[change.table]
    key = dict(zip(table.primary_key, change.key, strict=True))
    values = {**table.default_values, **key}
    return Row(values, {}, change.incarnation, deleted=direct)


def _is_refusal(error: asyncpg.PostgresError) -> bool:
    """Whether it is the data that Postgres refuses, so that trying again is no use."""
    return str(error.sqlstate).startswith(_REFUSING) or isinstance(
        error, asyncpg.InsufficientPrivilegeError
    )


def _is_race(error: asyncpg.UniqueViolationError) -> bool:
    """Whether somebody else inserted the same row since we looked."""
    return error.schema_name == "electric" or bool(_PRIMARY_KEY.search(error.constraint_name or ""))
