"""The HTTP API: every route in one table, and what is behind it.

Everything is for admins, but for `whoami` and the document itself. Devices don't use it: their door
is `/ws/{app}/{env}` (`streams.py`).
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from electricsql import __version__
from electricsql.errors import ElectricError, MigrationError, ServiceError
from electricsql.hub import Hub, HubMigration, Source
from electricsql.service.bodies import (
    Bundle,
    BundleMigration,
    Confirmation,
    DatabaseUrl,
    DeviceStatus,
    Drift,
    EnvironmentName,
    EnvironmentStatus,
    Migration,
    MigrationDetail,
    Migrations,
    Plan,
    QuarantinedDetail,
    QuarantinedTransaction,
    Token,
    TokenRequest,
    WhoAmI,
)
from electricsql.service.checking import checked
from electricsql.service.http import CONFLICT, Call, Endpoint, Nothing, Refusal, describe
from electricsql.service.openapi import document
from electricsql.service.quarantine import (
    discard_quarantined,
    get_quarantined,
    list_quarantine,
    retry_quarantined,
)


async def list_environments(call: Call[Nothing]) -> list[EnvironmentName]:
    """List the environments."""
    names = await call.service.cluster.environments()
    mine = call.principal
    return [
        EnvironmentName(app, env)
        for app, env in names
        if mine.app in (None, app) and mine.env in (None, env)
    ]


async def create_environment(call: Call[EnvironmentName]) -> EnvironmentName:
    """Create an environment; fine if it is there."""
    call.principal.require_environment(call.body.app, call.body.env)
    await call.service.cluster.create(call.body.app, call.body.env)
    return call.body


async def environment_status(call: Call[Nothing]) -> EnvironmentStatus:
    """How an environment is."""
    hub, app, env = await _hub(call), call.path["app"], call.path["env"]
    running = call.service.environments.at(app, env)
    if running is not None:
        await running.record_applied()
    status = await hub.status()
    return EnvironmentStatus(
        app,
        env,
        hub.epoch,
        status.schema_version,
        running.connected if running else 0,
        status.quarantined,
        [
            DeviceStatus(**{name: getattr(each, name) for name in DeviceStatus.__struct_fields__})
            for each in status.devices
        ],
        [Drift(d.table, d.problem, d.remedy, d.breaks, d.since) for d in status.drift],
    )


async def reset_environment(call: Call[Confirmation]) -> EnvironmentName:
    """Delete all data of an environment."""
    app, env = call.path["app"], call.path["env"]
    if call.body.confirm != env:
        raise ServiceError(
            "not-confirmed",
            f"A reset deletes all data of {app}/{env}, and was not confirmed.",
            f'Send {{"confirm": "{env}"}} if that is what you want.',
            definite=True,
            status=422,
        )
    await call.service.environments.reset(app, env)
    return EnvironmentName(app, env)


async def database_url(call: Call[Nothing]) -> DatabaseUrl:
    """Where the environment's Postgres is."""
    app, env = call.path["app"], call.path["env"]
    await _hub(call)
    return DatabaseUrl(call.service.cluster.database_url(app, env))


async def list_migrations(call: Call[Nothing]) -> list[Migration]:
    """The migrations that are applied."""
    return _listed(await (await _hub(call)).migrations())


async def get_migration(call: Call[Nothing]) -> MigrationDetail:
    """One of them, with its SQL."""
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
                each.additive,
                each.lens,
            )
    raise ServiceError(
        "unknown-migration",
        f"The service has no migration {name}.",
        "`electric migrations list` shows those it has.",
        definite=True,
        status=404,
    )


async def validate_migrations(call: Call[Migrations]) -> Plan:
    """What applying these migrations would do."""
    hub = await _hub(call)
    try:
        warnings = await checked(hub, _sources(call.body))
        plan = await hub.plan(_sources(call.body))
    except MigrationError as error:
        raise await _explained(hub, call.body, error) from error
    return Plan(list(plan.pending), list(plan.postgres), warnings)


async def apply_migrations(call: Call[Migrations]) -> list[Migration]:
    """Apply the new ones among these migrations, all or none."""
    hub = await _hub(call)
    try:
        await checked(hub, _sources(call.body))
        await hub.migrate(_sources(call.body))
    except MigrationError as error:
        raise await _explained(hub, call.body, error) from error
    running = call.service.environments.at(call.path["app"], call.path["env"])
    if running is not None:
        running.changed()
    return _listed(await hub.migrations())


async def get_bundle(call: Call[Nothing]) -> Bundle:
    """The bundle made from the applied migrations."""
    migrations = await (await _hub(call)).migrations()
    return Bundle(
        call.path["app"],
        call.path["env"],
        migrations[-1].name if migrations else None,
        [
            BundleMigration(m.name, m.title, m.sha256, list(m.statements), m.additive, m.lens)
            for m in migrations
        ],
    )


async def issue_token(call: Call[TokenRequest]) -> Token:
    """Issue a token for a device or an operator."""
    mine = call.principal
    app, env = call.body.app or mine.app, call.body.env or mine.env
    mine.require_environment(app, env)
    token = call.service.auth.issue_token(
        call.body.sub,
        ttl_s=call.body.ttl_s,
        now_s=int(time.time()),
        claims=call.body.claims,
        app=app,
        env=env,
    )
    return Token(token)


async def whoami(call: Call[Nothing]) -> WhoAmI:
    """Who the presented key or token belongs to."""
    mine = call.principal
    return WhoAmI(mine.subject, mine.admin, mine.app, mine.env, mine.expires_at)


async def openapi(_: Call[Nothing]) -> dict[str, Any]:
    """This document."""
    return document(ENDPOINTS, version=__version__)


_ENVIRONMENT: Final = "/api/v1/environments/{app}/{env}"
_MIGRATIONS: Final = f"{_ENVIRONMENT}/migrations"
_QUARANTINE: Final = f"{_ENVIRONMENT}/quarantine"

# fmt: off
ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint("GET", "/api/v1/environments",
             list_environments, Nothing, list[EnvironmentName]),
    Endpoint("POST", "/api/v1/environments",
             create_environment, EnvironmentName, EnvironmentName, 201, (413, 422)),
    Endpoint("GET", _ENVIRONMENT,
             environment_status, Nothing, EnvironmentStatus, failures=(404,)),
    Endpoint("POST", f"{_ENVIRONMENT}/reset",
             reset_environment, Confirmation, EnvironmentName, failures=(404, 413, 422)),
    Endpoint("GET", f"{_ENVIRONMENT}/database-url",
             database_url, Nothing, DatabaseUrl, failures=(404,)),
    Endpoint("GET", _MIGRATIONS,
             list_migrations, Nothing, list[Migration], failures=(404,)),
    Endpoint("GET", f"{_MIGRATIONS}/{{name}}",
             get_migration, Nothing, MigrationDetail, failures=(404,)),
    Endpoint("POST", f"{_MIGRATIONS}/validate",
             validate_migrations, Migrations, Plan, failures=(404, 409, 413, 422)),
    Endpoint("POST", _MIGRATIONS,
             apply_migrations, Migrations, list[Migration], failures=(404, 409, 413, 422)),
    Endpoint("GET", f"{_ENVIRONMENT}/bundle",
             get_bundle, Nothing, Bundle, failures=(404,)),
    Endpoint("GET", _QUARANTINE,
             list_quarantine, Nothing, list[QuarantinedTransaction], failures=(404,)),
    Endpoint("GET", f"{_QUARANTINE}/{{id}}",
             get_quarantined, Nothing, QuarantinedDetail, failures=(404,)),
    Endpoint("POST", f"{_QUARANTINE}/{{id}}/retry",
             retry_quarantined, Nothing, QuarantinedTransaction, failures=(400, 404, 409)),
    Endpoint("POST", f"{_QUARANTINE}/{{id}}/discard",
             discard_quarantined, Confirmation, QuarantinedTransaction,
             failures=(404, 409, 413, 422)),
    Endpoint("POST", "/api/v1/tokens",
             issue_token, TokenRequest, Token, 201, (413, 422)),
    Endpoint("GET", "/api/v1/whoami",
             whoami, Nothing, WhoAmI, for_all=True),
    Endpoint("GET", "/api/v1/openapi.json",
             openapi, Nothing, dict[str, Any], for_all=True),
)
# fmt: on


async def _hub(call: Call[Any]) -> Hub:
    return await call.service.cluster.hub(call.path["app"], call.path["env"])


def _listed(migrations: Sequence[HubMigration]) -> list[Migration]:
    return [Migration(m.name, m.title, m.sha256, m.applied_at) for m in migrations]


def _sources(body: Migrations) -> list[Source]:
    return [Source(m.name, m.title, m.source) for m in body.migrations]


async def _explained(hub: Hub, body: Migrations, error: MigrationError) -> ElectricError:
    """A migration error; where what was sent doesn't go with what is applied, with both hashes of
    each migration that is at odds (null: that side doesn't have it)."""
    status, _ = describe(error)
    if status != CONFLICT:
        return error
    here = {each.name: each.sha256 for each in _sources(body)}
    there = {each.name: each.sha256 for each in await hub.migrations()}
    last = max(there, default="")
    at_odds = [
        {"name": name, "here": here.get(name), "there": there.get(name)}
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name) and name <= last
    ]
    return Refusal(error, status, {"migrations": at_odds})
