"""A hub that forgets: devices that are live don't notice, and one that was away for too long
reconciles. Nothing is refused, nothing is lost, and all end equal."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from electricsql.device.apply import Arrived, apply_delta
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.reconcile import reconcile
from electricsql.device.staging import Staging
from electricsql.device.unsent import oldest_cursor
from electricsql.replication import NO_HLC, Cursor, Op
from tests.device.files import NOW_MS
from tests.device.hubs import alive, delete, insert, update
from tests.device.test_receiving import FAMILY, KIN, TABLES, WRITES, direct
from tests.device.worlds import ALL, DEVICES, World, shown


class Forgetful(World):
    """A hub that forgets what the devices which are live need no more."""

    def __init__(self, folder: Path, ddl: str) -> None:
        super().__init__(folder, ddl)
        self.reconciled = 0

    def needs(self, place: int) -> int:
        """From which xid on a device needs what happened."""
        oldest = oldest_cursor(self.devices[place].engine)
        return Cursor.parse(oldest).snapshot.xmin if oldest else 0

    def forget(self, *live: int) -> None:
        self.hub.forget(min(map(self.needs, live)))

    def up(self, place: int, count: int = ALL) -> None:
        self.meet(place)
        before = len(self.hub._refused)
        super().up(place, count)
        assert len(self.hub._refused) == before

    def down(
        self,
        place: int,
        *,
        whole: bool = False,
        parts: int | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> bool:
        self.meet(place)
        whole = whole or read_meta(self.devices[place].engine).reconciling
        return super().down(place, whole=whole, parts=parts, meanwhile=meanwhile)

    def meet(self, place: int) -> None:
        """As service and device do when they greet each other."""
        one = self.devices[place]
        meta = read_meta(one.engine)
        unsent = [sealed.number for sealed in one.unsent()]
        offered = min(unsent, default=meta.number) <= meta.offered
        behind = meta.offered_behind if offered else 0
        known = meta.cursor is not None and not meta.reconciling
        is_behind = meta.cursor is not None and meta.cursor.snapshot.xmin < self.hub.horizon
        lacks = max(self.needs(place), behind) < self.hub.horizon
        if (known and is_behind) or lacks:
            one.app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")
            told = (self._sent[place], self.hub.horizon)
            reconcile(one.engine, one.schemas, *told, self._now_ms)
            self.reconciled += 1
        write_meta(one.engine, horizon=self.hub.horizon)
        staged = Staging(one.engine).reached()
        if staged and Cursor.parse(staged.since or staged.cursor).snapshot.xmin < self.hub.horizon:
            Staging(one.engine).clear()


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """Fresh folders."""

    def numbered() -> Iterator[Path]:
        number = 0
        while True:
            number += 1
            (tmp_path / str(number)).mkdir()
            yield tmp_path / str(number)

    return numbered()


def play(world: Forgetful, name: str, random: Random) -> None:
    """Devices write and exchange some of it, and the hub forgets; now and then one is away."""

    def write() -> str:
        sql, text = random.choice(WRITES), random.choice("xy")
        return sql.format(name, random.choice("pq"), text, random.randint(0, 2))

    for _ in range(6):
        if random.random() < 0.5:
            world.hub.write(direct(world.hub.schema.tables[name], world, random))
        for place in world.play_round(random, write):
            assert shown(world.devices[place], name) == alive(world.expected(place), name)
        if random.random() < 0.5:
            world.forget(*range(DEVICES))
        elif random.random() < 0.5:
            away = random.randrange(DEVICES)
            for here in range(DEVICES):
                if here != away:
                    world.up(here)
                    world.down(here)
            world.forget(*(place for place in range(DEVICES) if place != away))
    world.sync()
    for one in world.devices:
        assert shown(one, name) == world.hub.alive(name)
        assert one.unsent() == []


@pytest.mark.parametrize("name", ["plain", "pairs"])
def test_a_file_shows_what_a_forgetful_hub_will_hold(name: str, folders: Iterator[Path]) -> None:
    reconciled = 0
    for seed in range(25):
        world = Forgetful(next(folders), TABLES)
        play(world, name, Random(seed))
        reconciled += world.reconciled
        world.close()
    assert reconciled


def test_a_hub_may_forget_again_while_a_device_sends_what_it_offers(
    folders: Iterator[Path],
) -> None:
    world = Forgetful(next(folders), TABLES)
    table = world.hub.schema.tables["plain"]
    one = world.devices[1]
    away = one.app
    away.execute("INSERT INTO plain (id, a, n) VALUES ('p', 'x', 1)")
    world.sync()
    for number in (5, 6):
        away.execute("UPDATE plain SET n = ? WHERE id = 'p'", (number,))
        world.seal(1)
    world.hub.write(insert(table, id="q"))
    world.down(0)
    world.forget(0)
    world.hub.write(delete(table, ("p",)))
    world.up(1, 1)
    assert world.reconciled == 1
    world.down(0)
    world.forget(0)
    world.up(1)  # nothing is refused
    assert world.reconciled == 2
    world.sync()
    assert world.hub.alive("plain")["p",]["n"] == 6
    assert shown(world.devices[0], "plain") == shown(one, "plain") == world.hub.alive("plain")


def test_foreign_keys_hold_when_what_they_need_is_forgotten(folders: Iterator[Path]) -> None:
    for seed in range(25):
        random, world = Random(seed), Forgetful(next(folders), FAMILY)
        world.devices[0].app.execute("INSERT INTO people (id) VALUES ('p'), ('q')")
        world.devices[0].app.execute("INSERT INTO pets (id, owner) VALUES ('p', 'p')")
        world.sync()
        for _ in range(4):
            for place in range(DEVICES):
                for _ in range(3):
                    with suppress(sqlite3.IntegrityError):
                        sql = random.choice(KIN).format(*random.choices("pqr", k=2))
                        world.devices[place].app.execute(sql)
                    if random.random() < 0.5:
                        world.seal(place)
            for _ in range(2):
                world.up(0)
                world.down(0)
                world.forget(0)
            world.meet(1)
            for _ in range(random.randint(0, 2)):
                with suppress(sqlite3.IntegrityError):
                    world.devices[1].app.execute(
                        random.choice(KIN).format(*random.choices("pqr", k=2))
                    )
                world.up(1, random.randint(0, 2))
            world.down(1)
            assert world.devices[1].read("PRAGMA foreign_key_check") == []
        world.sync()
        for one in world.devices:
            assert one.read("PRAGMA foreign_key_check") == []
            for table in ("people", "pets"):
                assert shown(one, table) == world.hub.alive(table)
        world.close()


def away_for_long(world: Forgetful, *statements: str) -> None:
    """Device 1 writes while it is away; device 0 deletes all, and the hub forgets it."""
    world.devices[0].app.execute("INSERT INTO plain (id, a, n) VALUES ('p', 'old', 7)")
    world.sync()
    for statement in statements:
        world.devices[1].app.execute(statement)
        world.seal(1)
    world.devices[0].app.execute("DELETE FROM plain")
    world.up(0)
    world.down(0)
    world.forget(0)
    assert world.hub.rows == {}


def test_an_update_of_a_row_that_is_forgotten_brings_it_back(folders: Iterator[Path]) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world, "UPDATE plain SET a = 'new'")
    world.sync()
    assert world.hub.alive("plain") == {("p",): {"id": "p", "a": "new", "n": 7}}
    assert shown(world.devices[0], "plain") == shown(world.devices[1], "plain")
    world.close()


@pytest.mark.parametrize("told", [False, True])
def test_who_has_only_written_until_it_expired_offers_what_that_needs(
    folders: Iterator[Path], told: bool
) -> None:
    world = Forgetful(next(folders), TABLES)
    one, away = world.devices
    away.app.execute("INSERT INTO plain (id, a, n) VALUES ('p', 'old', 7)")
    world.up(1)
    if not told:
        world.seal(1)
    away.app.execute("UPDATE plain SET a = 'new'")
    world.seal(1)
    if told:
        assert read_meta(away.engine).cursor is None
        delta = Arrived(*world.hub.delta(2, None))
        assert apply_delta(away.engine, away.schemas, delta, NOW_MS).acknowledged == 1
    world.down(0)
    one.app.execute("DELETE FROM plain")
    world.up(0)
    world.down(0)
    world.forget(0)
    assert world.hub.rows == {}
    world.sync()
    assert world.reconciled == 1
    assert world.hub.alive("plain") == {("p",): {"id": "p", "a": "new", "n": 7}}
    assert shown(one, "plain") == shown(away, "plain") == world.hub.alive("plain")
    world.close()


def test_a_row_that_was_not_written_meanwhile_is_gone(folders: Iterator[Path]) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world, "INSERT INTO plain (id) VALUES ('own')")
    world.sync()
    assert world.hub.alive("plain").keys() == {("own",)}
    assert shown(world.devices[1], "plain").keys() == {("own",)}
    world.close()


def test_an_updated_row_that_is_deleted_after_all_stays_deleted(folders: Iterator[Path]) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world, "UPDATE plain SET a = 'new'", "DELETE FROM plain")
    world.sync()
    assert world.hub.alive("plain") == shown(world.devices[1], "plain") == {}
    world.close()


def test_what_is_offered_counts_less_than_what_the_hub_has(folders: Iterator[Path]) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world, "UPDATE plain SET a = 'new'")
    table = world.hub.schema.tables["plain"]
    world.hub.write(insert(table, id="p", a="again", n=1))
    world.hub.write(update(table, ("p",), n=2))
    world.sync()
    (row,) = world.hub.alive("plain").values()
    assert row["n"] == 2
    assert shown(world.devices[1], "plain") == world.hub.alive("plain")
    world.hub.write(delete(table, ("p",)))
    world.sync()
    assert shown(world.devices[1], "plain") == {}
    world.close()


def test_an_offer_comes_before_the_unsent_ones_with_their_numbers_moved(
    folders: Iterator[Path],
) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world, "UPDATE plain SET a = 'new'", "UPDATE plain SET n = 8")
    before = [sealed.transaction() for sealed in world.devices[1].unsent()]
    world.meet(1)
    offer, *after = [sealed.transaction() for sealed in world.devices[1].unsent()]
    assert (offer.number, offer.hlc, offer.cursor) == (1, NO_HLC, before[0].cursor)
    assert [(change.op, change.values) for change in offer.changes] == [
        (Op.OFFER, {"id": "p", "a": "new", "n": 8})
    ]
    assert after == [replace(t, number=t.number + 1) for t in before]
    world.meet(1)
    assert world.reconciled == 1
    world.close()


def test_a_file_with_nothing_unsent_offers_nothing(folders: Iterator[Path]) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world)
    reconcile(world.devices[1].engine, world.devices[1].schemas, 0, 0, NOW_MS)
    assert world.devices[1].unsent() == []
    assert read_meta(world.devices[1].engine).reconciling
    world.down(1)
    assert not read_meta(world.devices[1].engine).reconciling
    assert shown(world.devices[1], "plain") == {}
    world.close()


def test_what_is_sealed_before_all_rows_are_here_is_offered_what_it_needs(
    folders: Iterator[Path],
) -> None:
    world = Forgetful(next(folders), TABLES)
    away_for_long(world, "INSERT INTO plain (id) VALUES ('own')")
    away = world.devices[1]
    world.meet(1)  # it has offered: the connection may be lost now, for weeks
    for statement in (
        "UPDATE plain SET a = 'mine' WHERE id = 'own'",
        "UPDATE plain SET n = 8 WHERE id = 'p'",
        "UPDATE plain SET n = 9 WHERE id = 'p'",
    ):
        away.app.execute(statement)
        world.seal(1)
    unsent = [sealed.transaction() for sealed in away.unsent()]
    assert [(t.number, t.changes[0].op, t.changes[0].key) for t in unsent] == [
        (1, Op.INSERT, ("own",)),
        (2, Op.UPDATE, ("own",)),
        (3, Op.OFFER, ("p",)),
        (4, Op.UPDATE, ("p",)),
        (5, Op.UPDATE, ("p",)),  # an offer is as good as an insert to what comes later
    ]
    assert read_meta(away.engine).offered == 5
    world.meet(1)
    assert world.reconciled == 1
    world.up(1, 3)
    world.down(1)
    world.sync()
    assert world.hub.alive("plain")["p",] == {"id": "p", "a": "old", "n": 9}
    assert world.hub.alive("plain")["own",]["a"] == "mine"
    for one in world.devices:
        assert shown(one, "plain") == world.hub.alive("plain")
    world.close()


def test_a_parent_that_was_made_only_later_is_offered(folders: Iterator[Path]) -> None:
    world = Forgetful(next(folders), FAMILY)
    one, away = world.devices
    one.app.execute("INSERT INTO people (id) VALUES ('p')")
    world.sync()
    for statement in (
        "INSERT INTO pets (id, owner) VALUES ('p', 'p')",
        "DELETE FROM pets",
        "DELETE FROM people",
        "INSERT INTO people (id) VALUES ('p')",
    ):
        away.app.execute(statement)
        world.seal(1)
    one.app.execute("DELETE FROM people")
    world.up(0)
    world.down(0)
    world.forget(0)
    world.sync()  # nothing is refused
    assert world.reconciled == 1
    for each in world.devices:
        assert shown(each, "people") == world.hub.alive("people")
    assert world.hub.alive("people").keys() == {("p",)}
    world.close()
