"""The HTTP API: every route in one table, and what is behind it.

Everything is for admins, but for `whoami` and the document itself. Devices don't use it: their door is
`/ws/{app}/{env}` (`streams.py`).
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from electricsql import __version__
from electricsql.errors import ElectricError, MigrationError, ServiceError
from electricsql.hub import Cluster, Hub, Source
from electricsql.service.auth import Auth
from electricsql.service.bodies import (
    Bundle,
    BundleMigration,
    Confirmation,
    DatabaseUrl,
    DeviceStatus,
    EnvironmentName,
    EnvironmentStatus,
    Migration,
    MigrationDetail,
    Migrations,
    Plan,
    Token,
    TokenRequest,
    WhoAmI,
)
from electricsql.service.environments import Environments
from electricsql.service.http import CONFLICT, Call, Endpoint, Nothing, Refusal, describe
from electricsql.service.openapi import document


@dataclass(frozen=True, slots=True)
class Service:
    """What the endpoints work on."""

    cluster: Cluster
    environments: Environments
    auth: Auth


ServiceCall = Call[Service]


async def list_environments(call: ServiceCall, body: Nothing) -> list[EnvironmentName]:
    names = await call.service.cluster.environments()
    mine = call.principal
    return [
        EnvironmentName(app, env)
        for app, env in names
        if mine.app in (None, app) and mine.env in (None, env)
    ]


async def create_environment(call: ServiceCall, body: EnvironmentName) -> EnvironmentName:
    call.principal.require_environment(body.app, body.env)
    await call.service.cluster.create(body.app, body.env)
    return body


async def environment_status(call: ServiceCall, body: Nothing) -> EnvironmentStatus:
    hub, app, env = await _hub(call), call.path["app"], call.path["env"]
    status = await hub.status()
    running = call.service.environments.at(app, env)
    return EnvironmentStatus(
        app,
        env,
        hub.epoch,
        status.schema_version,
        running.connected if running else 0,
        status.quarantined,
        [
            DeviceStatus(each.device, each.origin, each.number, each.schema_version, each.seen_at)
            for each in status.devices
        ],
    )


async def reset_environment(call: ServiceCall, body: Confirmation) -> EnvironmentName:
    app, env = call.path["app"], call.path["env"]
    if body.confirm != env:
        raise ServiceError(
            "not-confirmed",
            f"A reset deletes all data of {app}/{env}, and was not confirmed.",
            f'Send {{"confirm": "{env}"}} if that is what you want.',
            definite=True,
            status=422,
        )
    await call.service.environments.reset(app, env)
    return EnvironmentName(app, env)


async def database_url(call: ServiceCall, body: Nothing) -> DatabaseUrl:
    app, env = call.path["app"], call.path["env"]
    await _hub(call)
    return DatabaseUrl(call.service.cluster.database_url(app, env))


async def list_migrations(call: ServiceCall, body: Nothing) -> list[Migration]:
    return [
        Migration(each.name, each.title, each.sha256, each.applied_at)
        for each in await (await _hub(call)).migrations()
    ]


async def get_migration(call: ServiceCall, body: Nothing) -> MigrationDetail:
    name = call.path["name"]
    for each in await (await _hub(call)).migrations():
        if each.name == name:
            return MigrationDetail(
                each.name,
                each.title,
                each.sha256,
                each.applied_at,
                each.source,
                list(each.statements),
            )
    raise ServiceError(
        "unknown-migration",
        f"The service has no migration {name}.",
        "`electric migrations list` shows those it has.",
        definite=True,
        status=404,
    )


async def validate_migrations(call: ServiceCall, body: Migrations) -> Plan:
    hub = await _hub(call)
    try:
        plan = await hub.plan(_sources(body))
    except MigrationError as error:
        raise await _explained(hub, body, error) from error
    return Plan([each.name for each in plan.pending], list(plan.postgres))


async def apply_migrations(call: ServiceCall, body: Migrations) -> list[Migration]:
    hub = await _hub(call)
    try:
        await hub.migrate(_sources(body))
    except MigrationError as error:
        raise await _explained(hub, body, error) from error
    running = call.service.environments.at(call.path["app"], call.path["env"])
    if running is not None:
        running.migrated()
    return await list_migrations(call, Nothing())


async def get_bundle(call: ServiceCall, body: Nothing) -> Bundle:
    migrations = await (await _hub(call)).migrations()
    return Bundle(
        call.path["app"],
        call.path["env"],
        migrations[-1].name if migrations else None,
        [BundleMigration(m.name, m.title, m.sha256, list(m.statements)) for m in migrations],
    )


async def issue_token(call: ServiceCall, body: TokenRequest) -> Token:
    mine = call.principal
    app, env = body.app or mine.app, body.env or mine.env
    mine.require_environment(app, env)
    token = call.service.auth.issue_token(
        body.sub,
        ttl_s=body.ttl_s,
        now_s=int(time.time()),
        claims=body.claims,
        app=app,
        env=env,
    )
    return Token(token)


async def whoami(call: ServiceCall, body: Nothing) -> WhoAmI:
    mine = call.principal
    return WhoAmI(mine.subject, mine.admin, mine.app, mine.env, mine.expires_at)


async def openapi(call: ServiceCall, body: Nothing) -> dict[str, Any]:
    return document(ENDPOINTS, version=__version__)


_ENVIRONMENT: Final = "/api/v1/environments/{app}/{env}"
_MIGRATIONS: Final = f"{_ENVIRONMENT}/migrations"

# fmt: off
ENDPOINTS: Final[tuple[Endpoint[Service, Any], ...]] = (
    Endpoint("GET", "/api/v1/environments", "List the environments.",
             list_environments, Nothing, list[EnvironmentName]),
    Endpoint("POST", "/api/v1/environments", "Create an environment; fine if it is there.",
             create_environment, EnvironmentName, EnvironmentName, 201, (413, 422)),
    Endpoint("GET", _ENVIRONMENT, "How an environment is.",
             environment_status, Nothing, EnvironmentStatus, failures=(404,)),
    Endpoint("POST", f"{_ENVIRONMENT}/reset", "Delete all data of an environment.",
             reset_environment, Confirmation, EnvironmentName, failures=(404, 413, 422)),
    Endpoint("GET", f"{_ENVIRONMENT}/database-url", "Where the environment's Postgres is.",
             database_url, Nothing, DatabaseUrl, failures=(404,)),
    Endpoint("GET", _MIGRATIONS, "The migrations that are applied.",
             list_migrations, Nothing, list[Migration], failures=(404,)),
    Endpoint("GET", f"{_MIGRATIONS}/{{name}}", "One of them, with its SQL.",
             get_migration, Nothing, MigrationDetail, failures=(404,)),
    Endpoint("POST", f"{_MIGRATIONS}/validate", "What applying these migrations would do.",
             validate_migrations, Migrations, Plan, failures=(404, 409, 413, 422)),
    Endpoint("POST", _MIGRATIONS, "Apply the new ones among these migrations, all or none.",
             apply_migrations, Migrations, list[Migration], failures=(404, 409, 413, 422)),
    Endpoint("GET", f"{_ENVIRONMENT}/bundle", "The bundle made from the applied migrations.",
             get_bundle, Nothing, Bundle, failures=(404,)),
    Endpoint("POST", "/api/v1/tokens", "Issue a token for a device or an operator.",
             issue_token, TokenRequest, Token, 201, (413, 422)),
    Endpoint("GET", "/api/v1/whoami", "Who the presented key or token belongs to.",
             whoami, Nothing, WhoAmI, for_all=True),
    Endpoint("GET", "/api/v1/openapi.json", "This document.",
             openapi, Nothing, dict[str, Any], for_all=True),
)
# fmt: on


async def _hub(call: ServiceCall) -> Hub:
    return await call.service.cluster.hub(call.path["app"], call.path["env"])


def _sources(body: Migrations) -> list[Source]:
    return [Source(m.name, m.title, m.sha256, m.source) for m in body.migrations]


async def _explained(hub: Hub, body: Migrations, error: MigrationError) -> ElectricError:
    """A migration error; where what was sent doesn't go with what is applied, with both hashes of
    each migration that is at odds (null: that side doesn't have it)."""
    status, _ = describe(error)
    if status != CONFLICT:
        return error
    here = {each.name: each.sha256 for each in body.migrations}
    there = {each.name: each.sha256 for each in await hub.migrations()}
    last = max(there, default="")
    at_odds = [
        {"name": name, "here": here.get(name), "there": there.get(name)}
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name) and name <= last
    ]
    return Refusal(error, status, {"migrations": at_odds})
