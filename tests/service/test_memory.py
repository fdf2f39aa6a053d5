"""What uploads hold together has a limit; small ones never feel it."""

import asyncio

import pytest

from electricsql.errors import ServiceError
from electricsql.hub import Submitted
from electricsql.limits import CHANGE_BYTES, MERGE_QUEUE_BYTES_MAX, PART_BYTES, UPLOADS_BYTES_MAX
from electricsql.protocol import Upload, encode_transaction
from electricsql.replication import Change, Op, Transaction
from electricsql.service.memory import UploadMemory, weight
from tests.service.rooms import room
from tests.service.twin import NOTES, VERSION

pytestmark = pytest.mark.anyio
LARGE = 4 * PART_BYTES


def test_whoever_wants_more_than_there_is_comes_again_later() -> None:
    memory = UploadMemory()
    memory.change(0, UPLOADS_BYTES_MAX)
    with pytest.raises(ServiceError) as caught:
        memory.change(0, LARGE)
    assert (caught.value.code, caught.value.definite) == ("overloaded", False)
    memory.change(0, PART_BYTES)
    memory.change(PART_BYTES, 0)
    memory.change(LARGE, 0)
    memory.change(UPLOADS_BYTES_MAX, 0)
    memory.change(0, LARGE)
    assert memory.held == LARGE


async def test_large_transactions_are_read_one_at_a_time() -> None:
    memory, most, now = UploadMemory(), 0, 0

    async def read() -> None:
        nonlocal most, now
        async with memory.reading(b"\x00" + bytes(LARGE)):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

    async with memory.reading(b"\x00" + bytes(LARGE)), memory.reading(b"\x00small"):
        pass
    await asyncio.gather(*(read() for _ in range(5)))
    assert most == 1


def test_what_waits_weighs_what_it_will_be() -> None:
    rows = [{"id": str(n), "body": "x" * 1_000} for n in range(1_000)]
    changes = [Change("notes", Op.INSERT, (row["id"],), row) for row in rows]
    transaction = Transaction(1, 1, None, VERSION, changes)
    encoded = encode_transaction(transaction, {NOTES.name: NOTES})
    assert len(encoded) < 50_000
    assert weight(Submitted(1, transaction, encoded, 1)) > 1_000 * (1_000 + CHANGE_BYTES)
    assert MERGE_QUEUE_BYTES_MAX > 100 * CHANGE_BYTES


async def test_what_a_stream_held_is_let_go_when_it_ends() -> None:
    async with room() as opened:
        player, wire, _ = opened.connect(1)
        await player.hello()
        await player.hear_delta()
        for part in range(3):
            await player.say(Upload(1, part, False, bytes(PART_BYTES)))
        memory = opened.environment.uploads
        while memory.held < 3 * PART_BYTES:
            await asyncio.sleep(0.001)
        wire.cut()
        while memory.held:
            await asyncio.sleep(0.001)
