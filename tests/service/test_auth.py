"""Keys, tokens, and what they open."""

import base64
import itertools
import stat
import time
from pathlib import Path

import jwt
import pytest

from electricsql.errors import ServiceError
from electricsql.limits import TOKEN_CHARS_MAX, TOKEN_TTL_S_MAX
from electricsql.service.auth import ALGORITHM, LEEWAY_S, Auth, Keys, Principal, bearer

NOW_S = int(time.time()) + 3600  # so that what expires then is valid today
KEYS = Keys("admin-" + "a" * 32, "token-" + "t" * 32)


def sign(claims: dict[str, object], *, key: str = KEYS.token, algorithm: str = ALGORITHM) -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def nested_token() -> str:
    """A head that is deeper than the reader of JSON can go."""
    head = base64.urlsafe_b64encode(b"[" * 5_000).decode()
    return f"{head}.e30.AAAA"


def refusal(secret: str | None) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        Auth(KEYS).authenticate(secret)
    assert caught.value.status == 401
    assert not caught.value.definite, "a fresh token may do"
    if secret:
        assert secret not in str(caught.value)
    return caught.value


def test_keys_are_made_once_private_and_long(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    keys = Keys.open(folder)
    assert Keys.open(folder) == keys
    assert keys.admin != keys.token
    for name in ("admin.key", "token.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert len((folder / name).read_text()) >= 43, "256 bits"
    assert sorted(path.name for path in folder.iterdir()) == ["admin.key", "token.key"]
    assert keys.admin not in repr(keys)


def test_a_data_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ServiceError, match="--data-dir") as caught:
        Keys.open(tmp_path / "data")
    assert caught.value.code == "data-dir"


def test_the_admin_key_opens_everything() -> None:
    principal = Auth(KEYS).authenticate(KEYS.admin)
    assert principal == Principal("admin", admin=True)
    principal.require_admin()
    principal.require_environment("any", "thing")


def test_a_token_comes_back_as_its_principal() -> None:
    auth = Auth(KEYS)
    now_s = int(time.time())
    token = auth.issue_token(
        "ann", ttl_s=60, now_s=now_s, claims={"admin": True, "team": [1]}, app="notes", env="live"
    )
    expires_at = now_s + 60 + LEEWAY_S
    assert auth.authenticate(token) == Principal("ann", True, "notes", "live", expires_at)


@pytest.mark.parametrize("claim", ["sub", "exp", "iat", "nbf", "app", "env"])
def test_claims_that_the_service_sets_can_not_be_given(claim: str) -> None:
    with pytest.raises(ServiceError, match=claim):
        Auth(KEYS).issue_token("ann", ttl_s=60, now_s=NOW_S, claims={claim: "x"})


@pytest.mark.parametrize("ttl_s", [0, -1, TOKEN_TTL_S_MAX + 1])
def test_a_token_always_expires_in_time(ttl_s: int) -> None:
    with pytest.raises(ServiceError, match="lives"):
        Auth(KEYS).issue_token("ann", ttl_s=ttl_s, now_s=NOW_S, claims={})


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        (None, "no-token"),
        ("", "no-token"),
        ("nonsense", "bad-token"),
        ("ünïcode", "bad-token"),
        (KEYS.admin[:-1], "bad-token"),
        (sign({"sub": "ann", "exp": 1}), "token-expired"),
        (sign({"sub": "ann"}), "bad-token"),
        (sign({"exp": NOW_S}), "bad-token"),
        (sign({"sub": "ann", "exp": NOW_S}, key="another key, that is long enough"), "bad-token"),
        (sign({"sub": "ann", "exp": NOW_S}, key="k" * 64, algorithm="HS512"), "bad-token"),
        (jwt.encode({"sub": "ann", "exp": NOW_S}, "", algorithm="none"), "bad-token"),
        (sign({"sub": "ann", "exp": NOW_S, "app": 7}), "bad-token"),
        (sign({"sub": "ann", "exp": NOW_S + 10 * TOKEN_TTL_S_MAX}), "bad-token"),
        (sign({"sub": "ann", "exp": float("inf")}), "bad-token"),
        (sign({"sub": "ann", "exp": "soon"}), "bad-token"),
        (sign({"sub": ["ann"], "exp": NOW_S}), "bad-token"),
        (sign({"sub": "ann", "exp": NOW_S, "more": "x" * TOKEN_CHARS_MAX}), "bad-token"),
        (nested_token(), "bad-token"),
    ],
    ids=itertools.count(),
)
def test_what_is_not_valid_here_is_refused(secret: str | None, code: str) -> None:
    assert refusal(secret).code == code


@pytest.mark.parametrize("claim", [1, "true", None])
def test_only_true_makes_an_admin(claim: object) -> None:
    principal = Auth(KEYS).authenticate(sign({"sub": "ann", "exp": NOW_S, "admin": claim}))
    with pytest.raises(ServiceError) as caught:
        principal.require_admin()
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("app", "env", "allowed"),
    [
        (None, None, True),
        ("notes", None, True),
        ("notes", "live", True),
        ("other", None, False),
        ("notes", "test", False),
    ],
)
def test_a_token_may_be_bound(app: str | None, env: str | None, allowed: bool) -> None:
    principal = Principal("ann", False, app, env)
    if allowed:
        principal.require_environment("notes", "live")
    else:
        with pytest.raises(ServiceError, match="another app or environment"):
            principal.require_environment("notes", "live")


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("", None),
        (None, None),
    ],
)
def test_the_secret_in_a_header(header: str | None, secret: str | None) -> None:
    assert bearer(header) == secret
