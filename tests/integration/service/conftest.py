"""Async tests of this room run on asyncio alone (anyio's plugin knows other loops)."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
