"""Transactions: whole or not at all, in any grouping, and foreign keys never break."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from electricsql.replication import (
    Author,
    Change,
    Clock,
    Incoming,
    Op,
    Refusal,
    Row,
    RowId,
    Transaction,
    merge,
    notice,
    parents_of,
    sent_back,
    transaction_id,
)
from electricsql.schema import Column, ColumnType, ForeignKey, Schema, Table, Value

ARTIST = Table(
    name="artist",
    number=1,
    columns=(
        Column("id", ColumnType.INTEGER, "INTEGER", not_null=True),
        Column("name", ColumnType.TEXT, "TEXT"),
        Column("mentor", ColumnType.INTEGER, "INTEGER"),
    ),
    primary_key=("id",),
    foreign_keys=(ForeignKey(("mentor",), "artist", ("id",)),),
)
ALBUM = Table(
    name="album",
    number=2,
    columns=(
        Column("id", ColumnType.INTEGER, "INTEGER", not_null=True),
        Column("artist", ColumnType.INTEGER, "INTEGER"),
    ),
    primary_key=("id",),
    foreign_keys=(ForeignKey(("artist",), "artist", ("id",)),),
)
SCHEMA = Schema({"artist": ARTIST, "album": ALBUM})
Rows = dict[RowId, Row | None]


class Hub:
    """Rows in a dict, and authors made to measure."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.clocks: dict[int, Clock] = {}
        self.next_xid = 1

    def author(self, origin: int, *, seen: frozenset[int] | None = None) -> Author:
        """A new transaction of a device that had received `seen` (None: everything)."""
        id = transaction_id(self.next_xid, 1)
        self.next_xid += 1
        self.clocks[id] = Clock(1000 + id, origin)
        known = frozenset(self.clocks) if seen is None else seen
        return Author(id, self.clocks[id], self.clocks, known.__contains__)

    def again(self, author: Author) -> Author:
        """The same transaction, merged after all."""
        id = transaction_id(self.next_xid, 1)
        self.next_xid += 1
        self.clocks[id] = author.clock
        return replace(author, id=id)

    def merge(
        self,
        *batch: tuple[Author, Sequence[Change]],
        echo: bool = False,
        refusal: Refusal | None = None,
    ) -> set[RowId]:
        incoming = [
            Incoming(Transaction(1, who.clock.hlc, None, None, changes), who, echo, refusal)
            for who, changes in batch
        ]
        merged = merge(SCHEMA, self.rows, incoming)
        self.refused = merged.refused
        self.rows.update(merged.rows)
        return merged.echoed

    def alive(self, table: str, id: int) -> bool:
        row = self.rows.get(RowId(table, (id,)))
        return row is not None and row.alive


def artist(id: int, name: str = "x", mentor: int | None = None) -> Change:
    values: dict[str, Value] = {"id": id, "name": name, "mentor": mentor}
    return Change("artist", Op.INSERT, (id,), values)


def album(id: int, of: int | None) -> Change:
    return Change("album", Op.INSERT, (id,), {"id": id, "artist": of})


def rename(id: int, name: str) -> Change:
    return Change("artist", Op.UPDATE, (id,), {"name": name})


def drop(table: str, id: int) -> Change:
    return Change(table, Op.DELETE, (id,))


def foreign_keys_hold(rows: Rows) -> bool:
    return all(
        (parent := rows.get(parent_id)) is not None and parent.alive
        for row_id, row in rows.items()
        if row is not None and row.alive
        for parent_id in parents_of(SCHEMA.tables[row_id.table], row.values)
    )


def test_a_child_brings_its_deleted_parents_back() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1), artist(2, mentor=1)]))
    before = frozenset(hub.clocks)
    hub.merge((hub.author(1), [drop("artist", 2), drop("artist", 1)]))
    assert not hub.alive("artist", 1) and not hub.alive("artist", 2)
    echoed = hub.merge((hub.author(2, seen=before), [album(7, of=2)]))
    assert hub.alive("artist", 1) and hub.alive("artist", 2)
    assert echoed == {RowId("artist", (1,)), RowId("artist", (2,))}
    assert foreign_keys_hold(hub.rows)


def test_a_parent_with_an_unobserved_child_stays() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1)]))
    before = frozenset(hub.clocks)
    hub.merge((hub.author(2), [album(7, of=1)]))
    echoed = hub.merge((hub.author(3, seen=before), [drop("artist", 1)]))
    assert hub.alive("artist", 1)
    assert echoed == {RowId("artist", (1,))}


ROW = RowId("artist", (1,))


def test_a_delete_that_missed_a_write_is_undone_also_if_that_write_won_nothing() -> None:
    hub = Hub()
    early = hub.author(1, seen=frozenset())
    hub.merge((hub.author(2), [artist(1, name="later")]))
    seen = frozenset(hub.clocks) - {early.id}
    hub.merge((early, [artist(1, name="earlier")]))
    assert hub.merge((hub.author(3, seen=seen), [drop("artist", 1)])) == {ROW}
    assert hub.alive("artist", 1)


def test_a_tombstone_that_an_insert_brings_back_is_echoed_with_its_other_values() -> None:
    """The author may have been sent all rows and no tombstones: it does not have the values."""
    hub = Hub()
    early = hub.author(1, seen=frozenset())
    hub.merge((hub.author(2), [artist(1, name="later")]))
    hub.merge((hub.author(2), [drop("artist", 1)]))
    assert hub.merge((early, [artist(1, name="earlier")])) == {ROW}
    row = hub.rows[ROW]
    assert row is not None and row.alive and row.values["name"] == "later"


def test_who_does_not_know_how_many_lives_a_row_had_begins_a_new_one() -> None:
    hub = Hub()
    hub.merge((hub.author(2), [artist(1, "old")]))
    hub.merge((hub.author(2), [drop("artist", 1)]))
    hub.merge((hub.author(2), [artist(1, "old")]))
    hub.merge((hub.author(2), [drop("artist", 1)]))
    seen = frozenset(hub.clocks)
    assert hub.merge((hub.author(1, seen=seen), [artist(1, "new")])) == {ROW}
    assert hub.merge((hub.author(1, seen=seen), [rename(1, "newer")])) == {ROW}
    row = hub.rows[ROW]
    assert row is not None and row.alive
    assert (row.incarnation, row.values["name"]) == (3, "newer")
    hub.merge((hub.author(1, seen=seen), [drop("artist", 1)]))
    assert not hub.alive("artist", 1)


def test_a_parent_goes_with_the_children_that_go_too() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1), album(7, of=1), album(8, of=1)]))
    hub.merge((hub.author(2), [drop("artist", 1), drop("album", 7), drop("album", 8)]))
    assert not any(row.alive for row in hub.rows.values() if row)


def test_a_child_that_must_stay_keeps_its_parent() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1), album(7, of=1)]))
    before = frozenset(hub.clocks)
    hub.merge((hub.author(2), [Change("album", Op.UPDATE, (7,), {"artist": 1})]))
    hub.merge((hub.author(3, seen=before), [drop("artist", 1), drop("album", 7)]))
    assert hub.alive("artist", 1) and hub.alive("album", 7)


def test_rows_that_refer_to_each_other_go_together() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1, mentor=2), artist(2, mentor=1)]))
    hub.merge((hub.author(1), [drop("artist", 1), drop("artist", 2)]))
    assert not hub.alive("artist", 1) and not hub.alive("artist", 2)


def test_a_delete_without_foreign_keys_on_the_device_is_undone_there() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1), album(7, of=1)]))
    echoed = hub.merge((hub.author(2), [drop("artist", 1)]))
    assert hub.alive("artist", 1)
    assert echoed == {RowId("artist", (1,))}


def test_a_transaction_is_refused_whole() -> None:
    hub = Hub()
    hub.merge((hub.author(1), [artist(1), album(7, of=99)]))
    assert hub.refused[0].code == "foreign-key"
    assert not hub.alive("artist", 1) and not hub.alive("album", 7)


def test_the_rows_of_a_refused_transaction_are_echoed_as_the_hub_has_them() -> None:
    hub = Hub()
    hub.merge((hub.author(2), [artist(1)]))
    echoed = hub.merge((hub.author(1), [rename(1, "y"), artist(2), album(7, of=99)]))
    assert echoed == {RowId("artist", (1,)), RowId("artist", (2,)), RowId("album", (7,))}
    assert not hub.alive("artist", 2)
    kept = hub.rows[RowId("artist", (1,))]
    assert kept is not None and kept.values["name"] == "x"


def test_a_row_that_never_was_is_sent_back_though_its_author_deleted_it() -> None:
    hub, refused = Hub(), Refusal("postgres-refused", "No.")
    hub.merge((hub.author(1), [artist(1)]), refusal=refused)
    hub.merge((hub.author(1), [drop("artist", 1)]))
    (row_id,) = hub.merge((hub.author(1), [artist(1)]), refusal=refused)
    kept, direct = hub.rows[row_id], transaction_id(hub.next_xid)
    assert kept is not None and kept.never_was
    told = sent_back(kept, direct)
    assert told.never_was and direct in told.transactions()


def test_what_depends_on_a_refused_insert_is_refused_too() -> None:
    """Nobody sees an effect without its cause."""
    hub = Hub()
    refused = Refusal("postgres-refused", "No.")
    hub.merge((hub.author(1), [artist(1)]), refusal=refused)
    hub.merge((hub.author(1), [rename(1, "y")]), (hub.author(1), [album(7, of=1)]))
    assert {place: why.code for place, why in hub.refused.items()} == {
        0: "unknown-row",
        1: "foreign-key",
    }
    hub.merge((hub.author(2), [artist(1, "another")]))
    assert hub.alive("artist", 1)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("was_there", [True, False])
def test_a_retried_transaction_loses_against_its_authors_later_writes(
    together: bool, was_there: bool
) -> None:
    hub = Hub()
    if was_there:
        hub.merge((hub.author(2), [artist(1), artist(2)]))
    first = [rename(1, "a"), rename(2, "a")] if was_there else [artist(1, "a"), artist(2, "a")]
    refused, later = hub.author(1), hub.author(1)
    batch = [(refused, [*first, album(7, of=99)]), (later, [drop("artist", 1)])]
    for part in [batch] if together else [[each] for each in batch]:
        hub.merge(*part)
    hub.merge((hub.author(2), [artist(99)]))
    hub.merge((hub.again(refused), [*first, album(7, of=99)]))
    assert not hub.refused
    assert hub.alive("album", 7) and not hub.alive("artist", 1)
    kept = hub.rows[RowId("artist", (2,))]
    assert kept is not None and kept.values["name"] == "a"


@pytest.mark.parametrize("retried", [0, 2])
def test_what_its_author_deleted_stays_deleted_however_often_it_was_refused(retried: int) -> None:
    """Inserted, deleted and inserted again, and both inserts were refused: a retry of the first one
    comes before the delete, and one of the second after it."""
    hub, row_id = Hub(), RowId("artist", (1,))
    told = [artist(1), drop("artist", 1), artist(1)._replace(incarnation=2)]
    authors = [hub.author(1, seen=frozenset()) for _ in told]
    for number, (author, change) in enumerate(zip(authors, told, strict=True), start=100):
        refused = Refusal("no", "No.") if change.op is Op.INSERT else None
        for echoed in hub.merge((author, [change]), refusal=refused):
            row = hub.rows[echoed]
            assert row is not None and row.never_was
            hub.rows[echoed] = sent_back(row, transaction_id(number))
    hub.merge((hub.again(authors[retried]), [told[retried]]))
    assert hub.alive(*("artist", 1)) is (retried == 2)
    row = hub.rows[row_id]
    assert row is not None and row.incarnation == retried // 2


def test_a_row_that_never_was_is_deleted_by_an_author_that_was_not_told_of_it_yet() -> None:
    hub, row_id = Hub(), RowId("artist", (1,))
    first, second, third = (hub.author(1, seen=frozenset()) for _ in range(3))
    for author in (first, second):
        hub.merge((author, [artist(1)]), refusal=Refusal("no", "No."))
        row = hub.rows[row_id]
        assert row is not None
        hub.rows[row_id] = sent_back(row, transaction_id(hub.next_xid))
        hub.next_xid += 1
    hub.merge((third, [drop("artist", 1)]))
    for author in (first, second):
        hub.merge((hub.again(author), [artist(1)]))
        assert not hub.alive("artist", 1)


def test_a_refused_transaction_takes_nothing_of_its_batch_along() -> None:
    hub = Hub()
    hub.merge(
        (hub.author(1), [artist(1)]),
        (hub.author(2), [artist(1, "no"), Change("artist", Op.UPDATE, (5,), {"name": "?"})]),
        (hub.author(3), [album(7, of=1)]),
    )
    assert {place: refusal.code for place, refusal in hub.refused.items()} == {1: "unknown-row"}
    assert hub.alive("album", 7)
    kept = hub.rows[RowId("artist", (1,))]
    assert kept is not None and kept.values["name"] == "x"


def test_what_was_not_taken_as_it_was_is_echoed() -> None:
    hub = Hub()
    assert hub.merge((hub.author(1), [artist(1)]), echo=True) == {RowId("artist", (1,))}


changes = st.one_of(
    st.builds(artist, st.integers(1, 4), st.text(max_size=2), st.none() | st.integers(1, 4)),
    st.builds(album, st.integers(1, 4), st.none() | st.integers(1, 4)),
    st.builds(drop, st.sampled_from(["artist", "album"]), st.integers(1, 4)),
)
transactions = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.booleans(),
        st.lists(changes, min_size=1, max_size=4, unique_by=lambda c: (c.table, c.key)),
    ),
    max_size=8,
)
Told = list[tuple[int, bool, list[Change]]]


@given(transactions, st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7))))
def test_a_transaction_counts_once_however_many_copies_send_it(
    told: Told, sent: list[tuple[int, int]]
) -> None:
    """Three copies of a file send what they have of its transactions, in whatever order."""
    hub, known = Hub(), set[tuple[int, int]]()
    merged: list[int] = []
    for copy, place in sent:
        if place >= len(told):
            continue
        changes = told[place][2]
        sealed = Transaction(1, 100 + place, None, None, changes, seal=9 - place)
        (incoming,) = notice([Incoming(sealed, hub.author(1 + copy))], known)
        before = dict(hub.rows)
        result = merge(SCHEMA, hub.rows, [incoming])
        hub.rows.update(result.rows)
        if incoming.is_in:
            assert hub.rows == before and not result.refused
            assert result.echoed == {RowId(c.table, c.key) for c in changes}
        elif not result.refused:
            merged.append(place)
            known.add((sealed.hlc, sealed.seal))
    assert len(merged) == len(set(merged))


def test_transactions_of_one_batch_are_noticed_too_and_those_without_a_seal_never() -> None:
    hub = Hub()
    batch = [
        Incoming(Transaction(number, hlc, None, None, (), seal), hub.author(number))
        for number, (hlc, seal) in enumerate([(1, 2), (1, 0), (1, 2), (1, 0), (2, 2), (1, 1)], 1)
    ]
    noticed = [incoming.is_in for incoming in notice(batch, [(1, 1)])]
    assert noticed == [False, False, True, False, False, True]


@given(transactions, st.integers(0, 8))
def test_grouping_does_not_matter_and_foreign_keys_hold(told: Told, cut: int) -> None:
    one_by_one, grouped = Hub(), Hub()
    for hub in (one_by_one, grouped):
        batch = [
            (hub.author(origin, seen=None if saw else frozenset()), rows)
            for origin, saw, rows in told
        ]
        if hub is one_by_one:
            for incoming in batch:
                hub.merge(incoming)
                assert foreign_keys_hold(hub.rows)
        else:
            hub.merge(*batch[:cut])
            hub.merge(*batch[cut:])
    assert one_by_one.rows == grouped.rows
