"""`electric replicate`: what it says, and what it says when it can't."""

from pathlib import Path

import pytest

from electricsql import electrify
from electricsql.cli.replicate import _Narrator, _tell_migration, _tell_rejection
from electricsql.device import Migrated, Rejected, Status
from electricsql.errors import ServiceError
from electricsql.migrations import make_bundle
from tests.cli.conftest import Typist

URL = ("--url", "ws://127.0.0.1:1/ws/notes/default", "--token", "t")


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(electric: Typist) -> None:
    text = "Dear diary, today it rained again.\n" * 100
    Path("diary.txt").write_text(text)
    message = electric.fails("replicate", "diary.txt", *URL, code="not-a-database")
    assert "diary.txt is not a SQLite database: " in message
    assert "Give the path of one" in message
    assert Path("diary.txt").read_text() == text


def test_a_file_of_another_app_is_named_with_both(electric: Typist) -> None:
    electrify("books.db", make_bundle("library", "prod", ()), sync=False).close()
    message = electric.fails("replicate", "books.db", *URL, code="other-app")
    assert "books.db belongs to library/prod, and the bundle to notes/default." in message
    assert "use another file" in message


def test_a_place_where_no_file_can_be_is_named(electric: Typist) -> None:
    message = electric.fails("replicate", "nowhere/notes.db", *URL, code="cannot-open")
    assert "nowhere/notes.db can't be opened for writing: unable to open database file." in message
    assert "whether its folder exists" in message


def test_a_folder_is_no_file(electric: Typist) -> None:
    Path("folder").mkdir()
    said = electric("replicate", "folder", *URL)
    assert (said.status, "'folder' is a directory" in said.err) == (2, True)


def test_an_address_that_is_no_stream_is_shown_one(electric: Typist) -> None:
    words = ("replicate", "notes.db", "--url", "ws://127.0.0.1:1/notes", "--token", "t")
    message = electric.fails(*words, code="bad-url", status=2)
    assert "'ws://127.0.0.1:1/notes' is not the URL of a device stream." in message
    assert "ws://127.0.0.1:5133/ws/<app>/<env>" in message
    assert not Path("notes.db").exists()


def test_without_a_bundle_the_commands_that_write_one_are_told(notes: Typist) -> None:
    assert "`electric sync`" in notes.fails("replicate", "notes.db", code="bundle-not-found")
    notes.migration("items")
    notes.well("build")
    message = notes.fails("replicate", "notes.db", "--token", "t", code="no-url")
    assert "`electric sync`" in message


def test_a_wrong_token_is_told(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    message = deployed.fails(
        "replicate", "notes.db", "--once", "--token", "nonsense", code="unauthorized"
    )
    assert "token" in message


def status(*, connected: bool = False, error: ServiceError | None = None) -> Status:
    return Status(
        connected=connected,
        pending=0,
        cursor=None,
        schema_version=None,
        last_error=error,
    )


def test_the_connection_is_told_when_it_comes_and_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    narrator = _Narrator(Path("notes.db"))
    gone = status(error=ServiceError("draining", "The service is going down.", "Wait."))
    for each in (status(), gone, gone, status(connected=True), status(connected=True), gone):
        narrator.tell(each)
    told = capsys.readouterr()
    assert told.out == "notes.db is connected.\n"
    assert told.err == "The service is going down. Wait.\n" * 2


def test_migrations_and_refusals_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    _tell_migration(Migrated(("20240101000000000_a", "20240102000000000_b"), "20240102000000000_b"))
    _tell_rejection(Rejected(number=7, code="unknown-row", message="It updates a row of notes."))
    told = capsys.readouterr()
    assert told.out == "Migrated to 20240101000000000_a, 20240102000000000_b.\n"
    assert told.err == "Transaction 7 was refused: It updates a row of notes. [unknown-row]\n"
