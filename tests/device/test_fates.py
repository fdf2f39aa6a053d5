"""Every transaction that was committed in a file has one fate, and they add up."""

import pytest

from electricsql.device.apply import Arrived, Outcome, apply_delta
from electricsql.device.identity import renew, start_over
from electricsql.device.meta import read_meta
from electricsql.device.status import Connection, read_status
from electricsql.protocol import RefusedFrame
from tests.device.conftest import MakeDevice
from tests.device.files import NOTES, NOW_MS, DeviceFile
from tests.device.hubs import delta_of

CODE, WHY = "postgres-refused", "No."


def write(one: DeviceFile, count: int) -> None:
    """Commit so many transactions."""
    for _ in range(count):
        one.app.execute("INSERT INTO notes (id) VALUES (hex(randomblob(16)))")
        one.seal()


def hear(one: DeviceFile, acknowledged: int, **fates: str) -> Outcome:
    """Apply a delta that says nothing but what became of our transactions (`n4="waiting"`)."""
    told = [RefusedFrame(int(name[1:]), CODE, WHY, fate) for name, fate in fates.items()]
    delta = delta_of([], answer=(acknowledged, told))
    return apply_delta(one.engine, one.schemas, Arrived(*delta), NOW_MS)


def fates(one: DeviceFile) -> list[tuple[object, ...]]:
    """For each device that the file was, the current one last."""
    device = read_meta(one.app).device
    found = one.read("SELECT * FROM _electric_fates ORDER BY device = ?", (device,))
    assert found[-1][0] == device
    return [row[1:] for row in found]


def test_they_add_up_from_the_first_to_the_last(device: MakeDevice) -> None:
    one = device(NOTES)
    assert fates(one) == [(0, 0, 0, 0, 0, 0, 1)]
    write(one, 5)
    assert fates(one) == [(5, 0, 5, 0, 0, 0, 1)]
    hear(one, 2)
    assert fates(one) == [(5, 2, 3, 0, 0, 0, 1)]
    hear(one, 4, n3="waiting", n4="waiting")
    assert fates(one) == [(5, 4, 1, 2, 0, 0, 1)]
    hear(one, 5, n3="retried", n4="discarded")
    assert fates(one) == [(5, 5, 0, 0, 1, 1, 1)]


def test_only_what_waits_and_is_new_is_told_to_the_app(device: MakeDevice) -> None:
    one = device(NOTES)
    write(one, 3)
    assert [each.number for each in hear(one, 2, n1="waiting", n2="retried").refused] == [1]
    assert read_status(one.app, Connection()).quarantined == 1
    assert hear(one, 2, n1="waiting", n2="retried").refused == []
    assert hear(one, 3, n1="discarded").refused == []
    kept = one.read("SELECT number, fate, decided_at IS NULL FROM _electric_quarantine")
    assert kept == [(1, "discarded", 0), (2, "retried", 1)]
    assert read_status(one.app, Connection()).quarantined == 0


def test_what_a_file_was_before_it_was_renewed_still_counts(device: MakeDevice) -> None:
    one = device(NOTES)
    write(one, 5)
    hear(one, 3, n2="waiting")
    renew(one.engine)
    assert fates(one) == [(3, 3, 0, 1, 0, 0, 1), (2, 0, 2, 0, 0, 0, 1)]
    write(one, 1)
    hear(one, 2, n2="waiting")
    assert fates(one) == [(3, 3, 0, 1, 0, 0, 1), (3, 2, 1, 1, 0, 0, 1)]
    renew(one.engine)
    assert sum(int(str(row[0])) for row in fates(one)) == 6
    assert all(row[-1] for row in fates(one))


def test_a_file_that_starts_over_starts_to_count_anew(device: MakeDevice) -> None:
    one = device(NOTES)
    write(one, 5)
    hear(one, 3, n2="waiting")
    copy = DeviceFile(start_over(one.path, one.engine, one.schemas, "epoch"), NOTES)
    assert fates(one) == [(0, 0, 0, 0, 0, 0, 1)]
    assert fates(copy) == [(5, 3, 2, 1, 0, 0, 1)]
    copy.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM _electric_transactions WHERE number = 4",
        "DELETE FROM _electric_transactions WHERE number = 5",
        "UPDATE _electric_transactions SET number = 7 WHERE number = 5",
        "UPDATE _electric_meta SET value = 2 WHERE key = 'acknowledged'",
        "UPDATE _electric_meta SET value = 6 WHERE key = 'number'",
        "UPDATE _electric_quarantine SET number = 4",
    ],
)
def test_it_shows_when_they_do_not_add_up(device: MakeDevice, damage: str) -> None:
    one = device(NOTES)
    write(one, 5)
    hear(one, 3, n2="waiting")
    assert fates(one)[0][-1] == 1
    one.engine.execute(damage)
    assert fates(one)[0][-1] == 0
