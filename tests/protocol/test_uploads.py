"""Parts are put together in order, and the window holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.errors import ProtocolError
from electricsql.limits import (
    IN_FLIGHT_BYTES_MAX,
    IN_FLIGHT_TRANSACTIONS_MAX,
    TRANSACTION_BYTES_MAX,
)
from electricsql.protocol import Upload, Uploaded
from electricsql.protocol.uploads import Uploads


@given(st.lists(st.lists(st.binary(min_size=1, max_size=9), min_size=1), max_size=20))
def test_any_cutting_into_parts_comes_back_whole(transactions: list[list[bytes]]) -> None:
    uploads = Uploads(5)
    for number, pieces in enumerate(transactions, start=6):
        *firsts, last = [
            uploads.add(Upload(number, part, part == len(pieces) - 1, data))
            for part, data in enumerate(pieces)
        ]
        assert firsts == [None] * len(firsts)
        assert last == Uploaded(number, b"".join(pieces))


@pytest.mark.parametrize(
    "wrong",
    [
        [Upload(7, 0, True, b"x")],
        [Upload(0, 0, True, b"x")],
        [Upload(6, 1, True, b"x")],
        [Upload(6, 0, True, b"")],
        [Upload(6, 0, False, b"x"), Upload(6, 0, True, b"x")],
        [Upload(6, 0, False, b"x"), Upload(7, 0, True, b"x")],
        [Upload(6, 0, True, b"x"), Upload(6, 0, True, b"x")],
        [Upload(6, 0, True, b"x"), Upload(8, 0, True, b"x")],
    ],
)
def test_what_is_out_of_order_is_refused(wrong: list[Upload]) -> None:
    uploads = Uploads(5)
    with pytest.raises(ProtocolError):
        for upload in wrong:
            uploads.add(upload)


def test_what_is_in_may_be_sent_again_at_the_start_and_is_not_in_flight() -> None:
    uploads = Uploads(5)
    for number in (4, 5):
        assert uploads.add(Upload(number, 0, True, b"x"))
    assert not uploads.in_flight


def test_what_is_new_is_in_flight_until_it_is_acknowledged() -> None:
    uploads = Uploads(5)
    seen = []
    for number in (6, 7):
        uploads.add(Upload(number, 0, True, b"x"))
        seen.append(uploads.in_flight)
    for number in (6, 7):
        uploads.acknowledge(number)
        seen.append(uploads.in_flight)
    assert seen == [True, True, True, False]


def test_only_so_many_transactions_without_an_acknowledgement() -> None:
    uploads = Uploads(0)
    for number in range(1, IN_FLIGHT_TRANSACTIONS_MAX + 1):
        uploads.add(Upload(number, 0, True, b"x"))
    with pytest.raises(ProtocolError, match="more than it may"):
        uploads.add(Upload(IN_FLIGHT_TRANSACTIONS_MAX + 1, 0, True, b"x"))


def test_one_transaction_may_be_over_the_window_alone() -> None:
    uploads = Uploads(0)
    assert uploads.add(Upload(1, 0, True, bytes(IN_FLIGHT_BYTES_MAX + 1)))
    with pytest.raises(ProtocolError, match="more than it may"):
        uploads.add(Upload(2, 0, True, b"x"))


def test_after_an_acknowledgement_there_is_room_again() -> None:
    uploads = Uploads(0)
    uploads.add(Upload(1, 0, True, bytes(IN_FLIGHT_BYTES_MAX + 1)))
    uploads.acknowledge(1)
    assert uploads.add(Upload(2, 0, True, b"x"))


def test_a_transaction_has_a_limit() -> None:
    uploads, piece = Uploads(0), bytes(32 << 20)
    pieces = TRANSACTION_BYTES_MAX // len(piece)
    for part in range(pieces):
        uploads.add(Upload(1, part, False, piece))
    with pytest.raises(ProtocolError, match="over the limit") as caught:
        uploads.add(Upload(1, pieces, True, b"x"))
    assert caught.value.code == "too-large"
