"""Who is asking: the admin key, and tokens (JWTs) for devices and operators.

Both keys are 256 random bits, made at the first start, in files that only the service's user can
read. A token names its user (`sub`) and always expires; it may be bound to an app and an
environment, and only one with the claim `admin` opens the HTTP API.

Rule 1: a key is compared in constant time, and nothing secret gets into an error or a log.
Rule 2: a key goes with one algorithm; what a token's header says about it is only checked against
        that.
"""

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt

from electricsql.errors import ServiceError
from electricsql.limits import TOKEN_CHARS_MAX, TOKEN_TTL_S_MAX
from electricsql.service.discovery import ADMIN_KEY_FILE, TOKEN_KEY_FILE, write_private

ALGORITHM: Final = "HS256"
LEEWAY_S: Final = 10  # clocks of a service and of whoever issued the token
RESERVED_CLAIMS: Final = frozenset({"sub", "app", "env", "exp", "iat", "nbf"})
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """The service's secrets."""

    admin: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def open(cls, data_dir: Path) -> "Keys":
        """Read the keys of a data folder; make them when they are missing.

        Raises:
            ServiceError: the folder can't be read or written.
        """
        try:
            return cls(_key(data_dir / ADMIN_KEY_FILE), _key(data_dir / TOKEN_KEY_FILE))
        except OSError as error:
            raise ServiceError(
                "data-dir",
                f"The data folder {data_dir} can't be used: {error.strerror}.",
                "Give a folder that this user can write with --data-dir.",
            ) from None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what for. `app` and `env` are None where any will do; `expires_at` is in
    seconds since 1970, None for the admin key."""

    subject: str
    admin: bool
    app: str | None = None
    env: str | None = None
    expires_at: int | None = None

    def require_admin(self) -> None:
        """
        Raises:
            ServiceError: 403, this is a device's token.
        """
        if not self.admin:
            raise ServiceError(
                "forbidden",
                "This token may not administer the service.",
                "Use the admin key, or a token with the claim admin.",
                definite=True,
                status=403,
            )

    def require_environment(self, app: str | None, env: str | None) -> None:
        """
        Raises:
            ServiceError: 403, the token is for another app or environment.
        """
        if self.app not in (None, app) or self.env not in (None, env):
            raise ServiceError(
                "forbidden",
                "This token is for another app or environment.",
                "Use a token that was issued for this one.",
                definite=True,
                status=403,
            )


class Auth:
    """Checks what callers present, and issues tokens."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def authenticate(self, secret: str | None) -> Principal:
        """Whose secret this is: the admin key, or a token.

        Raises:
            ServiceError: 401, it is missing, wrong or expired. Never definite: a fresh one may do.
        """
        if not secret:
            raise _unauthorized("no-token", "No token was given.")
        if len(secret) > TOKEN_CHARS_MAX:
            raise _unauthorized("bad-token", f"A token has at most {TOKEN_CHARS_MAX} characters.")
        if hmac.compare_digest(secret.encode(), self._keys.admin.encode()):
            return Principal("admin", admin=True)
        try:
            claims = jwt.decode(
                secret,
                self._keys.token,
                algorithms=[ALGORITHM],
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub"], "verify_aud": False, "verify_iss": False},
            )
        except jwt.ExpiredSignatureError:
            raise _unauthorized("token-expired", "The token has expired.") from None
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
            raise _unauthorized("bad-token", "The token or key is not valid here.") from None
        return _principal(claims, now_s=int(time.time()))

    def issue_token(
        self,
        subject: str,
        *,
        ttl_s: int,
        now_s: int,
        claims: Mapping[str, object],
        app: str | None = None,
        env: str | None = None,
    ) -> str:
        """A token for `subject` that expires after `ttl_s` seconds, with further claims.

        Raises:
            ServiceError: 422, the claims or the time to live are not acceptable.
        """
        reserved = sorted(RESERVED_CLAIMS & claims.keys())
        if reserved:
            raise _unacceptable(f"The claim {reserved[0]!r} can't be given: it is set here.")
        if not 1 <= ttl_s <= TOKEN_TTL_S_MAX:
            raise _unacceptable(f"A token lives from 1 to {TOKEN_TTL_S_MAX} seconds.")
        bound = {name: value for name, value in (("app", app), ("env", env)) if value is not None}
        payload = {**claims, **bound, "sub": subject, "iat": now_s, "exp": now_s + ttl_s}
        return jwt.encode(payload, self._keys.token, algorithm=ALGORITHM)


def bearer(authorization: str | None) -> str | None:
    """The secret in an Authorization header, if it has one."""
    scheme, _, secret = (authorization or "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def _principal(claims: Mapping[str, Any], now_s: int) -> Principal:
    app, env = claims.get("app"), claims.get("env")
    if not isinstance(app, str | None) or not isinstance(env, str | None):
        raise _unauthorized("bad-token", "The token's claims app and env are not names.")
    expires_at = int(claims["exp"]) + LEEWAY_S
    if expires_at - now_s > TOKEN_TTL_S_MAX + 2 * LEEWAY_S:
        days = TOKEN_TTL_S_MAX // (24 * 3600)
        raise _unauthorized("bad-token", f"The token lives for longer than {days} days.")
    return Principal(
        str(claims["sub"]),
        admin=claims.get("admin") is True,
        app=app,
        env=env,
        expires_at=expires_at,
    )


def _key(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(_KEY_BYTES).encode(), replace=False)
    return path.read_text().strip()


def _unauthorized(code: str, problem: str) -> ServiceError:
    return ServiceError(code, problem, "Present the admin key or a fresh token.", status=401)


def _unacceptable(problem: str) -> ServiceError:
    return ServiceError("bad-request", problem, "See /api/v1/openapi.json.", status=422)
