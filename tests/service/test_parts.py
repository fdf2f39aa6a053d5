"""Who is sent which bytes of a delta: the same ones, as far as that can be."""

import pytest

from electricsql.limits import SHARED_DELTA_BYTES_MIN
from electricsql.protocol import DeltaPart, decode_down
from electricsql.replication import Cursor, Snapshot
from electricsql.service.parts import Answer, EncodedDelta, EncodedPart

CURSOR = Cursor("epoch", Snapshot(9, 9))
LARGE = bytes(SHARED_DELTA_BYTES_MIN)


def part(*blocks: tuple[int, bytes]) -> EncodedPart:
    return EncodedPart(blocks, b"clocks", len(blocks))


def delta(*parts: EncodedPart, whole: bool = False) -> EncodedDelta:
    return EncodedDelta(CURSOR, whole, (), parts)


def heard(frames: tuple[bytes, ...]) -> list[DeltaPart]:
    decoded = [decode_down(frame) for frame in frames]
    assert all(isinstance(each, DeltaPart) for each in decoded)
    return [each for each in decoded if isinstance(each, DeltaPart)]


def test_a_small_delta_is_one_frame_with_the_answer() -> None:
    (only,) = heard(delta(part((0, b"x"))).frames(1, Answer.of(7, ())))
    assert (only.part, only.last, only.acknowledged, only.blocks) == (0, True, 7, (b"x",))


@pytest.mark.parametrize("parts", [[part((0, LARGE))], [part((0, b"x")), part((0, b"y"))]])
def test_what_is_not_small_is_shared_by_all_but_the_answer(parts: list[EncodedPart]) -> None:
    encoded = delta(*parts)
    one, two = (encoded.frames(n, Answer.of(n, ())) for n in (1, 2))
    assert all(mine is yours for mine, yours in zip(one[:-1], two[:-1], strict=True))
    assert len(one) == len(parts) + 1
    assert max(len(one[-1]), len(two[-1])) < 200
    assert [each.part for each in heard(one)] == list(range(len(one)))
    assert [each.last for each in heard(one)] == [False] * len(parts) + [True]
    assert [each.acknowledged for each in heard(two)] == [0] * len(parts) + [2]
    assert [each.rows for each in heard(one)] == [*range(1, len(parts) + 1), len(parts)]


def test_who_made_most_of_a_part_is_not_sent_it_back() -> None:
    encoded = delta(part((1, LARGE), (0, b"x")), part((0, LARGE)))
    mine, others = (encoded.frames(n, Answer.of(0, ())) for n in (1, 2))
    assert [each.blocks for each in heard(mine)] == [(b"x",), (LARGE,), ()]
    assert [each.blocks for each in heard(others)] == [(LARGE, b"x"), (LARGE,), ()]
    assert mine[1] is others[1]


def test_who_made_little_of_a_large_part_shares_it() -> None:
    encoded = delta(part((1, b"x"), (0, LARGE)))
    assert encoded.frames(1, Answer.of(0, ()))[0] is encoded.frames(2, Answer.of(0, ()))[0]


def test_a_whole_delta_leaves_nothing_out() -> None:
    encoded = delta(part((1, LARGE)), whole=True)
    assert heard(encoded.frames(1, Answer.of(0, ())))[0].blocks == (LARGE,)
