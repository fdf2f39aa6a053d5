"""The list of dead rows: it forgets what the hub has forgotten, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from electricsql.device.meta import read_meta
from electricsql.schema import Value
from tests.device.test_receiving import TABLES
from tests.device.test_reconcile import Forgetful, play
from tests.device.worlds import shown

FEW = patch("electricsql.device.forgetting.FORGOTTEN_LIVES_MIN", 1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Forgetful]:
    world = Forgetful(tmp_path, TABLES)
    yield world
    world.close()


def listed(world: Forgetful, place: int) -> list[tuple[Value, ...]]:
    return world.devices[place].read("SELECT key, incarnation, alive, passing FROM _electric_lives")


def exchange(world: Forgetful) -> None:
    """Everybody sends and receives everything; then the hub forgets what it can."""
    world.sync()
    world.forget(0, 1)


def test_the_list_stays_small_however_much_is_deleted(world: Forgetful) -> None:
    most = 0
    with patch("electricsql.device.forgetting.FORGOTTEN_LIVES_MIN", 20):
        for number in range(40):
            writer = world.devices[number % 2].app
            keys = [f"{number}-{n}" for n in range(10)]
            writer.executemany("INSERT INTO plain (id) VALUES (?)", [(key,) for key in keys])
            world.seal(number % 2)
            if number % 3:
                exchange(world)
            writer.executemany("DELETE FROM plain WHERE id = ?", [(key,) for key in keys])
            exchange(world)
            most = max(most, *(len(listed(world, place)) for place in (0, 1)))
    assert 20 <= most < 100


def test_few_dead_rows_are_not_worth_it(world: Forgetful) -> None:
    world.devices[0].app.execute("INSERT INTO plain (id) VALUES ('p')")
    exchange(world)
    world.devices[0].app.execute("DELETE FROM plain")
    for _ in range(3):
        exchange(world)
    assert listed(world, 0) == listed(world, 1) == [("'p'", 1, 0, 0)]


@FEW
def test_what_is_not_acknowledged_is_not_forgotten(world: Forgetful) -> None:
    one = world.devices[0]
    one.app.execute("INSERT INTO plain (id) VALUES ('p')")
    exchange(world)
    one.app.execute("DELETE FROM plain")
    for _ in range(3):
        world.hub.xid += 1
        world.down(0)
        world.forget(0)
    assert listed(world, 0) == [("'p'", 1, 0, 1)]
    meta = read_meta(one.engine)
    assert (meta.passing, meta.passed_at) == (2, None)


@FEW
def test_a_row_that_comes_back_meanwhile_keeps_its_life(world: Forgetful) -> None:
    one = world.devices[0]
    one.app.execute("INSERT INTO plain (id) VALUES ('p'), ('q')")
    exchange(world)
    one.app.execute("DELETE FROM plain")
    world.sync()
    assert [row[3] for row in listed(world, 0)] == [1, 1]
    one.app.execute("INSERT INTO plain (id) VALUES ('p')")
    for _ in range(4):
        exchange(world)
        world.hub.xid += 1
    assert listed(world, 0) == [("'p'", 2, 1, 0)]
    one.app.execute("INSERT INTO plain (id, n) VALUES ('q', 5)")
    exchange(world)
    assert [row[:3] for row in listed(world, 0)] == [("'p'", 2, 1)]
    assert shown(one, "plain") == shown(world.devices[1], "plain") == world.hub.alive("plain")
    assert len(world.hub.alive("plain")) == 2


@FEW
@pytest.mark.parametrize("name", ["plain", "pairs"])
def test_who_forgets_shows_what_the_hub_will_hold(name: str, tmp_path: Path) -> None:
    forgotten = 0
    for seed in range(100, 115):
        (tmp_path / str(seed)).mkdir()
        world = Forgetful(tmp_path / str(seed), TABLES)
        play(world, name, Random(seed))
        forgotten += sum(read_meta(one.engine).horizon > 0 for one in world.devices)
        world.close()
    assert forgotten
