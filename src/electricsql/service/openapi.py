"""The OpenAPI 3.1 document of the HTTP API, made from the table of endpoints and their structs."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from electricsql.service.http import Endpoint, Nothing, Problem

_REF = "#/components/schemas/{name}"
_PROBLEM = {"$ref": _REF.format(name="Problem")}
_ALWAYS = (401, 403, 503)


def document(endpoints: Sequence[Endpoint[Any]], *, version: str) -> dict[str, Any]:
    """The document as plain JSON values."""
    types = [Problem, *(each.body for each in endpoints), *(each.answer for each in endpoints)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    bodies = schemas[1 : 1 + len(endpoints)]
    answers = schemas[1 + len(endpoints) :]
    paths: dict[str, dict[str, Any]] = {}
    for endpoint, body, answer in zip(endpoints, bodies, answers, strict=True):
        operation = _operation(endpoint, body, answer)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "electricsql service",
            "version": version,
            "description": "Administration of environments and migrations. Devices use /ws.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _operation(
    endpoint: Endpoint[Any], body: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)}", endpoint.path)
        ],
        "responses": {
            str(endpoint.status): _answer(HTTPStatus(endpoint.status).phrase, answer),
            **{
                str(status): _answer(
                    HTTPStatus(status).phrase, {"$ref": _REF.format(name="Problem")}
                )
                for status in sorted({*endpoint.failures, *_ALWAYS})
            },
        },
    }
    if endpoint.body is not Nothing:
        operation["requestBody"] = {"required": True, **_content(body)}
    return operation


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, **_content(schema)}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
