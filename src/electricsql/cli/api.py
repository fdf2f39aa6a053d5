"""The service's HTTP API, as the command line uses it.

A refusal of the service is raised here with the service's own code and sentences.
"""

import http.client
import json
from collections.abc import Iterable
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from electricsql.cli.credentials import credential_for
from electricsql.errors import ServiceError
from electricsql.migrations import Bundle, Source
from electricsql.service.bodies import (
    DatabaseUrl,
    EnvironmentName,
    EnvironmentStatus,
    Migration,
    MigrationDetail,
    Plan,
    QuarantinedDetail,
    QuarantinedTransaction,
    Token,
    WhoAmI,
)

_ANSWER_S_MAX: Final = 600.0  # a migration of a large table takes its time
_CONNECT_S_MAX: Final = 10.0
_REFUSED: Final = 400  # statuses from here on are refusals
_UNAUTHORIZED: Final = 401
Answer = TypeVar("Answer")


class Problem(msgspec.Struct):
    """The body of a refusal."""

    code: str
    problem: str
    remedy: str = ""
    details: dict[str, Any] = {}


class Refused(ServiceError):
    """The service said no; `details` are for programs."""

    def __init__(self, problem: Problem, status: int) -> None:
        definite = status not in (_UNAUTHORIZED, 500, 503)
        super().__init__(
            problem.code, problem.problem, problem.remedy, definite=definite, status=status
        )
        self.details: Final = problem.details


class Api:
    """A service, and what we show to it (by default what `credentials.py` finds).

    Raises:
        ServiceError: `bad-token`: it can't be one.
    """

    def __init__(self, url: str, secret: str | None = None) -> None:
        self.url: Final = url
        if secret is None:
            credential = credential_for(url)
            secret = credential.secret if credential else None
        if secret is not None and not (secret.isascii() and secret.isprintable()):
            raise ServiceError(
                "bad-token",
                "The token has characters that no token has.",
                "Copy it again, without line breaks.",
                definite=True,
            )
        self._secret = secret

    def whoami(self) -> WhoAmI:
        return self.call("GET", "/whoami", WhoAmI)

    def issue_token(self, request: dict[str, object]) -> str:
        return self.call("POST", "/tokens", Token, request).token

    def environment(self, app: str, env: str) -> "EnvironmentApi":
        """One environment of it."""
        return EnvironmentApi(self, app, env)

    def call(self, method: str, path: str, answer: type[Answer], body: object = None) -> Answer:
        """One request under /api/v1.

        Raises:
            ServiceError: `service-unreachable`, `not-a-service`; `Refused` with the service's code.
        """
        status, content = self._exchange(method, path, body)
        try:
            if status < _REFUSED:
                return msgspec.json.decode(content, type=answer)
            problem = msgspec.json.decode(content, type=Problem)
        except (msgspec.ValidationError, msgspec.DecodeError):
            raise ServiceError(
                "not-a-service",
                f"What answers at {self.url} (status {status}) is not an electric service.",
                "Correct the address with `electric config update_env ENV --service URL`.",
            ) from None
        if status == _UNAUTHORIZED:
            problem.remedy = "Log in with `electric auth login`, or set ELECTRIC_TOKEN."
        raise Refused(problem, status)

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=_CONNECT_S_MAX)
        headers = {"Accept": "application/json"}
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        data = None if body is None else json.dumps(body).encode()
        try:
            connection.connect()
            connection.sock.settimeout(_ANSWER_S_MAX)
            connection.request(method, f"{parts.path}/api/v1{path}", data, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ServiceError(
                "service-unreachable",
                f"The service at {self.url} can't be reached: {why}.",
                "Start it with `electric start`, or set its address with"
                " `electric config update_env ENV --service URL`.",
            ) from None
        finally:
            connection.close()


class EnvironmentApi:
    """One environment of a service."""

    def __init__(self, api: Api, app: str, env: str) -> None:
        self.url: Final = api.url
        self._app, self._env = app, env
        self._path = f"/environments/{quote(app, safe='')}/{quote(env, safe='')}"
        self.call: Final = api.call

    def create(self) -> None:
        """Create it; fine if it is there."""
        body = {"app": self._app, "env": self._env}
        self.call("POST", "/environments", EnvironmentName, body)

    def status(self) -> EnvironmentStatus:
        return self.call("GET", self._path, EnvironmentStatus)

    def reset(self) -> None:
        """Delete all its data."""
        self.call("POST", f"{self._path}/reset", EnvironmentName, {"confirm": self._env})

    def quarantine(self) -> list[QuarantinedTransaction]:
        """What waits, the oldest first, and then what was decided about."""
        return self.call("GET", f"{self._path}/quarantine", list[QuarantinedTransaction])

    def quarantined(self, id: str) -> QuarantinedDetail:
        """One of them, with its rows."""
        return self.call("GET", self._quarantined(id), QuarantinedDetail)

    def retry(self, id: str) -> QuarantinedTransaction:
        """Merge it again."""
        return self.call("POST", f"{self._quarantined(id)}/retry", QuarantinedTransaction)

    def discard(self, id: str) -> QuarantinedTransaction:
        """Give it up."""
        path, body = f"{self._quarantined(id)}/discard", {"confirm": id}
        return self.call("POST", path, QuarantinedTransaction, body)

    def _quarantined(self, id: str) -> str:
        return f"{self._path}/quarantine/{quote(id, safe='')}"

    def database_url(self) -> str:
        return self.call("GET", f"{self._path}/database-url", DatabaseUrl).url

    def migrations(self) -> list[Migration]:
        """What is applied, in order."""
        return self.call("GET", f"{self._path}/migrations", list[Migration])

    def migration(self, name: str) -> MigrationDetail:
        path = f"{self._path}/migrations/{quote(name, safe='')}"
        return self.call("GET", path, MigrationDetail)

    def validate(self, sources: Iterable[Source]) -> Plan:
        """What `apply` would do."""
        return self.call("POST", f"{self._path}/migrations/validate", Plan, _uploaded(sources))

    def apply(self, sources: Iterable[Source]) -> list[Migration]:
        """Apply what is new, all or none."""
        return self.call("POST", f"{self._path}/migrations", list[Migration], _uploaded(sources))

    def bundle(self) -> Bundle:
        """What an app ships, made from the applied migrations."""
        return self.call("GET", f"{self._path}/bundle", Bundle)


def _uploaded(sources: Iterable[Source]) -> dict[str, object]:
    keys = ("name", "title", "sha256")
    return {
        "migrations": [
            {**{key: getattr(each, key) for key in keys}, "source": each.sql} for each in sources
        ]
    }
