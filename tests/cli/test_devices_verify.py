"""`electric devices verify`: what it says of what was found. (That it finds it: see
tests/integration/whole/test_verify.py.)"""

from pathlib import Path

import pytest

from electricsql.cli import devices
from electricsql.device import Comparison, Difference, Verified
from tests.cli.conftest import Typist

URL = ("--url", "ws://127.0.0.1:1/ws/notes/default", "--token", "t")
FOUND = Comparison(
    rows=5,
    unsettled=1,
    differences=[
        Difference("notes", ("n1",), here=True, at_hub=True, columns=("body", "stars")),
        Difference("notes", ("x" * 99,), here=True, at_hub=False),
        Difference("tags", (7, b"\x00\xff"), here=False, at_hub=True),
    ],
)


@pytest.fixture
def finds(electric: Typist, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    Path("notes.db").touch()
    return monkeypatch


def find(patch: pytest.MonkeyPatch, verified: Verified) -> None:
    patch.setattr(devices, "verify_file", lambda *_, **__: verified)


def test_rows_that_differ_are_shown_in_a_table(electric: Typist, finds: pytest.MonkeyPatch) -> None:
    find(finds, Verified(FOUND))
    said = electric("devices", "verify", "notes.db", *URL)
    assert said.status == 1
    heading, first, second, third, left_out = said.out.splitlines()
    assert heading.split() == ["TABLE", "KEY", "DIFFERS"]
    assert first.split("  ")[0] == "notes"
    assert first.endswith("  body, stars")
    assert second.split()[1:] == ["x" * 40 + "…", "only", "here"]
    assert third.endswith("7, x'00ff'" + " " * 31 + "  missing here")
    assert left_out == "1 row with unsent changes left out."
    assert "notes.db differs from its hub in 3 rows." in said.err
    assert "--repair" in said.err


def test_a_repair_says_how_many_rows_were_mended(
    electric: Typist, finds: pytest.MonkeyPatch
) -> None:
    find(finds, Verified(FOUND, Comparison(rows=6)))
    shown = electric.well("devices", "verify", "notes.db", "--repair", *URL)
    assert "3 rows repaired; 6 rows compared, all equal.\n" in shown


def test_what_a_repair_does_not_mend_is_a_defect(
    electric: Typist, finds: pytest.MonkeyPatch
) -> None:
    incomplete = Comparison(6, 0, FOUND.differences[:1], is_complete=False)
    find(finds, Verified(FOUND, incomplete))
    words = ("devices", "verify", "notes.db", "--repair", *URL)
    message = electric.fails(*words, code="rows-differ")
    assert "notes.db differs from its hub in at least 1 row." in message
    assert "please report it" in message


def test_a_file_that_is_not_there_is_not_made(electric: Typist) -> None:
    said = electric("devices", "verify", "nowhere.db", *URL)
    assert (said.status, "'nowhere.db' does not exist" in said.err) == (2, True)
    assert not Path("nowhere.db").exists()


def test_a_service_that_does_not_run_is_told(
    electric: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electricsql.device.verifying.HANDSHAKE_MS_MAX", 1)
    Path("notes.db").touch()
    message = electric.fails("devices", "verify", "notes.db", *URL, code="service-unreachable")
    assert "ws://127.0.0.1:1/ws/notes/default can't be reached" in message
