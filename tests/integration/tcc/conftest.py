"""What is under test here is under test in `whole` too, without faults."""

from tests.integration.whole.conftest import app, device, service

__all__ = ["app", "device", "service"]
