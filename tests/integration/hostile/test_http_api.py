"""The HTTP API does what its own document says, whatever it is sent and whoever sends it."""

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from electricsql import __version__
from electricsql.service.endpoints import ENDPOINTS
from electricsql.service.openapi import document
from tests.integration.hostile.stage import APP, Target

pytestmark = pytest.mark.anyio
DOCUMENT = schemathesis.openapi.from_dict(document(ENDPOINTS, version=__version__))
OPERATIONS: list[Any] = [result.ok() for result in DOCUMENT.get_all_operations()]  # type: ignore[union-attr]
CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = {"admin": 6, "device": 2, "nobody": 2}
EXAMPLES_SOAK = 40


@pytest.mark.parametrize("who", EXAMPLES)
async def test_it_keeps_to_its_document(target: Target, who: str) -> None:
    async with target.undisturbed():
        await _send_all(target, who, EXAMPLES[who])


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("who", EXAMPLES)
async def test_it_keeps_to_its_document_for_long(target: Target, who: str) -> None:
    await _send_all(target, who, EXAMPLES_SOAK)


async def _send_all(target: Target, who: str, examples: int) -> None:
    secrets = {"admin": str(target.admin.secret), "device": await target.token()}
    headers = {"Authorization": f"Bearer {secrets[who]}"} if who in secrets else {}
    victim = await Target.make(target.service, f"{target.env}-{who}")  # it may be reset
    for operation in OPERATIONS:
        modes = [operation.as_strategy(mode) for mode in GenerationMode]
        await asyncio.to_thread(_send, victim, headers, st.one_of(modes), examples)


def _send(victim: Target, headers: dict[str, str], cases: st.SearchStrategy[Any], n: int) -> None:
    @settings(
        max_examples=n,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, here=st.booleans())
    def send(case: Any, here: bool) -> None:  # noqa: ANN401
        if here and "app" in case.path_parameters:
            case.path_parameters |= {"app": APP, "env": victim.env}
        if case.path == "/api/v1/environments" and isinstance(case.body, dict):
            case.body["env"] = victim.env  # no more databases than there have to be
        response = case.call(base_url=victim.service.url, headers=headers, timeout=20)
        case.validate_response(response, checks=CHECKS)

    send()
