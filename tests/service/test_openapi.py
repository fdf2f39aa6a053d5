"""The document describes exactly what the service serves."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.routing import Route

from electricsql.errors import MigrationError, PostgresError, ServiceError, UsageError
from electricsql.service.app import application
from electricsql.service.auth import Auth, Keys
from electricsql.service.endpoints import ENDPOINTS
from electricsql.service.http import Endpoint, Nothing, Refusal, Service, describe
from electricsql.service.openapi import document

DOCUMENT: dict[str, Any] = json.loads(msgspec.json.encode(document(ENDPOINTS, version="1")))
DOCS = Path(__file__).parents[2] / "docs" / "http-api.md"
OPERATIONS = [
    (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
]


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    service = Service(None, None, Auth(Keys("a", "b")))  # type: ignore[arg-type]
    served = {
        (method, route.path)
        for route in application(service).routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert served == set(OPERATIONS)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= DOCUMENT["components"]["schemas"].keys()
    assert DOCUMENT["openapi"] == "3.1.0"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_every_operation_is_whole(endpoint: Endpoint[Any]) -> None:
    operation = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    assert operation["summary"].endswith(".")
    assert {"401", "403", "503", str(endpoint.status)} <= operation["responses"].keys()
    named = {parameter["name"] for parameter in operation["parameters"]}
    assert named == set(re.findall(r"{(\w+)}", endpoint.path))
    assert ("requestBody" in operation) is (endpoint.body is not Nothing)


def test_names_of_operations_differ() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_is_in_the_docs(method: str, path: str) -> None:
    assert f"{method} {path.removeprefix('/api/v1')}" in DOCS.read_text()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ServiceError("unknown-environment", "No.", status=404), 404),
        (Refusal(MigrationError("applied-migration-changed", "No."), 409, {"a": 1}), 409),
        (MigrationError("out-of-order", "No."), 409),
        (MigrationError("migration-missing", "No."), 409),
        (MigrationError("postgres-refused", "No."), 422),
        (UsageError("bad-name", "No."), 422),
        (PostgresError("postgres-unavailable", "No."), 503),
        (msgspec.ValidationError("No"), 422),
        (ZeroDivisionError("secret"), 500),
    ],
)
def test_errors_have_fitting_statuses(error: Exception, status: int) -> None:
    found, problem = describe(error)
    assert found == status
    assert "secret" not in problem.problem
