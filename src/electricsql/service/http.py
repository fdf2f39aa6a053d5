"""One endpoint of the HTTP API as a value, and how a request becomes a call of it.

The table of endpoints (`endpoints.py`) is the only place where a route is named: requests are
dispatched by it, and the OpenAPI document (`openapi.py`) is made from it.

Bodies are msgspec structs, read strictly: unknown fields, wrong types and bodies over the limit are
refused. Every failure is answered by a `Problem`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from electricsql.errors import (
    ElectricError,
    MigrationError,
    PostgresError,
    ProtocolError,
    ServiceError,
)
from electricsql.hub import Cluster
from electricsql.limits import REQUEST_BYTES_MAX
from electricsql.service.auth import Auth, Principal, bearer
from electricsql.service.environments import Environments

_log = structlog.get_logger("electric.http")
_encoder = msgspec.json.Encoder()
CONFLICT: Final = 409
_CONFLICTS: Final = frozenset({"applied-migration-changed", "out-of-order", "migration-missing"})


class Problem(msgspec.Struct, omit_defaults=True):
    """Why a request failed: a stable code, one sentence on what went wrong, one on what to do."""

    code: str
    problem: str
    remedy: str
    details: dict[str, Any] | None = None  # each code has its own; docs/http-api.md lists them


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty body."""


Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Service:
    """What calls work on."""

    cluster: Cluster
    environments: Environments
    auth: Auth


@dataclass(frozen=True, slots=True)
class Call(Generic[Body]):
    """A request that was let in: who asks, what the path names, and the body."""

    service: Service
    principal: Principal
    path: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Body]):
    """A route: what it takes and gives, and the function behind it, whose docstring is the summary.

    `for_all` lets in every valid token; else the caller has to be an admin. `failures` are the
    statuses it answers besides 401, 403 and 503.
    """

    method: str
    path: str
    handler: Callable[[Call[Body]], Awaitable[object]]
    body: type[Body]
    answer: Any
    status: int = 200
    failures: tuple[int, ...] = ()
    for_all: bool = False

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def summary(self) -> str:
        return self.handler.__doc__ or ""


class Refusal(ServiceError):
    """A `ServiceError` with details that a program can read."""

    def __init__(self, error: ElectricError, status: int, details: dict[str, Any]) -> None:
        super().__init__(error.code, error.problem, error.remedy, definite=True, status=status)
        self.details: Final = details


def route(service: Service, endpoint: Endpoint[Any]) -> Callable[[Request], Awaitable[Response]]:
    """The Starlette endpoint of one of ours: authenticates, reads the body, answers."""
    decoder = msgspec.json.Decoder(endpoint.body, strict=True)

    async def answer(request: Request) -> Response:
        try:
            principal = _admit(service.auth, endpoint, request)
            body = decoder.decode(await _read(request) or b"{}")
            call = Call(service, principal, dict(request.path_params), body)
            return json_response(await endpoint.handler(call), endpoint.status)
        except Exception as error:
            return problem_response(error)

    return answer


def _admit(auth: Auth, endpoint: Endpoint[Any], request: Request) -> Principal:
    principal = auth.authenticate(bearer(request.headers.get("authorization")))
    if not endpoint.for_all:
        principal.require_admin()
    path = request.path_params
    if "app" in path:
        principal.require_environment(path["app"], path.get("env"))
    return principal


def json_response(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(_encoder.encode(value), status, media_type="application/json")


def problem_response(error: Exception) -> Response:
    """Any exception as the answer it deserves. What is not ours is logged, and not told."""
    status, problem = describe(error)
    if status == 500:
        _log.error("request failed", exc_info=error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(_encoder.encode(problem), status, headers, media_type="application/json")


def describe(error: Exception) -> tuple[int, Problem]:
    """The status and the body that an exception is answered with."""
    match error:
        case Refusal():
            return error.status, Problem(error.code, error.problem, error.remedy, error.details)
        case ServiceError() if error.status:
            status = error.status
        case PostgresError():
            status = 503
        case MigrationError():
            status = CONFLICT if error.code in _CONFLICTS else 422
        case ProtocolError():
            status = 400
        case ElectricError():
            status = 422
        case msgspec.DecodeError() | UnicodeError() | RecursionError():
            remedy = "See /api/v1/openapi.json."
            return 422, Problem("bad-request", f"The body can't be read: {error}.", remedy)
        case ClientDisconnect():  # nobody is there to read it
            return 400, Problem("cut-off", "The body did not come whole.", "Send it again.")
        case HTTPException():
            code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
            return error.status_code, Problem(code, f"{error.detail}.", "See /api/v1/openapi.json.")
        case _:
            return 500, Problem("failed", "The service failed at this request.", "See its log.")
    return status, Problem(error.code, error.problem, error.remedy)


async def _read(request: Request) -> bytes:
    """The body, as far as it is allowed to be.

    Raises:
        ServiceError: 413, it is over the limit.
    """
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if not declared.isdecimal() or int(declared) <= REQUEST_BYTES_MAX:
        async for chunk in request.stream():
            body += chunk
            if len(body) > REQUEST_BYTES_MAX:
                break
        else:
            return bytes(body)
    raise ServiceError(
        "too-large",
        f"The body is over the limit of {REQUEST_BYTES_MAX} bytes.",
        "Send less at once.",
        definite=True,
        status=413,
    )
