"""`init`, electric.json, and what is said about a bad one."""

import json
from pathlib import Path

import msgspec
import pytest

from electricsql.cli.project import NAME
from electricsql.service.bodies import EnvironmentName
from tests.cli.conftest import Typist


def test_init_writes_electric_json_and_migrations(electric: Typist) -> None:
    electric.well("init", "notes")
    assert json.loads(Path("electric.json").read_text()) == {
        "app": "notes",
        "defaultEnv": "default",
        "migrationsDir": "migrations",
        "outputDir": ".electric",
        "environments": {"default": {"service": "http://127.0.0.1:5133"}},
    }
    assert Path("migrations").is_dir()


def test_init_takes_other_folders_and_another_service(electric: Typist) -> None:
    options = ("--env", "prod", "--service", "https://example.com/", "--migrations-dir", "db/m")
    electric.well("init", "notes", *options, "--output-dir", "gen")
    electric.migration("first")
    electric.well("build")
    assert Path("gen/notes/prod/bundle.json").is_file()
    config = json.loads(Path("electric.json").read_text())
    assert config["environments"] == {"prod": {"service": "https://example.com"}}


def test_init_leaves_an_app_that_is_there(notes: Typist) -> None:
    before = notes.files()
    assert "already" in notes.fails("init", "other", code="already-initialised")
    assert notes.files() == before


@pytest.mark.parametrize("name", ["", "Notes", "1st", "a b", "x" * 32, "ü", "a/b"])
def test_a_name_that_the_service_would_refuse_is_refused(electric: Typist, name: str) -> None:
    assert repr(name) in electric.fails("init", name, code="bad-name", status=2)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"app": name, "env": "default"}, EnvironmentName)
    assert electric.files() == {}


def test_names_are_the_services() -> None:
    assert f"^{NAME}$" in str(EnvironmentName.__annotations__["app"])


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:5133", "ftp://x", "http://", "http://a:b", "http://u:p@x"]
)
def test_an_address_that_is_none_is_refused(electric: Typist, url: str) -> None:
    electric.fails("init", "notes", "--service", url, code="bad-service-url", status=2)


def test_outside_an_app_the_commands_say_how_to_begin(electric: Typist) -> None:
    assert "`electric init APP`" in electric.fails("build", code="not-initialised")


def test_an_app_is_found_from_below(notes: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    below = notes.folder / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    notes.well("build")
    assert (notes.folder / ".electric/notes/default/index.js").is_file()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1 column 1"),
        ('{"app": "notes",\n oops}', "line 2 column 2"),
        ("[]", "Expected `object`"),
        ('{"app": 7, "environments": {}}', "`$.app`"),
        ('{"app": "notes"}', "`environments`"),
        ('{"app": "notes", "environments": {}, "typo": 1}', "`typo`"),
        ('{"app": "notes", "environments": {}}', "'default' as defaultEnv"),
        ('{"app": "No", "environments": {"default": {}}}', "'No'"),
        ('{"app": "notes", "environments": {"default": {"service": "x"}}}', "'x'"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_bad_electric_json_is_explained(electric: Typist, content: str, says: str) -> None:
    Path("electric.json").write_text(content)
    message = electric.fails("build", code="bad-config")
    assert says in message
    assert "electric.json" in message


def test_an_electric_json_that_is_not_text_is_explained(electric: Typist) -> None:
    Path("electric.json").write_bytes(b'{"app": "\xff"}')
    assert "UTF-8" in electric.fails("build", code="bad-config")
