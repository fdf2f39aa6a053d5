"""Known bugs, to see that the simulation finds them."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have this bug for a while."""
    assert name
    yield
