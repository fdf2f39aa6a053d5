"""`config`: electric.json shown and changed."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Typist


def shown(electric: Typist) -> Any:  # noqa: ANN401
    return electric("config", "show").json()


def test_show_prints_the_file(notes: Typist) -> None:
    assert notes.well("config", "show") == Path("electric.json").read_text()


def test_update_changes_what_is_given(notes: Typist) -> None:
    before = shown(notes)
    notes.well("config", "update", "--app", "todo", "--migrations-dir", "db", "--output-dir", "gen")
    changes = {"app": "todo", "migrationsDir": "db", "outputDir": "gen"}
    assert shown(notes) == before | changes
    notes.well("config", "update", "--service", "http://10.0.0.1:80")
    assert shown(notes)["environments"] == {"default": {"service": "http://10.0.0.1:80"}}


def test_environments_come_and_go(notes: Typist) -> None:
    notes.well("config", "add_env", "prod", "--service", "https://example.com")
    notes.well("config", "update_env", "prod", "--service", "https://example.org/")
    assert shown(notes)["environments"]["prod"] == {"service": "https://example.org"}
    notes.well("config", "update", "--env", "prod")
    assert shown(notes)["defaultEnv"] == "prod"
    notes.well("config", "remove_env", "default")
    assert list(shown(notes)["environments"]) == ["prod"]


def test_the_links_follow_the_default_environment(notes: Typist) -> None:
    notes.well("build")
    notes.well("config", "add_env", "prod")
    notes.well("config", "update", "--env", "prod")
    assert os.readlink(".electric/@config") == "notes/prod"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("update --env prod", "environment-not-configured"),
        ("update --app No", "bad-name"),
        ("update --service x", "bad-service-url"),
        ("add_env default", "environment-configured"),
        ("add_env No", "bad-name"),
        ("update_env prod --service http://x", "environment-not-configured"),
        ("update_env default --service x", "bad-service-url"),
        ("remove_env prod", "environment-not-configured"),
        ("remove_env default", "default-environment"),
    ],
)
def test_what_makes_no_sense_is_refused(notes: Typist, words: str, code: str) -> None:
    before = notes.files()
    notes.fails("config", *words.split(), code=code, status=2)
    assert notes.files() == before


def test_a_full_disk_leaves_electric_json(notes: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    before = notes.files()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    message = notes.fails("config", "add_env", "prod", code="cannot-write")
    assert "electric.json can't be written: No space left on device" in message
    assert notes.files() == before
