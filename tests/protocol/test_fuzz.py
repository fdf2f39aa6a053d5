"""Frames that are almost right: whatever a peer sends, a session ends it or goes on, and keeps
little.

Valid frames are taken apart, one or two places in them are replaced by anything that MessagePack
can say, and they are put together again, checksum and all. `ELECTRIC_EXAMPLES` makes it longer.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from electricsql.errors import ProtocolError
from electricsql.limits import TRANSACTION_BYTES_MAX, UNSENT_FRAMES_MAX
from electricsql.protocol import (
    PROTOCOL_VERSION,
    Applied,
    Bye,
    Came,
    Clocked,
    Compare,
    Current,
    Delivered,
    DeltaPart,
    DeviceSession,
    Down,
    Hello,
    HubSession,
    HubState,
    Opened,
    Ping,
    Pong,
    Received,
    Registered,
    Tick,
    Unchanged,
    Up,
    Upload,
    Welcome,
    decode_block,
    decode_clocks,
    decode_down,
    decode_transaction,
    encode_block,
    encode_clocks,
    encode_frame,
    encode_transaction,
    with_checksum,
)
from electricsql.replication import Block, Change, Clock, Cursor, Op, Shadow, Snapshot, Transaction
from tests.protocol.examples import TABLES

EXAMPLES = int(os.environ.get("ELECTRIC_EXAMPLES", "150"))
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CHECKSUM_BYTES = len(with_checksum(b""))
DEVICE, EPOCH = "d" * 32, "epoch"

NUMBERS = st.one_of(
    st.integers(0, 5), st.sampled_from([-1, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
)
TEXTS = st.one_of(st.text(max_size=5), st.sampled_from(["\0", "notes", "id", f"{EPOCH}/1:2:"]))
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | TEXTS | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)


def spoilt(draw: st.DrawFn, tree: Any) -> Any:  # noqa: ANN401
    """A tree with one node replaced, added or taken away."""
    if not isinstance(tree, list) or not tree or draw(st.integers(0, 3)) == 0:
        return draw(ODD)
    place = draw(st.integers(0, len(tree) - 1))
    match draw(st.sampled_from(["in", "in", "in", "add", "drop"])):
        case "add":
            return [*tree[:place], draw(ODD), *tree[place:]]
        case "drop":
            return [*tree[:place], *tree[place + 1 :]]
        case _:
            return [*tree[:place], spoilt(draw, tree[place]), *tree[place + 1 :]]


@st.composite
def almost(draw: st.DrawFn, plain: bytes) -> bytes:
    """MessagePack that was right before."""
    tree = msgspec.msgpack.decode(plain)
    for _ in range(draw(st.integers(0, 2))):
        tree = spoilt(draw, tree)
    return msgspec.msgpack.encode(tree)


CHANGES = [
    Change("notes", Op.INSERT, ("a",), {"id": "a", "body": "x", "extra": None}),
    Change("notes", Op.UPDATE, ("b",), {"body": b"x"}),
    Change("notes", Op.DELETE, ("c",), {}, 2),
]
TRANSACTION = Transaction(1, 5, Cursor(EPOCH, Snapshot(1, 9, frozenset({3}))), "v", CHANGES)
BLOCK = Block("t", ("c", "d"), [[1, 2], ["a", "b"]], [Shadow(1, 0, 9, 8, (9, -8))], [0, 0])
BLOBS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "transaction": (
        encode_transaction(TRANSACTION, TABLES),
        lambda data: decode_transaction(data, TABLES),
    ),
    "block": (encode_block(BLOCK), decode_block),
    "clocks": (encode_clocks({5: Clock(9, 1)}), decode_clocks),
}


@pytest.mark.parametrize("name", BLOBS)
@FUZZ
@given(data=st.data())
def test_what_is_almost_a_blob_is_read_or_refused(name: str, data: st.DataObject) -> None:
    valid, read = BLOBS[name]
    with contextlib.suppress(ProtocolError):
        read(valid[:1] + data.draw(almost(valid[1:])))


TURNS = ["deliver", "unchanged", "answer", "tick"]
UPS: list[Up] = [
    Hello(PROTOCOL_VERSION, DEVICE, None, None, 0),
    Hello(PROTOCOL_VERSION, DEVICE, f"{EPOCH}/1:2:", "v", 3),
    Upload(1, 0, True, b"data"),
    Upload(2, 0, False, b"data"),
    Applied(f"{EPOCH}/1:3:"),
    Ping(1),
    Pong(1),
    Compare(),
]
RECEIVED = st.sampled_from(UPS).flatmap(
    lambda frame: almost(encode_frame(frame)[:-CHECKSUM_BYTES]).map(
        lambda data: Received(with_checksum(data))
    )
)


@FUZZ
@given(data=st.data())
def test_a_service_ends_a_stream_or_goes_on(data: st.DataObject) -> None:
    session, now_ms, xmax = HubSession(0), 0, 2
    for _ in range(data.draw(st.integers(1, 25))):
        now_ms += data.draw(st.sampled_from([0, 0, 10, 3_000]))
        xmax += 1
        cursor = Cursor(EPOCH, Snapshot(1, xmax))
        match data.draw(
            st.sampled_from(["frame"] * 5 + ["deliver", "unchanged", "answer", "tick"])
        ):
            case "deliver" if session.has_room:
                effects = session.step(Delivered(cursor, session.acknowledged), now_ms)
            case "unchanged" if session.has_room:
                effects = session.step(Unchanged(cursor), now_ms)
            case "answer" if session.has_room:
                effects = session.step(Current(session.asked), now_ms)
            case "tick":
                effects = session.step(Tick(), now_ms)
            case _:
                effects = session.step(data.draw(RECEIVED), now_ms)
        if effects.register is not None:
            session.step(Registered(1, EPOCH, data.draw(st.integers(0, 2))), now_ms)
        assert effects.close == any(isinstance(frame, Bye) for frame in effects.send)
        assert session.asked <= 25
        assert session.uploading <= TRANSACTION_BYTES_MAX
        assert len(session._unapplied) <= UNSENT_FRAMES_MAX
        if session.state is HubState.CLOSED:
            assert effects.close or not effects.send


DOWNS: list[Down] = [
    Welcome(3, EPOCH, 0, 0, 1_700_000_000_000, 10_000),
    DeltaPart(0, True, False, f"{EPOCH}/1:9:", 0, 10, 20),
    DeltaPart(0, False, True, f"{EPOCH}/1:9:", 0, 10, 20),
    Pong(0),
    Bye("draining", "The service is going down."),
]


@FUZZ
@given(data=st.data())
def test_a_device_leaves_a_service_or_goes_on(data: st.DataObject) -> None:
    session = DeviceSession()
    session.step(Opened(DEVICE, None, None, 3), 0)
    for turn in range(data.draw(st.integers(1, 20))):
        frame = data.draw(st.sampled_from(DOWNS))
        try:
            came = decode_down(
                with_checksum(data.draw(almost(encode_frame(frame)[:-CHECKSUM_BYTES])))
            )
            session.step(Came(came), turn)
            session.step(Clocked(), turn)
        except ProtocolError:
            return
