"""What Postgres refuses, from the app's write to the operator's decision, and back to the app."""

import json
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from electricsql import Database, Rejected, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.conservation import check_fates, check_files, check_laws
from tests.integration.whole.processes import App, Service, make_app
from tests.integration.whole.test_convergence import agreed, run, settle, write
from tests.integration.whole.test_devices import NOTES, until

FEW = "ALTER TABLE notes ADD CONSTRAINT few_stars CHECK (stars < 6)"
MANY = "ALTER TABLE notes DROP CONSTRAINT few_stars"


@pytest.fixture
def notes(app: App) -> App:
    app.migrate("notes", NOTES)
    run(app, FEW)
    return app


def fates(device: Database) -> dict[int, str]:
    """What the device's own copies say."""
    return dict(device.execute("SELECT number, fate FROM _electric_quarantine").fetchall())


def waiting(app: App) -> list[str]:
    return [each["id"] for each in json.loads(app.electric("quarantine", "list", "--json"))]


def test_a_device_hears_what_becomes_of_its_transactions(notes: App, device: Open) -> None:
    one, other = device("one"), device("other")
    heard: list[Rejected] = []
    one.on_rejected(heard.append)
    write(one, "INSERT INTO notes VALUES (1, 'fine', 0)")
    write(one, "INSERT INTO notes VALUES (2, 'too many', 10)", "UPDATE notes SET stars = 9")
    write(one, "INSERT INTO notes VALUES (3, 'far too many', 100)")
    write(one, "UPDATE notes SET body = 'later' WHERE id = 1")
    settle(one, other)
    assert agreed(notes, "notes", one, other) == [(1, "later", 0)]
    assert (one.status.quarantined, len(waiting(notes))) == (2, 2)
    check_fates(notes.database_url(), [one.path, other.path])

    run(notes, MANY)
    first, second = waiting(notes)
    notes.electric("quarantine", "retry", first)
    notes.electric("quarantine", "discard", second, "--yes")
    until(lambda: fates(one) == {2: "retried", 3: "discarded"})
    settle(one, other)
    assert agreed(notes, "notes", one, other) == [(1, "later", 9), (2, "too many", 9)]
    assert (one.status.quarantined, waiting(notes)) == (0, [])
    assert [each.number for each in heard] == [2, 3]
    check_fates(notes.database_url(), [one.path, other.path])


def test_a_device_that_is_away_hears_of_it_when_it_is_back(notes: App, device: Open) -> None:
    one = device("one")
    write(one, "INSERT INTO notes VALUES (2, 'too many', 10)")
    settle(one)
    path = one.path
    one.close()
    run(notes, MANY)
    notes.electric("quarantine", "retry", "--all")
    again = electrify(path, notes.bundle, token=notes.token)
    settle(again)
    assert fates(again) == {1: "retried"}
    assert agreed(notes, "notes", again) == [(2, "too many", 10)]
    check_fates(notes.database_url(), [path])
    again.close()


def test_what_a_file_was_before_it_was_copied_still_has_its_fates(
    notes: App, device: Open, tmp_path: Path
) -> None:
    one = device("one")
    write(one, "INSERT INTO notes VALUES (1, 'fine', 0)")
    write(one, "INSERT INTO notes VALUES (2, 'too many', 10)")
    settle(one)
    one.close()
    shutil.copy(one.path, tmp_path / "copy.db")
    one = device("one")
    write(one, "INSERT INTO notes VALUES (3, 'after the copy', 0)")
    settle(one)
    copy = device("copy")
    write(copy, "INSERT INTO notes VALUES (4, 'of the copy', 0)")
    write(copy, "INSERT INTO notes VALUES (5, 'of the copy', 10)")
    settle(one, copy)
    url = notes.database_url()
    check_laws(url, [one.path, copy.path])
    check_fates(url, [one.path, copy.path])
    assert agreed(notes, "notes", one, copy) == [
        (1, "fine", 0),
        (3, "after the copy", 0),
        (4, "of the copy", 0),
    ]
    numbers = copy.execute("SELECT number, waiting FROM _electric_fates ORDER BY unsent").fetchall()
    assert sorted(numbers) == [(2, 1), (2, 1)], "two as what it was, two as what it is"

    notes.electric("reset", "--yes")
    notes.electric("sync")
    settle(one, copy)
    check_fates(notes.database_url(), [one.path, copy.path])
    assert copy.execute("SELECT number, holds FROM _electric_fates").fetchall() == [(0, 1)]


KILLS = [2, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
DEVICES = 3
WRITES = 12
"""Transactions of each device between two kills."""
REFUSED_EACH = 4
"""Every fourth of them is refused."""


@pytest.mark.parametrize("kills", KILLS)
def test_every_transaction_has_one_fate_whatever_is_killed(tmp_path: Path, kills: int) -> None:
    """The service is killed while transactions are merged and refused, retried and discarded."""
    (tmp_path / "service").mkdir()
    service = Service(tmp_path / "service")
    service.start()
    app = make_app(tmp_path / "app", service, "fates")
    app.migrate("notes", NOTES)
    run(app, FEW)
    url = app.database_url()
    with ExitStack() as stack:
        stack.callback(service.stop)
        devices = [
            stack.enter_context(electrify(tmp_path / f"{place}.db", app.bundle, token=app.token))
            for place in range(DEVICES)
        ]
        paths = [device.path for device in devices]
        for turn in range(kills):
            for n in range(WRITES):
                for place, device in enumerate(devices):
                    id = (turn * WRITES + n) * DEVICES + place
                    stars = 0 if id % REFUSED_EACH else 10
                    write(device, f"INSERT INTO notes VALUES ({id}, 'x', {stars})")
                time.sleep(0.01)
            service.kill()
            check_files(paths)
            service.start()
            settle(*devices)
            check_fates(url, paths)
            first, *_ = waiting(app)
            app.electric("quarantine", "discard", first, "--yes")
        written = kills * WRITES * DEVICES
        refused = written // REFUSED_EACH
        assert len(waiting(app)) == refused - kills
        run(app, MANY)
        app.electric("quarantine", "retry", "--all")
        settle(*devices)
        settle(*devices)
        assert len(agreed(app, "notes", *devices)) == written - kills
        check_fates(url, paths)
        assert sum(len(fates(device)) for device in devices) == refused
