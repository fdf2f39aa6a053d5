"""Async tests of this room run on asyncio alone (anyio's plugin knows other loops)."""

import pytest

pytest.register_assert_rewrite("tests.integration.hub.twin", "tests.integration.hub.hubs")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
