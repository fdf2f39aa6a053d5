"""Devices of several schema versions: each is sent rows as its version has them; these are read
once, and encoded once for each version."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from electricsql.hub import HubMigration
from electricsql.hub.lineages import Versions
from electricsql.lenses import Kept, Lens, TableLens
from electricsql.protocol import Compare, Digests, TableDigest, buckets_for
from electricsql.replication import Part
from electricsql.schema import Schema, Table, Value
from electricsql.service import fanout
from electricsql.service.parts import EncodedPart, encode_part
from tests.service.player import Player
from tests.service.rooms import TestRoom, room
from tests.service.twin import NOTES, SCHEMA, VERSION, TwinHub

pytestmark = pytest.mark.anyio
OLD, LATER = "20221101000000000_texts", "20230101000000000_more"
ID, BODY = NOTES.columns
TEXTS = replace(NOTES, name="texts", columns=(ID, replace(BODY, name="text")))
RENAMED = Lens((TableLens("notes", "texts", columns=(Kept("id"), Kept("body", "text"))),))
WIDER = Schema({"notes": NOTES, "more": Table("more", 2, (ID,), ("id",))}, LATER)
SCHEMAS = (Schema({"texts": TEXTS}, OLD), SCHEMA, WIDER)


def _applied(name: str, lens: Lens | None) -> HubMigration:
    return HubMigration(name, "", "0" * 64, "", (name,), datetime(2022, 1, 1), lens, lens is None)


APPLIED = (_applied(OLD, None), _applied(VERSION, RENAMED), _applied(LATER, None))
TWO, THREE = Versions(APPLIED[:2], SCHEMAS[:2]), Versions(APPLIED, SCHEMAS)


async def _arrive(opened: TestRoom, name: int, bundle: str | None, *tables: Table) -> Player:
    player, _, _ = opened.connect(name)
    player.bundle = player.schema_version = bundle
    player.tables = {table.name: table for table in tables}
    await player.hello()
    await player.hear_delta()
    return player


def _shown(player: Player) -> dict[tuple[str, Value], Mapping[str, Value]]:
    return {(table, key[0]): values for (table, key), values in player.rows.items()}


async def test_each_is_sent_its_own_version(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Part] = []

    def counted(part: Part, *args: object) -> EncodedPart:
        encoded.append(part)
        return encode_part(part, *args)  # type: ignore[arg-type]

    async with room(TwinHub(versions=TWO)) as opened:
        old = [await _arrive(opened, n, OLD, TEXTS) for n in (1, 2, 3)]
        new = [await _arrive(opened, n, VERSION, NOTES) for n in (4, 5, 6)]
        monkeypatch.setattr(fanout, "encode_part", counted)
        opened.hub.write(a="direct")
        for player in (*old, *new):
            await player.hear_delta()
        assert len(encoded) == 2
        for player in old:
            assert _shown(player) == {("texts", "a"): {"id": "a", "text": "direct"}}
        for player in new:
            assert _shown(player) == {("notes", "a"): {"id": "a", "body": "direct"}}
        assert not any(player.migrations for player in (*old, *new))


async def test_a_new_device_is_sent_migrations_up_to_the_first_that_does_more_than_to_add() -> None:
    hub = TwinHub(versions=THREE)
    hub.write(a="one")
    async with room(hub) as opened:
        player = await _arrive(opened, 1, None, TEXTS)
        assert player.migrations == [OLD]
        assert _shown(player) == {("texts", "a"): {"id": "a", "text": "one"}}
        upgraded = await _arrive(opened, 2, VERSION, NOTES)
        assert upgraded.migrations == [LATER]
        ahead = await _arrive(opened, 3, "99990101000000000_ahead", NOTES)
        assert ahead.migrations == []
        assert ahead.bodies() == {"a": "one"}


async def test_a_device_is_told_of_a_migration_once() -> None:
    async with room(TwinHub(versions=TWO)) as opened:
        old = await _arrive(opened, 1, OLD, TEXTS)
        new = await _arrive(opened, 2, VERSION, NOTES)
        new.applies = False
        opened.hub.versions = THREE
        for body in ("one", "two"):
            opened.hub.write(a=body)
            for player in (old, new):
                await player.hear_delta()
        assert (old.migrations, new.migrations) == ([], [LATER])
        assert new.bodies() == {"a": "two"}


async def test_rows_are_compared_as_the_devices_version_has_them() -> None:
    hub = TwinHub(versions=TWO)
    hub.write(a="one", b="two")
    async with room(hub) as opened:
        player = await _arrive(opened, 1, OLD, TEXTS)
        await player.say(Compare())
        while not isinstance(answer := await player.hear(), Digests):
            assert answer is not None, player.bye
        digest = TableDigest(TEXTS)
        digest.add([["a", "b"], ["one", "two"]])
        (told,) = answer.tables
        assert (told.table, told.buckets) == ("texts", digest.buckets(buckets_for(2)))
