"""The bytes: what goes out comes back, and whatever else comes in is a ProtocolError."""

import contextlib
from collections.abc import Callable

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from electricsql.errors import ProtocolError
from electricsql.protocol import (
    Bye,
    Compare,
    DeltaPart,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    Down,
    Hello,
    Moment,
    Ping,
    Staged,
    Up,
    Upload,
    Wanted,
    Welcome,
    decode_block,
    decode_clocks,
    decode_down,
    decode_transaction,
    decode_up,
    encode_block,
    encode_clocks,
    encode_frame,
    encode_transaction,
    read_transaction,
    rows_named,
    with_checksum,
)
from electricsql.replication import Block, Change, Clock, Op, Shadow, Transaction
from tests.protocol.examples import INTEGERS, NOTES, TABLES, TRANSACTIONS, blocks

Read = Callable[[bytes], object]
STAGED = Staged("e/5:9:", True, 7, "notes", ("a", 1, 2.5, b"b"), "e/3:3:")
UPS: list[Up] = [
    Hello(1, "d" * 32, "e/5:9:6,7", "v", 3),
    Hello(1, "d" * 32, None, "v", 3, STAGED),
    Upload(4, 0, True, b"data"),
    Ping(7),
    Compare((Wanted("notes", 8, (0, 7)),)),
]
DOWNS: list[Down] = [
    Welcome(3, "epoch", 9, 77, 1_700_000_000_000, 10_000),
    DeltaPart(0, True, False, "e/5:9:", 4, 10, 20, blocks=(b"one", b"two")),
    DeltaPart(0, False, True, "e/5:9:", 4, 10, 20, staged=STAGED, follows=True),
    Bye("draining", "The service is going down."),
    Moment(),
    Digests((DigestFrame("notes", 3, (1, (1 << 64) - 1)),)),
    Details((DetailFrame("notes", [["a", b"a", 1.5]], [(1, 2), (3, 4), (5, 6)]),)),
]


def _bits(value: object) -> object:
    """Tells -0.0 from 0.0 and 1 from 1.0, which are equal to Python."""
    return repr(value)


@pytest.mark.parametrize("frame", UPS)
def test_what_a_device_sends_comes_back(frame: Up) -> None:
    assert decode_up(encode_frame(frame)) == frame


@pytest.mark.parametrize("frame", DOWNS)
def test_what_a_service_sends_comes_back(frame: Down) -> None:
    assert decode_down(encode_frame(frame)) == frame


@pytest.mark.parametrize(
    "frame",
    [
        *(Compare((Wanted("notes", count, ()),)) for count in (-1, 0, 3, 1 << 13)),
        *(Compare((Wanted("notes", 4, (number,)),)) for number in (-1, 4)),
    ],
)
def test_buckets_that_no_table_has_are_not_asked_for(frame: Compare) -> None:
    with pytest.raises(ProtocolError, match="buckets"):
        decode_up(encode_frame(frame))


@pytest.mark.parametrize(
    "frame",
    [
        *(Digests((DigestFrame("notes", 3, (0,) * count),)) for count in (0, 3)),
        Digests((DigestFrame("notes", -1, (0,)),)),
        Details((DetailFrame("notes", [["a"]], [(1,), (2,)]),)),
        Details((DetailFrame("notes", [["a", "b"]], [(1,), (2, 3)]),)),
        Details((DetailFrame("notes", [[1 << 63]], [(1,)]),)),
    ],
)
def test_digests_that_no_table_has_are_not_taken(frame: Down) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_down(encode_frame(frame))
    assert refused.value.code == "bad-frame"


@given(TRANSACTIONS)
def test_transactions_come_back_bit_for_bit(transaction: Transaction) -> None:
    back = decode_transaction(encode_transaction(transaction, TABLES), TABLES)
    assert (back.number, back.hlc, back.cursor) == (
        transaction.number,
        transaction.hlc,
        transaction.cursor,
    )
    named = {(change.table, _bits(change.key)): change for change in back.changes}
    for change in transaction.changes:
        found = named.pop((change.table, _bits(change.key)))
        assert (found.op, found.incarnation) == (change.op, change.incarnation)
        assert {k: _bits(v) for k, v in found.values.items()} == {
            k: _bits(v) for k, v in change.values.items()
        }
    assert not named


@given(blocks())
def test_blocks_come_back_bit_for_bit(block: Block) -> None:
    back = decode_block(encode_block(block))
    assert (back.table, back.columns) == (block.table, block.columns)
    assert _bits([list(column) for column in back.values]) == _bits(block.values)
    for row, place in enumerate(block.shadow_of):
        assert back.shadows[back.shadow_of[row]] == block.shadows[place]


@given(
    st.dictionaries(st.integers(0, 1 << 60), st.builds(Clock, INTEGERS, st.integers(0, 1 << 30)))
)
def test_clocks_come_back(clocks: dict[int, Clock]) -> None:
    assert decode_clocks(encode_clocks(clocks)) == clocks


def test_a_large_block_is_compressed_and_comes_back() -> None:
    values = [[f"row {row}" for row in range(5_000)]]
    block = Block("t", ("c",), values, [Shadow(1, 0, 1, 0, (1,))], [0] * 5_000)
    data = encode_block(block)
    assert len(data) < 40_000
    assert decode_block(data).values == values


def _example_bytes() -> dict[str, tuple[bytes, Read]]:
    transaction = Transaction(
        3,
        99 << 16,
        None,
        "v",
        [
            Change("notes", Op.INSERT, ("a",), {"id": "a", "body": "x" * 30, "extra": None}),
            Change("notes", Op.DELETE, ("b",), {}, 2),
        ],
    )
    block = Block("t", ("c", "d"), [[1, 2], ["a", b"b"]], [Shadow(1, 0, 9, 8, (9, -8))], [0, 0])
    wide = Block("t", ("c",), [["x" * 9_000]], [Shadow(1, 0, 9, 8, (9,))], [0])
    examples: dict[str, tuple[bytes, Read]] = {
        "transaction": (
            encode_transaction(transaction, TABLES),
            lambda data: decode_transaction(data, TABLES),
        ),
        "block": (encode_block(block), decode_block),
        "compressed block": (encode_block(wide), decode_block),
        "clocks": (encode_clocks({5: Clock(9, 1), 6: Clock(8, 2)}), decode_clocks),
    }
    # Whoever damages a frame on purpose makes its checksum right.
    examples |= {
        type(up).__name__: (encode_frame(up)[:-4], lambda data: decode_up(with_checksum(data)))
        for up in UPS
    }
    examples |= {
        type(down).__name__: (
            encode_frame(down)[:-4],
            lambda data: decode_down(with_checksum(data)),
        )
        for down in DOWNS
    }
    return examples


EXAMPLES = _example_bytes()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_flipped_bit_is_read_or_refused(name: str) -> None:
    data, read = EXAMPLES[name]
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            with contextlib.suppress(ProtocolError):
                read(bytes(flipped))


@pytest.mark.parametrize("frame", UPS)
def test_no_damaged_frame_is_read(frame: Up) -> None:
    data = encode_frame(frame)
    for place in range(len(data)):
        for damaged in (
            data[:place],
            data[:place] + data[place + 1 :],
            data[: place + 1] + data[place:],
            *(
                data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
                for bit in range(8)
            ),
        ):
            if damaged != data:
                with pytest.raises(ProtocolError, match="damaged"):
                    decode_up(damaged)


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_cut_short_is_taken(name: str) -> None:
    data, read = EXAMPLES[name]
    for length in range(1, len(data)):
        with pytest.raises(ProtocolError):
            read(data[:length])


@pytest.mark.parametrize("name", EXAMPLES)
@given(noise=st.binary(max_size=200))
def test_noise_is_refused(name: str, noise: bytes) -> None:
    _, read = EXAMPLES[name]
    with contextlib.suppress(ProtocolError):
        read(noise)


@pytest.mark.parametrize("read", [decode_block, read_transaction, decode_clocks])
def test_a_bomb_is_not_unpacked(read: Read) -> None:
    bomb = b"\x01" + zstandard.compress(bytes(300 << 20), 19)
    with pytest.raises(ProtocolError, match="over the limit"):
        read(bomb)


@pytest.mark.parametrize(
    "head", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 5_000]
)
def test_huge_lengths_and_deep_nesting_are_refused(head: bytes) -> None:
    for read in (decode_up, decode_down, read_transaction, decode_block, decode_clocks):
        with pytest.raises(ProtocolError):
            read(b"\x00" + head)
        with pytest.raises(ProtocolError):
            read(with_checksum(head))


def _transaction_bytes(
    number: object = 1, hlc: object = 5, seal: object = None, **group: object
) -> bytes:
    fields = {
        "table": "notes",
        "op": 2,
        "incarnation": 1,
        "columns": ["id", "body"],
        "values": [["a"], [b"b"]],
    } | group
    last = [] if seal is None else [seal]
    return b"\x00" + msgspec.msgpack.encode(
        [number, hlc, None, "v", [list(fields.values())], *last]
    )


def test_a_transaction_by_hand_is_read() -> None:
    (change,) = decode_transaction(_transaction_bytes(), TABLES).changes
    assert change == Change("notes", Op.UPDATE, ("a",), {"body": b"b"})


def test_a_transaction_is_known_by_its_seal_and_without_one_by_its_clock() -> None:
    assert decode_transaction(_transaction_bytes(), TABLES).mark == 5
    sealed = decode_transaction(_transaction_bytes(seal=7), TABLES)
    assert (sealed.seal, sealed.mark) == (7, 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"table": "elsewhere"},
        {"op": 5},
        {"incarnation": 0},
        {"incarnation": 1 << 31},
        {"ended": 1},
        {"ended": -1},
        {"columns": ["body", "id"]},
        {"columns": ["id", "nope"]},
        {"columns": ["id", "id"]},
        {"columns": ["id"]},
        {"values": [["a"], [b"b", b"c"]]},
        {"values": [["a", "a"], [b"b", b"c"]]},
        {"values": [[None], [b"b"]]},
        {"values": [["a"], [True]]},
        {"values": [["a"], ["text"]]},
        {"values": [[5], [b"b"]]},
        {"columns": ["id", "extra"], "values": [["a"], [float("nan")]]},
        {"number": 0},
        {"number": 1 << 63},
        {"hlc": -1},
        {"hlc": 1 << 63},
        {"seal": -1},
        {"seal": 1 << 63},
        {"seal": "x"},
    ],
)
def test_a_transaction_that_does_not_fit_its_schema_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        decode_transaction(_transaction_bytes(**wrong), TABLES)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"columns": ["id", "nope"]}, ["a"]),
        ({"values": [["a", "b"], [b"b"]]}, ["a", "b"]),
        ({"values": [["a", "a"], ["text", "text"]]}, ["a"]),
        ({"op": 4, "columns": ["id"]}, ["a"]),
        ({"table": "elsewhere"}, []),
        ({"columns": ["body", "id"]}, []),
        ({"values": [[5, 6], [b"b", b"c"]]}, []),
        ({"values": []}, []),
        ({"incarnation": 0}, []),
    ],
)
def test_the_rows_that_a_malformed_transaction_names(
    wrong: dict[str, object], named: list[str]
) -> None:
    changes = rows_named(read_transaction(_transaction_bytes(**wrong)), TABLES)
    assert changes == [Change("notes", Op.DELETE, (key,)) for key in named]


def test_an_update_never_carries_the_key_as_a_value() -> None:
    change = Change("notes", Op.UPDATE, ("k",), {"body": b"b"})
    transaction = Transaction(1, 1, None, None, [change])
    (change,) = decode_transaction(encode_transaction(transaction, TABLES), TABLES).changes
    assert set(change.values) == {"body"}
    assert NOTES.primary_key == ("id",)
