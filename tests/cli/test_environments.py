"""`status`, `database-url` and `reset`, against a real service."""

import asyncio
import os
import subprocess
import time

import asyncpg
import pytest

from tests.cli.conftest import ELECTRIC, Typist


def test_status_shows_version_devices_and_quarantine(deployed: Typist) -> None:
    name = deployed.migration("items").parent.name
    deployed.well("sync")
    shown = deployed.well("status")
    assert f"schema version  {name}\n" in shown
    assert "devices         0, 0 connected\n" in shown
    status = deployed("status", "--json").json()
    assert (status["env"], status["schemaVersion"], status["devices"]) == ("default", name, [])


def test_status_shows_what_devices_have(deployed: Typist) -> None:
    name = deployed.migration("items").parent.name
    deployed.well("sync")
    token = deployed.well("token", "new", "--sub", "me").strip()
    deployed.well("replicate", "phone.db", "--once", "--token", token)
    deployed.migration("more", "CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL);\n")
    deployed.well("sync")
    while True:  # what devices have applied is written down from time to time
        (device,) = deployed("status", "--json").json()["devices"]
        if device["schemaVersion"]:
            break
        time.sleep(0.5)
    (line,) = [line for line in deployed.well("status").splitlines() if device["device"] in line]
    assert line.split()[2:4] == [name, "1"]
    assert line.split()[5:7] == ["0", "0"], "no transaction of its own"
    assert line in deployed.well("devices", "list")
    (listed,) = deployed("devices", "list", "--json").json()
    assert (listed["device"], listed["origin"], listed["conserved"]) == (device["device"], 1, True)


def test_no_device_has_come_yet(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    assert deployed.well("devices", "list") == "No device has come yet.\n"
    assert deployed("devices", "list", "--json").json() == []


def test_status_of_an_environment_that_is_not_there_is_refused(deployed: Typist) -> None:
    deployed.fails("status", code="unknown-environment")


def test_the_database_url_opens_the_environments_database(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    url = deployed.well("database-url").strip()

    async def tables() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            return [record["tablename"] for record in await connection.fetch(sql)]
        finally:
            await connection.close()

    assert asyncio.run(tables()) == ["items"]


def test_a_reset_needs_somebody_to_confirm_it(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    message = deployed.fails("reset", code="not-a-terminal", status=2)
    assert "--yes" in message
    assert deployed("status", "--json").json()["schemaVersion"]


def test_a_reset_starts_the_environment_anew(deployed: Typist) -> None:
    name = deployed.migration("items").parent.name
    deployed.well("sync")
    before = deployed("status", "--json").json()
    deployed.well("reset", "--yes")
    after = deployed("status", "--json").json()
    assert after["schemaVersion"] is None
    assert after["epoch"] != before["epoch"]
    assert deployed("sync", "--json").json()["applied"] == [name]


@pytest.mark.parametrize(("typed", "status"), [("defualt", 2), ("", 2), ("default", 0)])
def test_on_a_terminal_the_name_has_to_be_typed(deployed: Typist, typed: str, status: int) -> None:
    deployed.migration("items")
    deployed.well("sync")
    keyboard, terminal = os.openpty()
    try:
        with subprocess.Popen(
            [ELECTRIC, "reset"],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.write(keyboard, f"{typed}\n".encode())
            _, message = process.communicate()
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert process.returncode == status
    assert "deletes all data" in message
    assert ("[not-confirmed]" in message) == (status == 2)
    assert (deployed("status", "--json").json()["schemaVersion"] is None) == (status == 0)
