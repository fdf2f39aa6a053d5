"""The quarantine over HTTP, with what strangers sent; and two services before one Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from electricsql.protocol import TransactionFrame, Upload
from electricsql.protocol.columns import pack_column
from electricsql.protocol.messages import ChangesFrame
from electricsql.service import Settings
from electricsql.service.server import Running, serving
from tests.integration.service.conftest import FIRST, Deployed
from tests.integration.service.strangers import device
from tests.service.player import Player

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def arrival(url: str, deployed: Deployed, name: str = "one") -> AsyncIterator[Player]:
    """A device that has said hello and has had its first delta."""
    path, token = f"{deployed.app}/{deployed.env}", await deployed.token()
    async with device(url, path, token=token, name=name) as player:
        player.schema_version = FIRST
        await player.hello()
        await player.hear_delta()
        yield player


async def send(player: Player, data: bytes) -> None:
    """Upload what may be a transaction."""
    player.number += 1
    await player.say(Upload(player.number, 0, True, data))


def transaction(number: int, table: str, columns: tuple[str, ...], *values: object) -> bytes:
    """One that may make no sense."""
    packed = [pack_column([value]) for value in values]  # type: ignore[list-item]
    changes = ChangesFrame(table, 1, 1, columns, packed)
    return b"\x00" + msgspec.msgpack.encode(TransactionFrame(number, 5, None, FIRST, [changes]))


async def test_what_nobody_can_read_waits_and_says_why(
    service: Running, deployed: Deployed
) -> None:
    path = f"{deployed.path}/quarantine"
    async with arrival(service.url, deployed) as player:
        await send(player, b"\x00garbage")
        await send(player, transaction(2, "secrets", ("id", "body"), "a", "b"))
        await send(player, transaction(3, "notes", ("id", "body"), "a", 5))
        await player.write(b="goes on")
        await player.hear_acknowledgement()
        assert player.refused == [1, 2, 3]
    listed = await deployed.admin.get(path)
    told = [(each["id"], each["code"], each["changes"]) for each in listed]
    assert told == [
        ("1.1", "bad-frame", 0),
        ("1.2", "unknown-table", 0),
        ("1.3", "type-mismatch", 1),
    ]
    rows = [(await deployed.admin.get(f"{path}/{each['id']}"))["rows"] for each in listed]
    assert rows == [
        [],
        [{"table": "secrets", "op": "insert", "key": {}, "values": {"id": "a", "body": "b"}}],
        [{"table": "notes", "op": "insert", "key": {"id": "a"}, "values": {"body": 5}}],
    ]
    for each in listed:
        status, answer = await deployed.admin.call("POST", f"{path}/{each['id']}/retry")
        assert (status, answer["code"]) == (409, "still-refused")
        assert each["code"] in answer["problem"]
    (known,) = (await deployed.admin.get(deployed.path))["devices"]
    assert (known["number"], known["merged"], known["waiting"]) == (4, 1, 3)
    assert known["conserved"] is True


async def test_discarding_repeats_the_id(service: Running, deployed: Deployed) -> None:
    path = f"{deployed.path}/quarantine/1.1"
    async with arrival(service.url, deployed) as player:
        await send(player, b"\x00garbage")
        await player.hear_acknowledgement()
        status, answer = await deployed.admin.call("POST", f"{path}/discard", {"confirm": "1.2"})
        assert (status, answer["code"]) == (422, "not-confirmed")
        assert (await deployed.admin.get(path))["fate"] == "waiting"
        decided = await deployed.admin.post(f"{path}/discard", {"confirm": "1.1"})
        assert decided["fate"] == "discarded"
        await player.hear_delta()
        ((told,),) = [part.refused for part in player.deltas[-1]]
        assert (told.number, told.fate) == (1, "discarded")
    status, answer = await deployed.admin.call("POST", f"{path}/retry")
    assert (status, answer["code"]) == (409, "already-decided")
    status, answer = await deployed.admin.call("GET", f"{deployed.path}/quarantine/7.7")
    assert (status, answer["code"]) == (404, "not-quarantined")


async def test_a_device_that_goes_to_another_service_is_fenced_off_at_the_first(
    service: Running, deployed: Deployed, cluster_url: str, tmp_path: Path
) -> None:
    settings = Settings(port=0, database_url=cluster_url, data_dir=tmp_path / "data")
    async with serving(settings) as second, arrival(service.url, deployed) as older:
        await older.write(a="by the older")
        await older.hear_acknowledgement()
        async with arrival(second.url, deployed) as newer:
            newer.number = newer.acknowledged
            assert newer.number == 1
            await older.write(b="too late")
            assert (await older.hear_bye()).code == "superseded"
            await newer.write(c="by the newer")
            await newer.hear_acknowledgement()
    async with arrival(service.url, deployed, "witness") as witness:
        assert witness.bodies() == {"a": "by the older", "c": "by the newer"}
    one, _ = (await deployed.admin.get(deployed.path))["devices"]
    assert (one["number"], one["merged"], one["conserved"]) == (2, 2, True)
