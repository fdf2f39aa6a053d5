"""A device with a good token that speaks the protocol and cheats."""

import msgspec
import pytest
import zstandard

from electricsql.protocol import with_checksum
from tests.integration.hostile.stage import (
    Target,
    bye_of,
    outcome,
    transaction,
    upload,
)

pytestmark = pytest.mark.anyio

DEVICE = "0" * 32
BOMB = b"\x01" + zstandard.compress(bytes(400 << 20))


def hello(**fields: object) -> bytes:
    values = {"protocol": 1, "device": DEVICE, "cursor": None, "version": None, "sealed": 0}
    return msgspec.msgpack.encode([1, *(values | fields).values()])


HELLOS = {
    "a version with a NUL": hello(version="a\0b"),
    "a long version": hello(version="v" * 100_000),
    "a device of another alphabet": hello(device="\u00e9" * 32),
    "a device with SQL": hello(device="'; DROP TABLE notes; --"),
    "a long device": hello(device="a" * 1_000_000),
    "a cursor of many": hello(cursor=f"e/1:{1 << 62}:{','.join(map(str, range(1, 100_000)))}"),
    "a cursor with SQL": hello(cursor="e/1:2:'); DROP TABLE notes; --"),
    "a cursor that is no text": hello(cursor=b"e/1:2:"),
    "a cursor without epoch": hello(cursor="1:2:"),
    "another protocol": hello(protocol=2),
    "a huge protocol": hello(protocol=1 << 63),
    "a float for a number": hello(sealed=1.5),
    "nothing": b"",
    "NaN": msgspec.msgpack.encode(float("nan")),
    "nested": b"\x91" * 100_000,
    "an array without end": b"\xdd\xff\xff\xff\xff",
    "a text without end": b"\x95\x01\x01\xdb\xff\xff\xff\xff",
    "invalid UTF-8": b"\x95\x01\x01\xa4\xff\xfe\xff\xfe",
    "a lone surrogate": b"\x95\x01\x01\xa3\xed\xa0\x80",
    "two frames in one": hello() + hello(),
}


async def test_a_bad_hello_ends_that_stream_alone(target: Target) -> None:
    async with target.undisturbed():
        for name, frame in HELLOS.items():
            async with target.cheat() as cheat:
                await cheat.wire.send(with_checksum(frame))
                assert (await bye_of(cheat)).code in ("protocol", "too-large"), name


ROW = ["notes", 1, 1, ["id", "body"], [["a"], ["x"]]]


def changed(**fields: object) -> list[object]:
    names = ("table", "op", "incarnation", "columns", "values")
    return list((dict(zip(names, ROW, strict=True)) | fields).values())


def number(id: object, amount: object = 1.5, note: object = None) -> list[object]:
    return ["numbers", 1, 1, ["id", "amount", "note"], [[id], [amount], [note]]]


TRANSACTIONS: dict[str, bytes] = {
    "an unknown table": transaction(groups=[changed(table="nope")]),
    "a table of ours": transaction(groups=[changed(table="electric.devices")]),
    "a table of Postgres": transaction(groups=[changed(table="pg_class")]),
    "SQL for a table": transaction(groups=[changed(table='notes"; DROP TABLE notes; --')]),
    "an unknown column": transaction(groups=[changed(columns=["id", "nope"])]),
    "SQL for a column": transaction(groups=[changed(columns=["id", 'body") VALUES (1); --'])]),
    "a column twice": transaction(groups=[changed(columns=["id", "id"])]),
    "no key": transaction(groups=[changed(columns=["body", "id"])]),
    "a NULL key": transaction(groups=[changed(values=[[None], ["x"]])]),
    "uneven columns": transaction(groups=[changed(values=[["a"], ["x", "y"]])]),
    "an unknown op": transaction(groups=[changed(op=9)]),
    "a life before the first": transaction(groups=[changed(incarnation=0)]),
    "a huge life": transaction(groups=[changed(incarnation=1 << 40)]),
    "a row twice": transaction(groups=[changed(), changed(op=2)]),
    "a nested value": transaction(groups=[changed(values=[["a"], [["x"]]])]),
    "a map for a value": transaction(groups=[changed(values=[["a"], [{"x": 1}]])]),
    "a truth value": transaction(groups=[changed(values=[["a"], [True]])]),
    "a huge integer": transaction(groups=[number(1 << 63)]),
    "NaN": transaction(groups=[number(1, float("nan"))]),
    "NaN for a key": transaction(groups=[number(float("nan"))]),
    "an unknown version of NUL": transaction(version="a\0b", groups=[changed()]),
    "a long version": transaction(version="v" * 1_000, groups=[changed()]),
    "a cursor that is none": transaction(cursor="nope", groups=[changed()]),
    "a cursor of many": transaction(
        cursor=f"e/1:{1 << 62}:{','.join(map(str, range(1, 100_000)))}", groups=[changed()]
    ),
    "a cursor of 2^63": transaction(cursor=f"e/1:{1 << 63}:", groups=[changed()]),
    "a negative clock": transaction(hlc=-1, groups=[changed()]),
    "a clock of 2^63": transaction(hlc=1 << 63, groups=[changed()]),
    "another number": transaction(number=2, groups=[changed()]),
    "no number": transaction(number=0, groups=[changed()]),
    "no transaction": b"\x00\xc0",
    "an unknown encoding": b"\x07" + transaction(groups=[changed()])[1:],
    "invalid UTF-8": b"\x00\x95\x01\x01\xc0\xc0\x91\x95\xa5notes\x01\x01\x91\xa2id\x91\x91\xa1\xff",
    "nesting": b"\x00\x95\x01\x01\xc0\xc0" + b"\x91" * 100_000,
    "a bomb": BOMB,
    "a bomb that hides": zstandard.ZstdCompressor(write_content_size=False).compress(
        bytes(1 << 20)
    ),
}


OUT_OF_ORDER = {
    "another number": "protocol",
    "a bomb": "too-large",
}
"""What ends the stream; all others are quarantined."""


async def test_a_forged_transaction_is_quarantined_or_ends_that_stream_alone(
    target: Target,
) -> None:
    async with target.undisturbed():
        for name, data in TRANSACTIONS.items():
            async with target.streaming() as cheat:
                await upload(cheat, data)
                assert await outcome(cheat) == OUT_OF_ORDER.get(name, "refused"), name
    assert await target.query("SELECT count(*) FROM numbers") == 0


REFUSED: dict[str, bytes] = {
    "U+0000": transaction(groups=[changed(values=[["a"], ["x\0y"]])]),
    "a blob for a text": transaction(groups=[changed(values=[["a"], [b"x"]])]),
    "U+0000 in a key": transaction(groups=[changed(values=[["a\0"], ["x"]])]),
    "a number for a text key": transaction(groups=[changed(values=[[1], ["x"]])]),
    "a text for an integer key": transaction(groups=[number("1; DROP TABLE notes")]),
    "a real for an integer key": transaction(groups=[number(1.5)]),
    "a text for a real": transaction(groups=[number(1, "x")]),
    "NULL where there must be something": transaction(groups=[number(1, None)]),
    "an update of nothing": transaction(groups=[changed(op=2, values=[["b"], ["x"]])]),
}


async def test_what_a_column_cannot_hold_is_refused(target: Target) -> None:
    async with target.undisturbed():
        for name, data in REFUSED.items():
            async with target.streaming() as cheat:
                await upload(cheat, data)
                assert await outcome(cheat) == "refused", name
    assert await target.query("SELECT count(*) FROM numbers") == 0


VALUES = [
    "'; DROP TABLE notes; --",
    "$1",
    "%s",
    "\\",
    '"',
    "\ud7ff\ue000\U0010ffff",
    "\x01\x1f\x7f",
]


async def test_a_value_is_only_a_value(target: Target) -> None:
    async with target.undisturbed():
        for value in VALUES:
            async with target.streaming() as player:
                await upload(player, transaction(groups=[changed(values=[[value], [value]])]))
                assert await outcome(player) == "taken"
            assert await target.query("SELECT body FROM notes WHERE id = $1", value) == value


async def test_bombs_that_keep_to_the_limit_take_little_memory(target: Target) -> None:
    """A few KiB each, 200 MiB when unpacked, and up to a hundred times that as objects."""
    head = b"\x95\x01\x01\xc0\xc0\x91\x95\xa5notes\x03\x01\x91\xa2id\x91\xdd"
    size = 200 << 20
    bombs = [
        b"\x01" + zstandard.compress(head + size.to_bytes(4, "big") + filling * size)
        for filling in (b"\x90", b"\xa0", b"\x01")
    ]
    before = target.peak_bytes()
    async with target.undisturbed():
        for bomb in bombs:
            async with target.streaming() as one, target.streaming() as two:
                await upload(one, bomb)
                await upload(two, bomb)
                assert {await outcome(one), await outcome(two)} <= {"too-large", "refused"}
    assert target.peak_bytes() - before < 1 << 30
