"""`auth` and `token`: who one is, and tokens for devices."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from electricsql.cli.credentials import credentials_file
from tests.cli.conftest import Service, Typist


@pytest.fixture
def elsewhere(deployed: Typist, monkeypatch: pytest.MonkeyPatch) -> Typist:
    """The same on a machine that does not know the service's admin key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(deployed.folder.parent / "elsewhere"))
    return deployed


def key(service: Service) -> str:
    return (service.data_dir / "admin.key").read_text()


def claims(token: str) -> Any:  # noqa: ANN401
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_on_the_same_machine_the_admin_key_is_found(deployed: Typist, service: Service) -> None:
    said = deployed.well("auth", "whoami")
    assert said == f"admin (administrator) at {service.url}, by the admin key on this machine\n"
    assert deployed("auth", "whoami", "--json").json()["admin"] is True


def test_a_login_is_kept_private_until_the_logout(elsewhere: Typist, service: Service) -> None:
    assert "auth login" in elsewhere.fails("auth", "whoami", code="no-token")
    elsewhere.well("auth", "login", typed=key(service) + "\n")
    assert stat.S_IMODE(credentials_file().stat().st_mode) == 0o600
    assert f"by {credentials_file()}" in elsewhere.well("auth", "whoami")
    elsewhere.well("sync")
    elsewhere.well("auth", "logout")
    elsewhere.fails("auth", "whoami", code="no-token")
    assert "Nothing was kept" in elsewhere.well("auth", "logout")


def test_a_login_with_a_wrong_token_is_not_kept(elsewhere: Typist) -> None:
    elsewhere.fails("auth", "login", code="bad-token", typed="nonsense\n")
    elsewhere.fails("auth", "login", code="no-token", status=2, typed="\n")
    assert not credentials_file().exists()


def test_a_login_works_outside_of_an_app(
    elsewhere: Typist, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(elsewhere.folder.parent)
    elsewhere.well("auth", "login", "--service", service.url, typed=key(service))
    elsewhere.well("auth", "whoami", "--service", service.url)
    elsewhere.fails("auth", "whoami", code="not-initialised")
    elsewhere.fails("auth", "whoami", "--service", "x", code="bad-service-url", status=2)


def test_the_environments_token_comes_first(
    elsewhere: Typist, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.well("auth", "login", typed=key(service))
    monkeypatch.setenv("ELECTRIC_TOKEN", "nonsense")
    elsewhere.fails("auth", "whoami", code="bad-token")
    monkeypatch.setenv("ELECTRIC_TOKEN", key(service))
    assert "by $ELECTRIC_TOKEN" in elsewhere.well("auth", "whoami")


def test_credentials_that_can_not_be_kept_are_explained(
    elsewhere: Typist, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    elsewhere.fails("auth", "login", code="cannot-write", typed=key(service))


def test_a_broken_credentials_file_holds_nothing(elsewhere: Typist) -> None:
    credentials_file().parent.mkdir(parents=True)
    for content in ("{", "[]", '{"http://x": 7}'):
        credentials_file().write_text(content)
        elsewhere.fails("auth", "whoami", code="no-token")


def test_a_token_is_for_one_user_and_one_environment(deployed: Typist) -> None:
    app = deployed("config", "show").json()["app"]
    options = ("--sub", "ann", "--claims", '{"team": "blue"}', "--ttl", "7d")
    token = deployed.well("token", "new", *options).strip()
    found = claims(token)
    assert (found["sub"], found["team"], found["app"], found["env"]) == (
        "ann",
        "blue",
        app,
        "default",
    )
    assert found["exp"] - found["iat"] == 7 * 86_400


def test_a_devices_token_may_not_administer(
    deployed: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELECTRIC_TOKEN", deployed.well("token", "new", "--sub", "ann").strip())
    assert deployed.well("auth", "whoami").startswith("ann (device)")
    deployed.fails("status", code="forbidden")


@pytest.mark.parametrize(
    ("options", "code", "status"),
    [
        (("--claims", "["), "bad-claims", 2),
        (("--claims", "[]"), "bad-claims", 2),
        (("--ttl", "soon"), "bad-ttl", 2),
        (("--ttl", "0d"), "bad-ttl", 2),
        (("--ttl", "9999d"), "bad-request", 1),
        (("--claims", '{"sub": "eve"}'), "bad-request", 1),
        (("--env", "prod"), "environment-not-configured", 2),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(
    deployed: Typist, options: tuple[str, str], code: str, status: int
) -> None:
    deployed.fails("token", "new", "--sub", "ann", *options, code=code, status=status)
