"""What every store promises. Ours keep it, as dicts and for real; so should yours: inherit a class
in a test, and say how a new store is made.

The simulation takes these promises for granted, and shows what follows from them.
"""

from collections.abc import Iterator, Sequence

import msgspec

from electricsql.hub import Claim
from electricsql.protocol import (
    DeltaPart,
    Took,
    decode_transaction,
    encode_block,
    encode_clocks,
    encode_transaction,
)
from electricsql.replication import (
    HUB_ORIGIN,
    Change,
    Cursor,
    Op,
    Part,
    RowId,
    Snapshot,
    Standing,
    Transaction,
)
from electricsql.testing.dict_hub import DictHub
from electricsql.testing.example import VERSIONS, Statement, Verb
from electricsql.testing.stores import DeviceStore, HubStore, Submitted

NOW_MS = 1_700_000_000_000
SEAL = 5
ONE = RowId("parents", (1,))
PARENT = Statement(Verb.PUT, "parents", (1,), {"name": "a"})
CHILD = Statement(Verb.PUT, "children", (1,), {"parent": 1, "note": "b"})
LOG, LOGGED = Statement(Verb.PUT, "log", (9,)), RowId("log", (9,))


def names() -> Iterator[str]:
    """Ids for devices."""
    return (f"device-{number:09}" for number in range(1 << 30))


def at(xid: int) -> Cursor:
    """The cursor that has seen all up to a transaction."""
    return Cursor("epoch", Snapshot(xid + 1, xid + 1))


class DeviceContract:
    """The promises of a device's file."""

    def new_device(self) -> DeviceStore:
        raise NotImplementedError

    def test_a_transaction_is_written_whole_or_not_at_all(self) -> None:
        device = self.new_device()
        assert not device.write([PARENT, Statement(Verb.PUT, "children", (1,), {"parent": 2})])
        assert device.shown() == {} and not device.has_unsealed
        assert device.write([PARENT, CHILD])
        assert device.shown().keys() == {ONE, RowId("children", (1,))}

    def test_what_is_sealed_is_numbered_and_its_clock_goes_on(self) -> None:
        device = self.new_device()
        for number, now_ms in enumerate((NOW_MS, NOW_MS - 5_000, NOW_MS - 5_000), 1):
            device.write([Statement(Verb.PUT, "parents", (number,))])
            assert device.has_unsealed
            assert device.seal(now_ms) == device.seal(now_ms) == number
        clocks = [device.pending[number] for number in (1, 2, 3)]
        assert clocks == sorted(set(clocks))
        assert device.opened().unsent.keys() == device.pending.keys()

    def test_a_transaction_says_what_became_of_each_row(self) -> None:
        device = self.new_device()
        device.write([PARENT])
        device.write([Statement(Verb.SET, "parents", (1,), {"name": "b"})])
        device.seal(NOW_MS)
        (change,) = _loaded(device, 1).changes
        assert change == Change("parents", Op.INSERT, (1,), {"id": 1, "name": "b"})

    def test_a_row_that_comes_back_has_another_life(self) -> None:
        device = self.new_device()
        remove = Statement(Verb.REMOVE, "parents", (1,))
        lives = []
        for number, statement in enumerate((PARENT, remove, PARENT), 1):
            device.write([statement])
            device.seal(NOW_MS)
            lives += [change.incarnation for change in _loaded(device, number).changes]
        assert lives == [1, 1, 2]

    def test_what_was_not_sealed_is_sealed_before_a_delta_is_applied(self) -> None:
        device = self.new_device()
        device.place(1)
        device.write([PARENT])
        assert device.apply(_delta(at(20), []), NOW_MS) == Took(str(at(20)), 0)
        assert not device.has_unsealed and device.shown().keys() == {ONE}
        assert _loaded(device, 1).cursor is None
        assert device.opened().cursor == str(at(20))

    def test_what_is_acknowledged_needs_no_oplog_and_stays(self) -> None:
        device = self.new_device()
        device.place(1)
        device.write([PARENT])
        device.seal(NOW_MS)
        device.apply(_delta(at(20), [], acknowledged=1), NOW_MS)
        assert device.pending == {} and device.shown().keys() == {ONE}

    def test_a_delta_that_is_not_complete_shows_nowhere_and_is_begun_anew(self) -> None:
        device = self.new_device()
        device.place(1)
        device.stage(_delta(at(20), _parts(), last=False))
        assert device.shown() == {} and device.opened().cursor is None
        device.crash()
        assert device.shown() == {} and device.opened().cursor is None

    def test_rows_come_with_a_delta(self) -> None:
        device = self.new_device()
        device.place(1)
        device.apply(_delta(at(20), _parts()), NOW_MS)
        assert device.shown() == {ONE: {"id": 1, "name": "hub"}}

    def test_a_row_that_never_was_may_be_inserted_as_new(self) -> None:
        device = self.new_device()
        device.place(1)
        device.write([PARENT])
        device.seal(NOW_MS)
        device.apply(_delta(at(20), _refused_parts(), acknowledged=1), NOW_MS)
        assert device.shown() == {}
        device.write([PARENT])
        device.seal(NOW_MS)
        assert [change.incarnation for change in _loaded(device, 2).changes] == [1]

    def test_what_builds_on_a_refused_transaction_is_shown_whole_until_it_is_refused(self) -> None:
        device = self.new_device()
        device.place(1)
        device.write([PARENT])
        device.seal(NOW_MS)
        device.write([Statement(Verb.SET, "parents", (1,), {"name": "b"}), LOG])
        device.seal(NOW_MS)
        device.apply(_delta(at(20), _refused_parts(), acknowledged=1), NOW_MS)
        assert device.shown() == {ONE: {"id": 1, "name": "b"}, LOGGED: {"id": 9}}
        device.apply(_delta(at(30), _refused_parts("log"), acknowledged=2), NOW_MS)
        assert device.shown() == {}

    def test_a_parent_that_was_refused_stays_as_it_is_as_long_as_its_children_do(self) -> None:
        device = self.new_device()
        device.place(1)
        device.write([PARENT])
        device.seal(NOW_MS)
        device.write([CHILD])
        device.seal(NOW_MS)
        device.apply(_delta(at(20), _refused_parts(), acknowledged=1), NOW_MS)
        child = {"id": 1, "parent": 1, "note": "b"}
        assert device.shown() == {ONE: {"id": 1, "name": "a"}, RowId("children", (1,)): child}
        device.apply(_delta(at(30), _refused_parts("children"), acknowledged=2), NOW_MS)
        assert device.shown() == {}
        device.write([PARENT])
        device.seal(NOW_MS)
        assert [change.incarnation for change in _loaded(device, 3).changes] == [1]

    def test_who_becomes_another_device_keeps_what_is_not_sent(self) -> None:
        device = self.new_device()
        before = device.opened().device
        for number in (1, 2):
            device.write([Statement(Verb.PUT, "parents", (number,))])
            device.seal(NOW_MS)
        device.place(1)
        device.apply(_delta(at(20), [], acknowledged=1), NOW_MS)
        assert device.renew() == 1
        assert device.opened().device != before and list(device.pending) == [1]

    def test_who_was_away_for_too_long_offers_what_its_transactions_need(self) -> None:
        device = self.new_device()
        device.place(1)
        device.apply(_delta(at(20), _parts()), NOW_MS)
        device.write([Statement(Verb.PUT, "children", (1,), {"parent": 1})])
        device.seal(NOW_MS)
        device.reconcile(0, 30, NOW_MS)
        (offer,) = _loaded(device, 1).changes
        assert offer[:4] == ("parents", Op.OFFER, (1,), {"id": 1, "name": "hub"})
        assert _loaded(device, 1).hlc == 0
        assert [change.table for change in _loaded(device, 2).changes] == ["children"]
        opened = device.opened()
        assert opened.wants_all and opened.sealed == 2
        assert opened.offered == 30
        assert opened.oldest == str(at(20))

    def test_until_all_rows_are_there_whatever_is_sealed_is_offered_what_it_needs(self) -> None:
        device = self.new_device()
        device.place(1)
        device.apply(_delta(at(20), _parts()), NOW_MS)
        device.reconcile(0, 30, NOW_MS)
        device.write([Statement(Verb.PUT, "children", (1,), {"parent": 1})])
        assert device.seal(NOW_MS) == 2
        (offer,) = _loaded(device, 1).changes
        assert offer[:4] == ("parents", Op.OFFER, (1,), {"id": 1, "name": "hub"})
        assert _loaded(device, 1).hlc == 0
        assert device.opened().offered == 30
        device.write([Statement(Verb.SET, "children", (1,), {"note": "mine"})])
        assert device.seal(NOW_MS) == 3  # it was made here
        device.apply(msgspec.structs.replace(_delta(at(40), _parts()), whole=True), NOW_MS)
        device.write([Statement(Verb.SET, "parents", (1,), {"name": "mine"})])
        assert device.seal(NOW_MS) == 4
        assert device.opened().offered == 30
        device.renew()
        assert device.opened().offered == 0

    def test_who_starts_over_is_another_device_and_has_nothing(self) -> None:
        device = self.new_device()
        before = device.opened().device
        device.write([PARENT])
        device.seal(NOW_MS)
        device.start_over("another")
        opened = device.opened()
        assert opened.device != before and opened.cursor is None and opened.sealed == 0
        assert device.shown() == {} and device.pending == {} and device.version == 0
        assert not device.write([PARENT])

    def test_a_copy_goes_its_own_way(self) -> None:
        device = self.new_device()
        device.write([PARENT])
        copy = device.copy()
        copy.write([Statement(Verb.REMOVE, "parents", (1,))])
        assert device.shown().keys() == {ONE} and copy.shown() == {}
        assert copy.opened().device == device.opened().device

    def test_what_two_copies_seal_under_one_number_and_clock_is_told_apart(self) -> None:
        device = self.new_device()
        device.write([PARENT])
        device.seal(NOW_MS)
        copy = device.copy()
        for each in (device, copy):
            each.write([Statement(Verb.SET, "parents", (1,), {"name": "b"})])
            each.seal(NOW_MS)
        assert device.pending == copy.pending
        ours, theirs = device.opened().unsent, copy.opened().unsent
        assert ours[1] == theirs[1] and ours[2] != theirs[2]
        assert copy.renew() == 2
        assert [*copy.opened().unsent.values()] == [*theirs.values()]


class HubContract:
    """The promises of a hub."""

    def new_hub(self) -> HubStore:
        raise NotImplementedError

    def test_a_device_keeps_its_place(self) -> None:
        hub = self.new_hub()
        place, other = hub.register("device-a" * 2), hub.register("device-b" * 2)
        again = hub.register("device-a" * 2)
        assert place.origin == again.origin != other.origin
        assert again.session > place.session and again.acknowledged == 0

    def test_a_transaction_is_merged_once(self) -> None:
        hub = self.new_hub()
        submitted = _submitted(hub, 1)
        assert hub.merge([submitted], NOW_MS) and hub.merge([submitted], NOW_MS)
        assert hub.shown() == {ONE: {"id": 1, "name": "a"}}
        assert hub.register("device-a" * 2).acknowledged == 1
        assert hub.reading().acknowledged([submitted.origin]) == {submitted.origin: 1}

    def test_a_transaction_that_a_copy_sends_too_is_merged_once(self) -> None:
        hub = self.new_hub()
        assert hub.merge([_submitted(hub, 1)], NOW_MS)
        assert hub.register("device-a" * 2).acknowledged_mark == SEAL
        assert hub.write(0, [Statement(Verb.REMOVE, "parents", (1,))])
        hub.commit(0, NOW_MS)
        copied = _submitted(hub, 1, "device-b" * 2)
        before = hub.reading().cursor
        assert hub.merge([copied], NOW_MS)
        assert hub.reading().acknowledged([copied.origin]) == {copied.origin: 1}
        assert hub.shown() == {} and _news(hub, before) == {ONE}

    def test_a_client_s_transaction_shows_when_it_commits_and_holds_its_rows(self) -> None:
        hub = self.new_hub()
        before = hub.reading().cursor
        assert hub.write(0, [PARENT])
        assert hub.shown() == {} and hub.visible_to(0).keys() == {ONE}
        assert not hub.write(1, [PARENT]) and not hub.merge([_submitted(hub, 1)], NOW_MS)
        assert _news(hub, before) == set()
        hub.commit(0, NOW_MS)
        assert hub.shown().keys() == _news(hub, before) == {ONE}

    def test_what_commits_late_is_in_the_next_delta(self) -> None:
        hub = self.new_hub()
        assert hub.write(0, [PARENT])
        assert hub.write(1, [Statement(Verb.PUT, "parents", (2,))])
        hub.commit(1, NOW_MS)
        between = hub.reading().cursor
        hub.commit(0, NOW_MS)
        assert _news(hub, between) == {ONE}

    def test_what_is_rolled_back_never_was(self) -> None:
        hub = self.new_hub()
        before = hub.reading().cursor
        hub.write(0, [PARENT])
        hub.roll_back(0)
        assert hub.shown() == {} and _news(hub, before) == set()

    def test_a_client_can_not_break_a_foreign_key(self) -> None:
        hub = self.new_hub()
        assert not hub.write(0, [CHILD])
        assert hub.write(0, [PARENT, CHILD])
        hub.commit(0, NOW_MS)
        assert not hub.write(0, [Statement(Verb.REMOVE, "parents", (1,))])

    def test_a_migration_comes_once(self) -> None:
        hub = self.new_hub()
        before = hub.reading().cursor
        assert hub.migrate() and not hub.migrate()
        reading = hub.reading()
        assert [each.name for each in reading.migrations_since(before)] == [VERSIONS[1].name]
        assert reading.migrations_since(reading.cursor) == []

    def test_an_author_is_sent_of_its_own_rows_those_whose_lives_it_counts_otherwise(self) -> None:
        hub = self.new_hub()
        again = Change("parents", Op.INSERT, (1,), {"id": 1, "name": "a"}, 2, 1)
        changes = [again, Change("log", Op.INSERT, (9,), {"id": 9})]
        submitted = _submitted(hub, 1, changes=changes)
        before = hub.reading().cursor
        hub.merge([submitted], NOW_MS)
        blocks = [block for part in hub.reading().parts_since(before) for block in part.blocks]
        authors = {block.table: block.author for block in blocks}
        assert authors == {"parents": HUB_ORIGIN, "log": submitted.origin}

    def test_what_an_older_session_has_left_is_not_merged(self) -> None:
        hub = self.new_hub()
        submitted = _submitted(hub, 1)
        hub.register("device-a" * 2)
        assert hub.merge([submitted], NOW_MS)
        assert hub.shown() == {}

    def test_what_is_forbidden_waits_whole_and_its_author_is_told(self) -> None:
        hub = self.new_hub()
        before = hub.reading().cursor
        hub.forbid("parents")
        submitted = _submitted(hub, 1)
        assert hub.merge([submitted], NOW_MS)
        assert hub.shown() == {} and hub.waiting() == [(submitted.origin, 1)]
        assert hub.register("device-a" * 2).acknowledged == 1
        assert _told(hub, submitted.origin, before) == [(1, "postgres-refused", "waiting")]
        authors = {
            block.author for part in hub.reading().parts_since(before) for block in part.blocks
        }
        assert authors == {0}

    def test_what_was_refused_is_merged_once_it_may_be(self) -> None:
        hub = self.new_hub()
        hub.forbid("parents")
        submitted = _submitted(hub, 1)
        hub.merge([submitted], NOW_MS)
        (id,) = hub.waiting()
        assert not hub.retry(id, NOW_MS) and hub.waiting() == [id]
        hub.forbid(None)
        between = hub.reading().cursor
        assert hub.retry(id, NOW_MS) and hub.waiting() == []
        assert hub.shown() == {ONE: {"id": 1, "name": "a"}}
        assert _told(hub, id.origin, between) == [(1, "postgres-refused", "retried")]

    def test_a_row_that_only_a_refused_transaction_had_is_no_life(self) -> None:
        hub = self.new_hub()
        hub.forbid("parents")
        hub.merge([_submitted(hub, 1)], NOW_MS)
        hub.forbid(None)
        before = hub.reading().cursor
        hub.write(0, [Statement(Verb.PUT, "parents", (1,))])
        hub.commit(0, NOW_MS)
        parts = list(hub.reading().parts_since(before))
        assert [s.incarnation for p in parts for b in p.blocks for s in b.shadows] == [1]
        assert hub.merge([_submitted(hub, 1, "device-b" * 2)], NOW_MS)
        assert hub.shown() == {ONE: {"id": 1, "name": "a"}}

    def test_what_builds_on_a_refused_transaction_is_refused_whole_and_sent_back(self) -> None:
        hub = self.new_hub()
        hub.forbid("parents")
        hub.merge([_submitted(hub, 1)], NOW_MS)
        hub.forbid(None)
        before = hub.reading().cursor
        changes = [
            Change("parents", Op.UPDATE, (1,), {"name": "b"}),
            Change("log", Op.INSERT, (9,), {"id": 9}),
        ]
        submitted = _submitted(hub, 2, changes=changes)
        assert hub.merge([submitted], NOW_MS)
        assert hub.shown() == {} and _news(hub, before) == {ONE, LOGGED}
        assert _told(hub, submitted.origin, before) == [(2, "unknown-row", "waiting")]

    def test_what_is_given_up_does_not_wait(self) -> None:
        hub = self.new_hub()
        hub.forbid("parents")
        submitted = _submitted(hub, 1)
        hub.merge([submitted], NOW_MS)
        between = hub.reading().cursor
        hub.discard(hub.waiting()[0])
        assert hub.waiting() == [] and hub.shown() == {}
        assert _told(hub, submitted.origin, between) == [(1, "postgres-refused", "discarded")]

    def test_what_all_live_devices_have_passed_is_forgotten(self) -> None:
        hub = self.new_hub()
        away, live = "device-a" * 2, "device-b" * 2
        hub.write(0, [PARENT])
        hub.commit(0, NOW_MS)
        before = hub.reading().cursor
        for device in (away, live):
            hub.register(device, Claim(before, before))
        hub.write(0, [Statement(Verb.REMOVE, "parents", (1,))])
        hub.commit(0, NOW_MS)
        now = hub.reading().cursor
        session = hub.register(live, Claim(now, now)).session
        hub.applied(live, session, Claim(now, now))
        hub.clean()
        assert _news(hub, before) == {ONE}
        assert hub.register(away, Claim(before, before)).standing is Standing.HERE
        hub.expire(away)
        hub.clean()
        assert _news(hub, None) == set()
        forgotten = hub.register(away, Claim(before, before))
        assert forgotten.standing is Standing.FORGOTTEN
        for behind, standing in ((-1, Standing.FORGOTTEN), (0, Standing.HERE)):
            claim = Claim(None, before, offered=forgotten.horizon + behind)
            assert hub.register(away, claim).standing is standing
        assert hub.register(live, Claim(now, now)).standing is Standing.HERE


def _told(hub: HubStore, origin: int, cursor: Cursor) -> list[tuple[int, str, str]]:
    told = hub.reading().refused_since([origin], cursor).get(origin, ())
    return [(each.number, each.code, each.fate) for each in told]


def _loaded(device: DeviceStore, number: int) -> Transaction:
    return decode_transaction(device.load(number), VERSIONS[0].schema.tables)


def _parts() -> Sequence[Part]:
    """A hub's rows, as a delta has them."""

    hub = DictHub()
    hub.write(0, [Statement(Verb.PUT, "parents", (1,), {"name": "hub"})])
    hub.commit(0, NOW_MS)
    return list(hub.reading().parts_since(None))


def _refused_parts(table: str | None = None) -> Sequence[Part]:
    """What a hub sends of a row that only a refused transaction had; and what of one that refers to
    it, or was inserted by who updated it."""
    hub = DictHub()
    hub.forbid("parents")
    hub.merge([_submitted(hub, 1)], NOW_MS)
    child = Change("children", Op.INSERT, (1,), {"id": 1, "parent": 1, "note": "b"})
    name = Change("parents", Op.UPDATE, (1,), {"name": "b"})
    logged = Change("log", Op.INSERT, (9,), {"id": 9})
    after = {"children": [child], "log": [name, logged]}
    if table is not None:
        hub.forbid(None)
        before = hub.reading().cursor
        hub.merge([_submitted(hub, 2, changes=after[table])], NOW_MS)
        return list(hub.reading().parts_since(before))
    return list(hub.reading().parts_since(None))


def _delta(
    cursor: Cursor, parts: Sequence[Part], *, acknowledged: int = 0, last: bool = True
) -> DeltaPart:
    blocks = tuple(encode_block(block) for part in parts for block in part.blocks)
    clocks = {id: clock for part in parts for id, clock in part.clocks.items()}
    numbers = (acknowledged, len(blocks), len(blocks), (), ())
    return DeltaPart(0, last, False, str(cursor), *numbers, encode_clocks(clocks), blocks)


def _submitted(
    hub: HubStore,
    number: int,
    device: str = "device-a" * 2,
    changes: Sequence[Change] = (Change("parents", Op.INSERT, (1,), {"id": 1, "name": "a"}),),
) -> Submitted:
    place = hub.register(device)
    transaction = Transaction(number, NOW_MS << 16, None, VERSIONS[0].name, changes, SEAL)
    encoded = encode_transaction(transaction, VERSIONS[0].schema.tables)
    return Submitted(place.origin, place.session, transaction, encoded)


def _news(hub: HubStore, cursor: Cursor | None) -> set[RowId]:
    tables = VERSIONS[0].schema.tables
    return {
        RowId(block.table, key)
        for part in hub.reading().parts_since(cursor)
        for block in part.blocks
        for key, _ in block.rows(tables[block.table])
    }
