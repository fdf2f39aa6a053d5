"""The HTTP API as a stranger meets it: a real service, a real Postgres."""

import asyncpg
import pytest

from electricsql.limits import REQUEST_BYTES_MAX
from electricsql.service.server import Running
from tests.integration.service.conftest import ALTER, CREATE, FIRST, SECOND, Deployed, migration
from tests.integration.service.strangers import Caller

pytestmark = pytest.mark.anyio
API = "/api/v1"


async def test_an_environment_from_nothing_to_a_bundle(deployed: Deployed) -> None:
    admin = deployed.admin
    assert {"app": "notes", "env": deployed.env} in await admin.get(f"{API}/environments")
    (listed,) = await admin.get(f"{deployed.path}/migrations")
    assert (listed["name"], listed["title"]) == (FIRST, "notes")
    assert listed["sha256"] == migration()["sha256"]
    assert listed["appliedAt"]
    detail = await admin.get(f"{deployed.path}/migrations/{FIRST}")
    assert detail["source"] == CREATE
    assert detail["statements"][0].startswith("CREATE TABLE")
    bundle = await admin.get(f"{deployed.path}/bundle")
    assert (bundle["app"], bundle["env"]) == ("notes", deployed.env)
    assert bundle["schemaVersion"] == FIRST
    assert bundle["migrations"][0]["statements"] == detail["statements"]
    assert bundle["migrations"][0]["lens"] == detail["lens"]
    assert detail["lens"]["tables"][0]["uid"].startswith(f"{FIRST}:")
    assert detail["additive"]
    status = await admin.get(deployed.path)
    assert status["schemaVersion"] == FIRST
    assert (status["devices"], status["quarantined"], status["connected"]) == ([], 0, 0)


async def test_creating_an_environment_twice_is_fine(deployed: Deployed) -> None:
    body = {"app": deployed.app, "env": deployed.env}
    assert (await deployed.admin.call("POST", f"{API}/environments", body))[0] == 201
    assert len(await deployed.admin.get(f"{deployed.path}/migrations")) == 1


async def test_the_database_url_works(deployed: Deployed) -> None:
    answer = await deployed.admin.get(f"{deployed.path}/database-url")
    connection = await asyncpg.connect(answer["url"])
    try:
        await connection.execute("INSERT INTO notes VALUES ('a', 'direct')")
        assert await connection.fetchval("SELECT body FROM notes") == "direct"
    finally:
        await connection.close()


async def test_validation_plans_and_changes_nothing(deployed: Deployed) -> None:
    body = {"migrations": [migration(), migration(SECOND, ALTER)]}
    plan = await deployed.admin.post(f"{deployed.path}/migrations/validate", body)
    assert plan["pending"] == [SECOND]
    assert any("extra" in statement for statement in plan["postgres"])
    assert len(await deployed.admin.get(f"{deployed.path}/migrations")) == 1


async def test_applying_is_all_or_none_and_repeatable(deployed: Deployed) -> None:
    for _ in range(2):
        status, answer = await deployed.migrate(migration(SECOND, ALTER))
        assert status == 200
        assert [each["name"] for each in answer] == [FIRST, SECOND]


async def test_a_changed_migration_is_a_conflict_with_both_hashes(deployed: Deployed) -> None:
    changed = migration(source=CREATE.replace("body", "text"))
    for path in ("migrations", "migrations/validate"):
        status, answer = await deployed.admin.call(
            "POST", f"{deployed.path}/{path}", {"migrations": [changed]}
        )
        assert (status, answer["code"]) == (409, "applied-migration-changed")
        assert answer["details"]["migrations"] == [
            {"name": FIRST, "here": changed["sha256"], "there": migration()["sha256"]}
        ]


async def test_a_migration_that_is_missing_here_is_a_conflict(deployed: Deployed) -> None:
    status, answer = await deployed.admin.call(
        "POST", f"{deployed.path}/migrations", {"migrations": []}
    )
    assert (status, answer["code"]) == (409, "migration-missing")
    there = migration()["sha256"]
    assert answer["details"]["migrations"] == [{"name": FIRST, "here": None, "there": there}]


async def test_a_migration_before_an_applied_one_is_a_conflict(deployed: Deployed) -> None:
    early = migration(
        "20200101000000000_early", "CREATE TABLE early (id TEXT PRIMARY KEY NOT NULL);"
    )
    status, answer = await deployed.migrate(early)
    assert (status, answer["code"]) == (409, "out-of-order")
    assert answer["details"]["migrations"][0]["name"] == early["name"]


async def test_sql_that_fails_is_told(deployed: Deployed) -> None:
    status, answer = await deployed.migrate(migration(SECOND, "CREATE TABLE oh no;"))
    assert status == 422
    assert answer["problem"]
    assert answer["remedy"]
    assert len(await deployed.admin.get(f"{deployed.path}/migrations")) == 1


async def test_a_reset_has_to_be_confirmed(deployed: Deployed) -> None:
    before = (await deployed.admin.get(deployed.path))["epoch"]
    path = f"{deployed.path}/reset"
    status, answer = await deployed.admin.call("POST", path, {"confirm": "yes"})
    assert (status, answer["code"]) == (422, "not-confirmed")
    await deployed.admin.post(path, {"confirm": deployed.env})
    after = await deployed.admin.get(deployed.path)
    assert after["epoch"] != before
    assert after["schemaVersion"] is None


@pytest.mark.parametrize("path", ["", "/migrations", "/migrations/x", "/bundle", "/database-url"])
async def test_what_is_not_there_is_not_found(admin: Caller, path: str) -> None:
    status, answer = await admin.call("GET", f"{API}/environments/notes/nowhere{path}")
    assert (status, answer["code"]) == (404, "unknown-environment")


async def test_unknown_migrations_and_paths_are_not_found(deployed: Deployed) -> None:
    status, answer = await deployed.admin.call("GET", f"{deployed.path}/migrations/nope")
    assert (status, answer["code"]) == (404, "unknown-migration")
    status, answer = await deployed.admin.call("GET", "/nope")
    assert (status, answer["code"]) == (404, "not-found")
    status, answer = await deployed.admin.call("POST", f"{API}/whoami")
    assert (status, answer["code"]) == (405, "method-not-allowed")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"app": "notes"}',
        b'{"app": "notes", "env": 1}',
        b'{"app": "notes", "env": "x", "more": 1}',
        b'{"app": "Notes", "env": "x"}',
        b'{"app": "notes", "env": "a.b"}',
        b"\xff\xfe",
    ],
)
async def test_bodies_are_read_strictly(admin: Caller, raw: bytes) -> None:
    status, answer = await admin.call("POST", f"{API}/environments", raw=raw)
    assert (status, answer["code"]) == (422, "bad-request")


async def test_a_body_has_a_limit(admin: Caller) -> None:
    raw = b'{"app": "' + b"x" * REQUEST_BYTES_MAX + b'"}'
    status, answer = await admin.call("POST", f"{API}/environments", raw=raw)
    assert (status, answer["code"]) == (413, "too-large")


async def test_without_the_right_secret_nothing_is_told(
    service: Running, deployed: Deployed
) -> None:
    for secret in (None, "wrong", f"{deployed.admin.secret}x"):
        for method, path in (("GET", deployed.path), ("POST", f"{API}/tokens")):
            status, answer = await Caller(service.url, secret).call(method, path)
            assert status == 401
            assert answer["code"] in ("no-token", "bad-token")


async def test_a_device_token_does_not_administer(service: Running, deployed: Deployed) -> None:
    someone = Caller(service.url, await deployed.token())
    me = await someone.get(f"{API}/whoami")
    assert (me["sub"], me["admin"], me["env"]) == ("ann", False, deployed.env)
    assert (await someone.call("GET", deployed.path))[0] == 403


async def test_an_operator_token_is_bound_to_its_environment(
    service: Running, deployed: Deployed
) -> None:
    token = await deployed.token(claims={"admin": True})
    operator = Caller(service.url, token)
    assert await operator.get(f"{API}/environments") == [{"app": deployed.app, "env": deployed.env}]
    assert (await operator.get(deployed.path))["env"] == deployed.env
    for method, path, body in (
        ("GET", f"{API}/environments/notes/other", None),
        ("POST", f"{API}/environments", {"app": "notes", "env": "other"}),
        ("POST", f"{API}/tokens", {"sub": "x", "app": "other"}),
    ):
        assert (await operator.call(method, path, body))[0] == 403
    issued = await operator.post(f"{API}/tokens", {"sub": "bob"})
    me = await Caller(service.url, issued["token"]).get(f"{API}/whoami")
    assert (me["app"], me["env"]) == (deployed.app, deployed.env)


async def test_pages_for_machines(service: Running, admin: Caller) -> None:
    stranger = Caller(service.url, None)
    assert await stranger.get("/healthz") == {"status": "ok"}
    assert await stranger.get("/readyz") == {"status": "ok"}
    assert "electric_streams" in await stranger.get("/metrics")
    document = await admin.get(f"{API}/openapi.json")
    assert document["openapi"] == "3.1.0"
