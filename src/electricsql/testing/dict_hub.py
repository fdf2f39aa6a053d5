"""A hub as dicts, with Postgres' snapshots: transactions have ids in the order of their first
writes, become visible when they commit, and hold locks until then."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from electricsql.hub import NOWHERE, Claim
from electricsql.protocol import Registered
from electricsql.replication import (
    HUB_ORIGIN,
    OLDEST,
    WAITING,
    Author,
    Change,
    Clock,
    Incoming,
    Merged,
    Op,
    Refusal,
    Refused,
    Row,
    RowId,
    Snapshot,
    Standing,
    Transaction,
    change_row,
    cut_back,
    is_direct,
    looks_the_same,
    merge,
    notice,
    parents_of,
    sent_back,
    tick,
    transaction_id,
    wanted,
    xid_of,
)
from electricsql.schema import Schema, Value
from electricsql.testing.dict_device import padded, shown_of
from electricsql.testing.dict_reading import DictReading
from electricsql.testing.example import VERSIONS, Shown, Statement, Verb
from electricsql.testing.stores import Submitted, TransactionId


@dataclass(slots=True)
class _Client:
    """A transaction that is open: the rows that it has written (None: deleted), and those that it
    only keeps others from deleting."""

    xid: int
    rows: dict[RowId, Mapping[str, Value] | None] = field(default_factory=dict)
    shared: set[RowId] = field(default_factory=set)


@dataclass(slots=True)
class Quarantined:
    """A transaction that was refused; `xid` is of whoever decided what becomes of it."""

    submitted: Submitted
    xid: int
    told: Refused

    @property
    def waits(self) -> bool:
        return self.told.fate == WAITING

    def decide(self, fate: str, xid: int) -> None:
        self.told, self.xid = replace(self.told, fate=fate), xid


@dataclass(slots=True)
class _Place:
    """What the hub knows of a device."""

    origin: int
    number: int = 0
    mark: int = 0
    session: int = 0
    needs: int = 0
    """The xid from which on the device needs everything."""
    is_live: bool = True


class DictHub:
    """A `HubStore`."""

    def __init__(self, epoch: str = "epoch") -> None:
        self.epoch = epoch
        self.rows: dict[RowId, Row] = {}
        self.clocks: dict[int, Clock] = {}
        self.version = 1
        self.echoed: set[RowId] = set()
        """The rows that were sent back to who wrote them, before the last merge."""
        self._just_echoed: set[RowId] = set()
        self.xids: dict[RowId, int] = {}
        self._next_xid = 10
        self._ended = 9
        self.migrated = [10]
        self._clients: dict[int, _Client] = {}
        self._places: dict[str, _Place] = {}
        self.horizon = 0
        """The xid below which everything is forgotten."""
        self._forgotten_hlc = 0
        self._seals: set[tuple[int, int]] = set()
        self._origins: dict[int, _Place] = {}
        self.quarantine: dict[TransactionId, Quarantined] = {}
        self.forbidden: str | None = None
        """A table in which a rule of the app lets no device insert or update anything."""
        self._end(self._begin())

    @property
    def schema(self) -> Schema:
        return VERSIONS[self.version - 1].schema

    def number_of(self, origin: int) -> int:
        """The number of a device's last transaction that is in."""
        return self._origins[origin].number

    def clock_of(self, row_id: RowId) -> int:
        """The hlc of whoever wrote a row's key."""
        row = self.rows[row_id]
        (key,) = self.schema.tables[row_id.table].primary_key
        return self.clocks[abs(row.writers[key])].hlc

    def schema_at(self, version: str | None) -> Schema:
        (found,) = (each for each in VERSIONS[: self.version] if each.name == version)
        return found.schema

    def snapshot(self) -> Snapshot:
        """Which transactions are visible to whoever begins now."""
        xmax = self._ended + 1
        running = frozenset(each.xid for each in self._clients.values() if each.xid < xmax)
        return Snapshot(min(running, default=xmax), xmax, running)

    def _begin(self) -> int:
        self._next_xid += 1
        return self._next_xid - 1

    def _end(self, xid: int) -> None:
        self._ended = max(self._ended, xid)

    def shown(self) -> Shown:
        return shown_of(self.rows)

    # Devices.

    def register(self, device: str, claim: Claim = NOWHERE, /) -> Registered:
        place = self._places.get(device)
        if place is None:
            place = self._places[device] = _Place(1 + len(self._places), needs=self.horizon)
            self._origins[place.origin] = place
        place.session += 1
        place.is_live = True
        self._note_needs(place, claim)
        numbers = (place.origin, self.epoch, place.number, place.mark, place.session)
        return Registered(*numbers, self._standing(place, claim), self.horizon)

    def _standing(self, place: _Place, claim: Claim) -> Standing:
        cursor = claim.cursor
        if cursor is not None and cursor.epoch != self.epoch:
            return Standing.HERE
        is_behind = cursor is not None and cursor.snapshot.xmin < self.horizon
        lacks = max(place.needs, claim.offered) < self.horizon
        return Standing.FORGOTTEN if is_behind or lacks else Standing.HERE

    def _note_needs(self, place: _Place, claim: Claim) -> None:
        if claim.oldest is not None and claim.oldest.epoch == self.epoch:
            place.needs = claim.oldest.snapshot.xmin

    def applied(self, device: str, session: int, claim: Claim, /) -> None:
        place = self._places[device]
        if place.session == session:
            self._note_needs(place, claim)

    def expire(self, device: str, /) -> None:
        if device in self._places:
            self._places[device].is_live = False

    def clean(self, connected: Collection[str] = ()) -> None:
        for device in connected:
            self._places[device].is_live = True
        needed = [place.needs for place in self._places.values() if place.is_live]
        self.horizon = max(self.horizon, min([self.snapshot().xmin, *needed]))
        for row_id, row in list(self.rows.items()):
            if not row.alive and self.xids[row_id] < self.horizon:
                del self.rows[row_id], self.xids[row_id]
        self._forgotten_hlc = self._highest()  # the next one must be higher
        for id in [id for id in self.clocks if xid_of(id) < self.horizon]:
            del self.clocks[id]

    def merge(self, batch: Sequence[Submitted], now_ms: int) -> bool:
        fresh = self._fresh(batch)
        xid = self._begin()
        hlcs = cut_back([each.transaction.hlc for each in fresh], now_ms, self._highest())
        incoming = [
            self._incoming(each, transaction_id(xid, place), hlc)
            for place, (each, hlc) in enumerate(zip(fresh, hlcs, strict=True), 1)
        ]
        blocked = self._is_blocked([each.transaction for each in fresh])
        if fresh and not blocked:
            self._merge(fresh, incoming, xid)
        self._end(xid)
        return not blocked

    def _fresh(self, batch: Sequence[Submitted]) -> list[Submitted]:
        """What is not in yet: resends are left out, and what an older session has left behind."""
        fresh = []
        numbers = {origin: place.number for origin, place in self._origins.items()}
        for each in batch:
            number = each.transaction.number
            if each.session != self._origins[each.origin].session:
                continue
            if number == numbers[each.origin] + 1:
                numbers[each.origin] = number
                fresh.append(each)
            else:
                assert number <= numbers[each.origin], "a transaction is missing"
        return fresh

    def _incoming(self, submitted: Submitted, id: int, hlc: int) -> Incoming:
        sealed, cursor = submitted.transaction, submitted.transaction.cursor
        snapshot = cursor.snapshot if cursor is not None and cursor.epoch == self.epoch else None
        clock = self.clocks[id] = Clock(hlc, submitted.origin)

        def sees(known: int) -> bool:
            return snapshot is not None and snapshot.sees(xid_of(known))

        author = Author(id, clock, self.clocks, sees)
        return Incoming(sealed, author, hlc != sealed.hlc, self._refusal(sealed))

    def _refusal(self, transaction: Transaction) -> Refusal | None:
        for change in transaction.changes:
            if change.table == self.forbidden and change.op is not Op.DELETE:
                return Refusal("postgres-refused", f"Nobody may write {change.table} now.")
        return None

    def _is_blocked(self, transactions: Sequence[Transaction]) -> bool:
        if not self._clients:
            return False
        changes = [change for each in transactions for change in each.changes]
        touched = wanted(transactions)
        for change in changes:
            table = self.schema.tables[change.table]
            touched.update(parents_of(table, change.values))
            row = self.rows.get(RowId(change.table, change.key))
            if row is not None and change.op is not Op.DELETE:  # it may be brought back
                touched.update(parents_of(table, row.values))
        deleted = {RowId(c.table, c.key) for c in changes if c.op is Op.DELETE}
        return any(
            touched & client.rows.keys() or deleted & client.shared
            for client in self._clients.values()
        )

    def _merge(self, fresh: Sequence[Submitted], batch: Sequence[Incoming], xid: int) -> None:
        batch = notice(batch, self._seals)
        merged = merge(self.schema, self.rows, batch)
        self._store(merged, xid)
        for submitted in fresh:
            place = self._origins[submitted.origin]
            place.number = submitted.transaction.number
            place.mark = submitted.transaction.mark
        self._note_seals([each for at, each in enumerate(batch) if at not in merged.refused])
        for at, refusal in merged.refused.items():
            told = Refused(fresh[at].transaction.number, refusal.code, refusal.message)
            id = TransactionId(fresh[at].origin, told.number)
            self.quarantine[id] = Quarantined(fresh[at], xid, told)

    def _note_seals(self, taken: Sequence[Incoming]) -> None:
        self._seals.update((each.author.clock.hlc, each.transaction.seal) for each in taken)

    def _store(self, merged: Merged, xid: int) -> None:
        changed = dict(merged.rows)
        self.echoed |= self._just_echoed
        self._just_echoed = merged.echoed
        for row_id in merged.echoed:
            row = changed.get(row_id) or self.rows.get(row_id)
            if row is not None:
                changed[row_id] = sent_back(row, transaction_id(xid))
        for row_id, row in changed.items():
            looks = looks_the_same(self.rows.get(row_id), row)
            if not looks or is_direct(row.touched):
                self.xids[row_id] = xid
            self.rows[row_id] = row

    # The quarantine.

    def forbid(self, table: str | None) -> None:
        self.forbidden = table

    def waiting(self) -> Sequence[TransactionId]:
        return [id for id, each in sorted(self.quarantine.items()) if each.waits]

    def retry(self, id: TransactionId, now_ms: int) -> bool:
        quarantined = self.quarantine[id]
        transaction = quarantined.submitted.transaction
        if self._is_blocked([transaction]):
            return False
        xid = self._begin()
        (hlc,) = cut_back([transaction.hlc], now_ms, self._highest())
        incoming = self._incoming(quarantined.submitted, transaction_id(xid, 1), hlc)
        batch = notice([replace(incoming, echo=True)], self._seals)
        merged = merge(self.schema, self.rows, batch)
        if merged.refused:
            quarantined.told = replace(quarantined.told, code=merged.refused[0].code)
        else:
            self._store(merged, xid)
            self._note_seals(batch)
            quarantined.decide("retried", xid)
        self._end(xid)
        return not merged.refused

    def discard(self, id: TransactionId) -> None:
        xid = self._begin()
        self.quarantine[id].decide("discarded", xid)
        self._end(xid)

    # Clients.

    def visible_to(self, client: int) -> Shown:
        shown = dict(self.shown())
        opened = self._clients.get(client)
        for row_id, values in opened.rows.items() if opened else ():
            shown.pop(row_id, None)
            if values is not None:
                shown[row_id] = values
        return shown

    def write(self, client: int, statements: Sequence[Statement]) -> bool:
        opened = self._clients.get(client) or _Client(self._next_xid)
        others = [each for number, each in self._clients.items() if number != client]
        rows, shared = dict(opened.rows), set(opened.shared)
        shown = dict(self.visible_to(client))
        for statement in statements:
            row_id = RowId(statement.table, statement.key)
            if not self._execute(shown, statement):
                continue
            rows[row_id] = shown.get(row_id)
            table = self.schema.tables[row_id.table]
            shared.update(parents_of(table, shown.get(row_id, {})))
        written = rows.keys()
        removed = {row_id for row_id, values in rows.items() if values is None}
        busy = any(
            written & other.rows.keys() or shared & other.rows.keys() or removed & other.shared
            for other in others
        )
        if busy or not _is_sound(self.schema, shown):
            return False
        if client not in self._clients:
            self._clients[client] = opened
            self._begin()
        opened.rows, opened.shared = rows, shared
        return True

    def _execute(self, shown: dict[RowId, Mapping[str, Value]], statement: Statement) -> bool:
        """Change a row; whether there was something to change."""
        row_id = RowId(statement.table, statement.key)
        table = self.schema.tables[statement.table]
        before = shown.get(row_id)
        if statement.verb is Verb.REMOVE:
            return shown.pop(row_id, None) is not None
        if before is None:
            if statement.verb is Verb.SET:
                return False
            before = dict(table.default_values)
            before.update(zip(table.primary_key, statement.key, strict=True))
        shown[row_id] = {**before, **statement.values}
        return True

    def commit(self, client: int, now_ms: int) -> None:
        opened = self._clients.pop(client, None)
        if opened is None:
            return
        id = transaction_id(opened.xid)
        self.clocks[id] = Clock(self._tick(now_ms), HUB_ORIGIN)
        author = Author(id, self.clocks[id], self.clocks, lambda _: True)
        for row_id, values in opened.rows.items():
            change = self._change(row_id, values)
            if change is not None:
                table = self.schema.tables[row_id.table]
                row = change_row(table, self.rows.get(row_id), change, author)
                assert row is not None
                self.rows[row_id] = row
                self.xids[row_id] = opened.xid
        self._end(opened.xid)

    def _tick(self, now_ms: int) -> int:
        return tick(self._highest(), now_ms)

    def _highest(self) -> int:
        return max(self._forgotten_hlc, max(self.clocks.values(), default=OLDEST).hlc)

    def _change(self, row_id: RowId, values: Mapping[str, Value] | None) -> Change | None:
        """What makes a row have these values, for an author who has seen it as it is."""
        table, key = row_id
        row = self.rows.get(row_id)
        if row is None or not row.alive:
            life = 1 if row is None else row.incarnation + 1
            return None if values is None else Change(table, Op.INSERT, key, values, life)
        if values is None:
            return Change(table, Op.DELETE, key, {}, row.incarnation)
        changed = {name: value for name, value in values.items() if row.values[name] != value}
        return Change(table, Op.UPDATE, key, changed, row.incarnation) if changed else None

    def roll_back(self, client: int) -> None:
        opened = self._clients.pop(client, None)
        if opened is not None:
            self._end(opened.xid)

    def migrate(self) -> bool:
        if self._clients or self.version == len(VERSIONS):
            return False
        self.version += 1
        self.rows.update(list(padded(self.schema, self.rows)))
        xid = self._begin()
        self.migrated.append(xid)
        self._end(xid)
        return True

    def reading(self) -> "DictReading":
        return DictReading(self)


def _is_sound(schema: Schema, shown: Shown) -> bool:
    """Whether no foreign key is broken."""
    return all(
        parent in shown
        for row_id, values in shown.items()
        if schema.tables[row_id.table].foreign_keys
        for parent in parents_of(schema.tables[row_id.table], values)
    )
