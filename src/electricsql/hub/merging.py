"""Merging device transactions: each once, in one Postgres transaction with what it changes.

The rules are `replication.merge`'s; here rows are loaded and locked for it, and what it says is
stored. When Postgres refuses what the rules allow (a constraint of the users' own, a trigger that
raises), the batch is merged again one by one, and the transaction that is at fault goes to the
quarantine: its rows are sent back to the device as the hub has them.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

import asyncpg

from electricsql.errors import ProtocolError, ServiceError
from electricsql.hub.capture import MERGING
from electricsql.hub.clocks import KnownClocks
from electricsql.hub.connection import CONTENTION, Connection, transaction
from electricsql.hub.effects import capture_effects
from electricsql.hub.format import LOCK
from electricsql.hub.lineages import Versions
from electricsql.hub.loading import Loader
from electricsql.hub.long_work import work
from electricsql.hub.model import Submitted
from electricsql.hub.noting import note
from electricsql.hub.quarantine import decide, explain
from electricsql.hub.schemas import Schemas
from electricsql.hub.storing import store
from electricsql.limits import LOCK_WAIT_MS
from electricsql.replication import (
    Author,
    Clock,
    Incoming,
    Merged,
    Op,
    Refusal,
    Row,
    RowId,
    Snapshot,
    Transaction,
    cut_back,
    is_ahead,
    merge,
    notice,
    parents_of,
    sent_back,
    transaction_id,
    wanted,
    xid_of,
)

_RETRY_MS_MIN: Final = 5
_RETRY_MS_MAX: Final = 500
_RACES_MAX: Final = 10
_REFUSING: Final = ("21", "22", "23", "27", "38", "39", "44", "54", "P0")
"""SQLSTATE classes: bad data, a broken constraint, a trigger or function that raised, too much for
an index."""
_REFUSING_IN_FUNCTIONS: Final = ("0A", "2F", "3F", "42")
"""The same in a function or trigger of the users': it is broken, maybe for this row alone."""
_USERS_FUNCTION: Final = re.compile(r"function (?!electric\.)")
_PRIMARY_KEY: Final = re.compile(r"_pkey[0-9]*$")

# Rows are found by their keys, whatever a table's statistics say just now.
_BEGIN: Final = f"""
BEGIN;
SET LOCAL {MERGING} = 'on';
SET LOCAL lock_timeout = {LOCK_WAIT_MS};
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
SET CONSTRAINTS ALL DEFERRED;
SELECT pg_advisory_xact_lock_shared({LOCK})
"""
_STATE: Final = """
WITH locked AS (
    SELECT origin::bigint, number, session FROM electric.devices WHERE origin = ANY($1::int[])
    ORDER BY origin FOR UPDATE
)
SELECT pg_current_xact_id()::text::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    (SELECT name FROM electric.migrations ORDER BY position DESC LIMIT 1),
    (SELECT array_agg(ARRAY[origin, number, session]) FROM locked),
    (SELECT horizon FROM electric.hub),
    (SELECT coalesce(array_agg(ARRAY[hlc, seal]), '{}')
        FROM unnest($2::bigint[], $3::bigint[]) n(hlc, seal)
        JOIN electric.transactions USING (hlc, seal))
"""

_Act = Callable[[Connection], Awaitable[Mapping[int, Clock]]]
Connected = Callable[[], AbstractAsyncContextManager[Connection]]


class _StillRefused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


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
            ServiceError: `superseded`.
            PostgresError: `postgres-unavailable`.
        """
        try:
            await self._commit(connected, lambda connection: self._merge(connection, batch))
        except asyncpg.PostgresError as error:
            if not _is_refusal(error):
                raise
            if len(batch) > 1:
                for submitted in batch:
                    await self.merge(connected, [submitted])
            elif batch[0].refusal is None:
                refused = replace(batch[0], refusal=_refusal(error))
                await self.merge(connected, [refused])
            elif batch[0].transaction.changes:  # no table could have such a key: there is no row
                await self.merge(connected, [batch[0].without_changes()])
            else:
                raise

    async def retry(self, connected: Connected, submitted: Submitted) -> Refusal | None:
        """Merge a transaction that waits in the quarantine, as what it was; its rows are echoed.
        Gives the reason if it has to stay there.

        Raises:
            ServiceError: `not-quarantined`, `already-decided`.
            PostgresError: `postgres-unavailable`.
        """
        try:
            await self._commit(connected, lambda connection: self._retry(connection, submitted))
            return None
        except _StillRefused as still:
            refusal = still.refusal
        except asyncpg.PostgresError as error:
            if not _is_refusal(error):
                raise
            refusal = _refusal(error)
        async with connected() as connection:
            await explain(connection, submitted.id, refusal)
        return refusal

    async def _commit(self, connected: Connected, act: _Act) -> None:
        """Merge as soon as nobody else is in the way."""
        delay_ms = _RETRY_MS_MIN
        races: Counter[str | None] = Counter()
        while True:
            try:
                async with connected() as connection:
                    async with transaction(connection, _BEGIN):
                        clocks = await act(connection)
                    self._known.keep(clocks)
                return
            except CONTENTION:
                pass
            except asyncpg.UniqueViolationError as error:
                rule = error.constraint_name
                races[rule] += 1
                # Another row may be new: a trigger of `keep-first` sees it the second time.
                if races[rule] > (_RACES_MAX if _is_race(error) else 1):
                    raise
            await asyncio.sleep(delay_ms * random.uniform(0.5, 1) / 1000)
            delay_ms = min(2 * delay_ms, _RETRY_MS_MAX)

    async def _merge(
        self, connection: Connection, batch: Sequence[Submitted]
    ) -> Mapping[int, Clock]:
        """Merge what is new in the batch, inside the transaction; gives the new clocks.

        Raises:
            ProtocolError: `transaction-gap`.
            ServiceError: `superseded`.
        """
        origins = sorted({submitted.origin for submitted in batch})
        xid, now_ms, version, devices, horizon, known = await _state(connection, origins, batch)
        fresh = _fresh(batch, {origin: state for origin, *state in devices or ()})
        if not fresh:
            return {}
        versions = await self._schemas.up_to(connection, version)
        loader = Loader(connection, versions.base, self._known, horizon)
        put = [await _put(versions, each) for each in fresh]
        hlcs = await _taken(connection, loader, [each.transaction for each in put], now_ms)
        incoming = [
            self._incoming(submitted, transaction_id(xid, place), hlc, loader.clocks)
            for place, (submitted, hlc) in enumerate(zip(put, hlcs, strict=True), start=1)
        ]
        await _Merge(connection, loader).run(notice(incoming, known), fresh)
        return {each.author.id: each.author.clock for each in incoming}

    async def _retry(self, connection: Connection, submitted: Submitted) -> Mapping[int, Clock]:
        """Merge what waits in the quarantine, inside the transaction; gives its clock.

        Raises:
            _StillRefused: it can't be merged yet.
            ServiceError: `not-quarantined`, `already-decided`.
        """
        await decide(connection, submitted.id, "retried")
        xid, now_ms, version, _, horizon, known = await _state(connection, [], [submitted])
        versions = await self._schemas.up_to(connection, version)
        loader = Loader(connection, versions.base, self._known, horizon)
        put = await _put(versions, submitted)
        (hlc,) = await _taken(connection, loader, [put.transaction], now_ms)
        incoming = self._incoming(put, transaction_id(xid, 1), hlc, loader.clocks)
        batch = notice([replace(incoming, echo=True)], known)
        refused = await _Merge(connection, loader).run(batch)
        if refused:
            raise _StillRefused(refused[0])
        return {incoming.author.id: incoming.author.clock}

    def _incoming(
        self, submitted: Submitted, id: int, hlc: int, clocks: dict[int, Clock]
    ) -> Incoming:
        """A transaction with its author, under the clock that it is taken with. If that is not its
        own, its rows are echoed. `clocks` is where clocks are looked up."""
        sealed, cursor = submitted.transaction, submitted.transaction.cursor
        clock = clocks[id] = Clock(hlc, submitted.origin)
        sees: Callable[[int], bool] = _sees_nothing
        # Nobody has seen what is yet to come: such a cursor is forged.
        if cursor and cursor.epoch == self._epoch and cursor.snapshot.xmax <= xid_of(id):
            sees = _seer(cursor.snapshot)
        author = Author(id, clock, clocks, sees)
        return Incoming(sealed, author, echo=hlc != sealed.hlc, refusal=submitted.refusal)


class _Merge:
    """One attempt, in its own Postgres transaction."""

    def __init__(self, connection: Connection, loader: Loader) -> None:
        self._connection = connection
        self._loader = loader
        self._schema = loader.schema

    async def run(
        self, batch: Sequence[Incoming], fresh: Sequence[Submitted] = ()
    ) -> Mapping[int, Refusal]:
        """Merge transactions; gives those that are refused. `fresh`: the same as they came, unless
        it was from the quarantine."""
        await self._load(batch)
        merged = await self._merge(batch)
        if merged.refused and not fresh:
            return merged.refused
        xid = xid_of(batch[0].author.id)
        changed = merged.rows | self._sent_back(merged, transaction_id(xid))
        touched = await store(self._connection, self._schema, (self._loader.rows, changed), xid)
        tables = [table for table in self._schema if table.number in touched]
        triggered = await note(self._connection, batch, fresh, merged.refused, tables)
        meant = {row_id: row for row_id, row in changed.items() if row_id.table in triggered}
        if meant:
            await capture_effects(self._connection, self._loader, meant, xid)
        return merged.refused

    async def _load(self, batch: Sequence[Incoming]) -> None:
        """Load what is written and deleted, and most of what that touches."""
        transactions = [incoming.transaction for incoming in batch]
        await self._loader.load(wanted(transactions))
        gone: list[RowId] = []
        parents: set[RowId] = set()
        children = {table.name: table for table in self._schema if table.foreign_keys}
        mergeable = [each.transaction for each in batch if each.refusal is None]
        for change in (change for each in mergeable for change in each.changes):
            if change.op is Op.DELETE:
                gone.append(RowId(change.table, change.key))
            elif table := children.get(change.table):
                parents.update(parents_of(table, change.values))
        if gone:
            await self._loader.load_children(gone)
        if absent := parents - self._loader.rows.keys():
            await self._loader.load_parents(absent)

    async def _merge(self, batch: Sequence[Incoming]) -> Merged:
        """The pure merge, again while it asks for rows that nobody loaded (parents of parents), or
        rows refer to some that nobody locked (children of what was to be deleted)."""
        rows = self._loader.rows
        while True:
            await self._loader.learn_clocks()
            merged = await work(len(rows), merge, self._schema, rows, batch)
            loose = self._parents_in(merged) & rows.unlocked if rows.unlocked else set()
            if not merged.missed and not loose:
                return merged
            await self._loader.load_parents(merged.missed)
            await self._loader.load(loose)

    def _parents_in(self, merged: Merged) -> set[RowId]:
        """What the rows that change refer to."""
        tables = self._schema.tables
        return {
            parent
            for row_id, row in merged.rows.items()
            if row.alive
            for parent in parents_of(tables[row_id.table], row.values)
        }

    def _sent_back(self, merged: Merged, direct: int) -> dict[RowId, Row]:
        """Rows that their author has otherwise than the hub: the hub itself touches them."""
        back = {}
        for row_id in sorted(merged.echoed, key=repr):
            row = merged.rows.get(row_id) or self._loader.rows.get(row_id)
            if row is not None:
                back[row_id] = sent_back(row, direct)
        return back


async def _state(
    connection: Connection, origins: Sequence[int], batch: Sequence[Submitted]
) -> asyncpg.Record:
    """Where the hub and these devices are, and what of the batch it knows by its seal."""
    sealed = [each.transaction for each in batch if each.transaction.seal]
    hlcs, seals = [each.hlc for each in sealed], [each.seal for each in sealed]
    record = await connection.fetchrow(_STATE, origins, hlcs, seals)
    assert record is not None
    return record


async def _put(versions: Versions, submitted: Submitted) -> Submitted:
    """The same, as a transaction of the base."""
    written = submitted.transaction
    view = versions.view(written.schema_version)
    put = await work(len(written.changes), view.put, written)
    return submitted if put is written else replace(submitted, transaction=put)


def _fresh(batch: Sequence[Submitted], devices: dict[int, list[int]]) -> list[Submitted]:
    """What is not in yet, given for each device the number of its last transaction that is, and its
    newest session.

    Raises:
        ProtocolError: `transaction-gap`.
        ServiceError: `superseded`.
    """
    fresh = []
    for submitted in batch:
        number, device = submitted.transaction.number, submitted.origin
        last, session = devices.get(device, (None, submitted.session))
        if session != submitted.session:
            raise ServiceError("superseded", f"A newer session of device {device} has taken over.")
        if last is None or number > last + 1:
            raise ProtocolError(
                "transaction-gap",
                f"Transaction {number} of device {device} came after {last}.",
                "Connect again: the hub says which one it has.",
            )
        if number == last + 1:
            devices[device] = [number, session]
            fresh.append(submitted)
    return fresh


async def _taken(
    connection: Connection, loader: Loader, transactions: Sequence[Transaction], now_ms: int
) -> Sequence[int]:
    """The clocks under which transactions are taken. One that is cut back is later than whatever
    has written the transaction's rows until now: its author may have received that meanwhile, and
    shows its own write over it. So the rows are locked first."""
    hlcs = [transaction.hlc for transaction in transactions]
    if not any(is_ahead(hlc, now_ms) for hlc in hlcs):
        return hlcs
    await loader.load(wanted(transactions))
    known = await connection.fetchval("SELECT max(hlc) FROM electric.transactions")
    return cut_back(hlcs, now_ms, known or 0)


def _sees_nothing(_: int) -> bool:
    return False


def _seer(snapshot: Snapshot) -> Callable[[int], bool]:
    return lambda known: snapshot.sees(xid_of(known))


def _is_refusal(error: asyncpg.PostgresError) -> bool:
    """Whether it is the data that Postgres refuses, so that trying again is no use."""
    state = str(error.sqlstate)
    if state.startswith(_REFUSING_IN_FUNCTIONS) and _USERS_FUNCTION.search(error.context or ""):
        return True
    return state.startswith(_REFUSING) or isinstance(error, asyncpg.InsufficientPrivilegeError)


def _refusal(error: asyncpg.PostgresError) -> Refusal:
    return Refusal("postgres-refused", f"Postgres refused it: {error.message or error}.")


def _is_race(error: asyncpg.UniqueViolationError) -> bool:
    """Whether somebody else inserted the same row since we looked."""
    return error.schema_name == "electric" or bool(_PRIMARY_KEY.search(error.constraint_name or ""))
