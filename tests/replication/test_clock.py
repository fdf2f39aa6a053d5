"""Hybrid clocks only go forward; ids and cursors mean what Postgres means."""

from hypothesis import given
from hypothesis import strategies as st

from electricsql.errors import ProtocolError
from electricsql.replication import (
    Cursor,
    Snapshot,
    cut_back,
    hlc_at,
    is_ahead,
    is_direct,
    milliseconds,
    tick,
    transaction_id,
    xid_of,
)

millis = st.integers(0, (1 << 47) - 1)


@given(st.lists(millis, min_size=1))
def test_an_hlc_never_goes_back_whatever_the_wall_clock_does(readings: list[int]) -> None:
    last = 0
    for now_ms in readings:
        following = tick(last, now_ms)
        assert following > last
        assert following >= hlc_at(now_ms)
        last = following
    assert milliseconds(last) >= max(readings)


@given(
    st.lists(st.integers(0, (1 << 63) - 1), min_size=1),
    st.integers(1, 1 << 45),
    st.integers(0, 1 << 61),
)
def test_a_clock_too_far_ahead_follows_what_the_hub_knows(
    hlcs: list[int], now_ms: int, known: int
) -> None:
    taken = cut_back(hlcs, now_ms, known)
    assert len(taken) == len(hlcs)
    for place, (before, after) in enumerate(zip(hlcs, taken, strict=True)):
        if not is_ahead(before, now_ms):
            assert after == before
            continue
        earlier = max([known, *taken[:place]])
        assert after > earlier, "its author may have received all of that"
        assert after == max(earlier + 1, hlc_at(now_ms)), "and no more than it must"


@given(millis)
def test_an_hlc_follows_the_wall_clock(now_ms: int) -> None:
    assert milliseconds(tick(0, now_ms + 1)) == now_ms + 1


@given(st.integers(1, 1 << 50), st.integers(0, 1023))
def test_an_id_tells_its_postgres_transaction(xid: int, merged: int) -> None:
    id = transaction_id(xid, merged)
    assert xid_of(id) == xid_of(-id) == xid
    assert is_direct(id) == is_direct(-id) == (merged == 0)
    assert id < 1 << 62


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    xmin = draw(st.integers(1, 1000))
    running = draw(st.frozensets(st.integers(xmin, xmin + 50)))
    return Snapshot(xmin, xmin + 60, running)


@given(snapshots(), st.integers(0, 1100))
def test_a_snapshot_sees_what_had_ended_when_it_was_taken(snapshot: Snapshot, xid: int) -> None:
    assert Snapshot.parse(str(snapshot)) == snapshot
    assert snapshot.sees(xid) == (
        xid < snapshot.xmin or (xid < snapshot.xmax and xid not in snapshot.running)
    )


@given(st.text())
def test_any_text_is_a_cursor_or_a_protocol_error(text: str) -> None:
    try:
        assert Cursor.parse(str(Cursor.parse(text))) == Cursor.parse(text)
    except ProtocolError as error:
        assert error.code == "bad-cursor"


@given(snapshots(), st.integers(1, 1100), st.integers(0, 1100))
def test_what_is_cut_off_is_not_seen(snapshot: Snapshot, end: int, xid: int) -> None:
    cut = snapshot.before(end)
    assert Snapshot.parse(str(cut)) == cut
    assert cut.sees(xid) == (snapshot.sees(xid) and xid < end)


@given(snapshots(), snapshots())
def test_a_later_snapshot_covers_an_earlier_one(one: Snapshot, other: Snapshot) -> None:
    assert one.covers(one)
    highest = max(one.xmax, other.xmax)
    beyond = other.xmax > one.xmax or any(
        other.sees(xid) and not one.sees(xid) for xid in range(highest)
    )
    assert one.covers(other) == (not beyond)
    below = Snapshot(one.xmin, one.xmin)
    assert one.covers(below)


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_a_cursor_may_have_a_mark(hlc: int, at_us: int) -> None:
    cursor = Cursor("epoch", Snapshot(3, 3), f"{hlc}.{at_us}.{'0a' * 8}")
    assert Cursor.parse(str(cursor)) == cursor
    assert (cursor.hlc, cursor.at_us) == (hlc, at_us)
    plain = Cursor("epoch", Snapshot(3, 3))
    assert (plain.hlc, plain.at_us) == (0, 0)
