"""Parts of a delta that wait for the last one, also beyond the end of a connection or a process."""

from random import Random

import pytest
from msgspec.structs import replace

from electricsql.device.file import prepare
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.replica import Replica
from electricsql.device.staging import Staging
from electricsql.protocol import DeltaPart, Staged
from electricsql.replication import RowId
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile, bundle
from tests.device.hubs import MemoryHub, delete, insert, update

MORE = "ALTER TABLE notes ADD COLUMN tag TEXT"
BEGUN = "epoch/5:5:"


def parts(count: int, size: int = 100) -> list[DeltaPart]:
    return [
        DeltaPart(
            number,
            False,
            True,
            BEGUN,
            0,
            number,
            count,
            blocks=(bytes([number]) * size,),
            staged=Staged(BEGUN, True, number, "notes", (f"k{number}",)),
        )
        for number in range(count)
    ]


@pytest.fixture
def file(device: MakeDevice) -> DeviceFile:
    return device(NOTES)


def staged(file: DeviceFile, *every: DeltaPart) -> Staging:
    staging = Staging(file.engine)
    for part in every:
        if part.part == 0:
            staging.begin(part)
        staging.add(part)
    return staging


def test_what_was_staged_comes_back_in_its_order_each_time(file: DeviceFile) -> None:
    expected = parts(40)
    staging = staged(file, *expected)
    assert list(staging.parts()) == expected
    assert list(staging.parts()) == expected
    assert list(Staging(file.app).parts()) == expected
    assert staging.reached() == expected[-1].staged


def test_another_delta_is_staged_in_place_of_what_was(file: DeviceFile) -> None:
    staged(file, *parts(40))
    expected = parts(3, size=7)
    assert list(staged(file, *expected).parts()) == expected


def test_what_follows_is_staged_behind_what_was(file: DeviceFile) -> None:
    first = parts(3)
    rest = [replace(first[0], follows=True), *first[1:]]
    staged(file, *first)
    assert list(staged(file, *rest).parts()) == [*first, *rest]


def test_what_was_cleared_does_not_come_back(file: DeviceFile) -> None:
    staging = staged(file, *parts(40))
    staging.clear()
    assert list(staging.parts()) == []
    assert staging.reached() is None


def test_what_is_staged_is_worth_nothing_once_the_cursor_has_moved(file: DeviceFile) -> None:
    staging = staged(file, *parts(3))
    write_meta(file.engine, cursor="epoch/7:7:")
    assert staging.reached() is None


def test_what_is_staged_is_worth_nothing_in_another_schema(file: DeviceFile) -> None:
    staging = staged(file, *parts(3))
    prepare(file.path, file.app, bundle(NOTES, MORE))
    assert staging.reached() is None


def test_parts_that_can_not_be_gone_on_with_are_not_spoken_of(file: DeviceFile) -> None:
    staging = staged(file, *(replace(part, staged=None) for part in parts(3)))
    assert staging.reached() is None


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_a_delta_that_is_broken_off_at_every_part_gives_what_the_hub_has(
    file: DeviceFile, seed: int, *, is_new: bool
) -> None:
    random, hub = Random(seed), MemoryHub(file.schema)
    table = file.schema.tables["notes"]
    for number in range(20):
        hub.write(insert(table, id=f"n{number:02}"))
    if not is_new:
        receive(file, hub, 99)
        for number in range(0, 20, 2):
            hub.write(update(table, (f"n{number:02}",), body="changed"))
    file.app.execute("INSERT INTO notes (id, body) VALUES ('mine', 'unsent')")
    read = 0
    while not receive(file, hub, random.randint(1, 3)):
        read += 1
        key = (f"n{random.randrange(25):02}",)
        there = hub.rows.get(RowId("notes", key))
        if there is None:
            hub.write(insert(table, id=key[0], body="later"))
        elif there.alive:
            hub.write(delete(table, key) if random.random() < 0.5 else update(table, key, done=1))
    assert read
    expected = {key: tuple(row.values()) for key, row in hub.alive("notes").items()}
    assert {row[:1]: row for row in file.rows("notes")} == {
        **expected,
        ("mine",): ("mine", "unsent", 0),
    }
    cursor = read_meta(file.app).cursor
    assert cursor is not None
    assert cursor.snapshot.sees(hub.xid)
    assert Staging(file.engine).reached() is None


def receive(file: DeviceFile, hub: MemoryHub, count: int) -> bool:
    """A process that receives so many parts, unless the last one is among them, and ends."""
    replica = Replica(file.path)
    opened = replica.opened()
    earlier, last = hub.delta(1, read_meta(file.app).cursor, 3, opened.staged)
    for part in earlier[:count]:
        replica.stage(part)
    done = count > len(earlier)
    if done:
        replica.apply(last, NOW_MS)
    replica.close()
    return done
