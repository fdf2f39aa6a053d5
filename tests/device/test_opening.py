"""What `electrify` is to open, and where it is served: found, or said what is missing."""

import json
from pathlib import Path

import pytest

from electricsql.device.opening import find_bundle, stream_url, token_source
from electricsql.errors import DeviceError, ProjectError
from electricsql.migrations import Bundle, bundle_json, make_bundle
from tests.device.files import NOTES, bundle


def at(service: str | None, env: str = "default") -> Bundle:
    return make_bundle("shop", env, bundle(NOTES).migrations, service)


def initialise(folder: Path, config: object) -> None:
    """An app's folder as the commands leave it, with this electric.json."""
    folder.joinpath("electric.json").write_text(json.dumps(config))


def place(folder: Path) -> Path:
    """A folder with a bundle, as an environment's."""
    folder.mkdir(parents=True)
    folder.joinpath("bundle.json").write_text(bundle_json(at(None)))
    return folder


def test_a_bundle_may_be_given_as_itself_its_content_its_file_or_its_folder(
    tmp_path: Path,
) -> None:
    folder = place(tmp_path / "env")
    content = json.loads(bundle_json(at(None)))
    for source in (at(None), content, folder, str(folder), folder / "bundle.json"):
        assert find_bundle(source) == at(None)


@pytest.mark.parametrize("config", [{}, {"outputDir": "generated"}])
def test_the_bundle_is_found_from_the_folder_the_program_runs_in_upward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, str]
) -> None:
    initialise(tmp_path, config)
    place(tmp_path / config.get("outputDir", ".electric") / "@config")
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_bundle(None) == at(None)


def test_no_app_around_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError) as raised:
        find_bundle(None)
    assert raised.value.code == "not-initialised"
    assert str(tmp_path) in raised.value.problem


@pytest.mark.parametrize("content", ["", "[]", "{", "\0"])
def test_a_broken_config_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    tmp_path.joinpath("electric.json").write_text(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError) as raised:
        find_bundle(None)
    assert raised.value.code == "bad-config"


def test_an_app_that_was_never_built_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(tmp_path, {})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError) as raised:
        find_bundle(None)
    assert raised.value.code == "bundle-not-found"
    assert "electric build" in raised.value.remedy


@pytest.mark.parametrize("content", [{}, {"app": 1}, {"app": "a", "env": "b", "migrations": [1]}])
def test_what_is_not_a_bundle_is_said(content: dict[str, object]) -> None:
    with pytest.raises(ProjectError) as raised:
        find_bundle(content)
    assert raised.value.code == "bad-bundle"


@pytest.mark.parametrize(
    ("service", "stream"),
    [
        ("http://127.0.0.1:5133", "ws://127.0.0.1:5133/ws/shop/default"),
        ("https://example.org/sync/", "wss://example.org/sync/ws/shop/default"),
    ],
)
def test_the_stream_is_where_the_bundle_is_served(service: str, stream: str) -> None:
    assert stream_url(at(service), None) == stream


def test_a_url_that_is_given_counts_more_than_the_bundles() -> None:
    given = "wss://elsewhere.example/ws/shop/test"
    assert stream_url(at("http://127.0.0.1:5133"), given) == given
    assert stream_url(at(None), given.replace("wss", "https")) == given


@pytest.mark.parametrize("unserved", [at(None), at("http://127.0.0.1:5133", "local")])
def test_a_bundle_that_was_only_built_has_no_stream(unserved: Bundle) -> None:
    with pytest.raises(DeviceError) as raised:
        stream_url(unserved, None)
    assert raised.value.code == "no-url"
    assert "electric sync" in raised.value.remedy


@pytest.mark.parametrize(
    "url",
    [
        "",
        "notes",
        "ftp://h/ws/a/b",
        "ws:///ws/a/b",
        "ws://[::1/ws/a/b",
        "ws://h:port/ws/a/b",
        "ws://:1/",
    ],
)
def test_what_is_not_the_url_of_a_stream_is_said(url: str) -> None:
    with pytest.raises(DeviceError) as raised:
        stream_url(at(None), url)
    assert raised.value.code == "bad-url"


def test_a_token_is_given_or_made_for_each_connection_or_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = iter(["first", "second"])
    fresh = token_source(lambda: next(tokens))
    assert (fresh(), fresh()) == ("first", "second")
    assert token_source("given")() == "given"
    monkeypatch.setenv("ELECTRIC_DEVICE_TOKEN", "of the environment")
    assert token_source(None)() == "of the environment"
    assert token_source("")() == ""
    monkeypatch.delenv("ELECTRIC_DEVICE_TOKEN")
    assert token_source(None)() == ""
