"""What an expression makes of a value is asked of SQLite once: laws ask it of the same few values
again and again."""

from collections.abc import Iterator, Sequence

import pytest

from electricsql.lenses import Expression, Failed, conversions, evaluate
from electricsql.schema import Value

_known: dict[tuple[Expression, type, Value], Value | Failed] = {}


def _remembered(expression: Expression, values: Sequence[Value]) -> list[Value | Failed]:
    keys = [(expression, type(value), value) for value in values]
    new = [key for key in dict.fromkeys(keys) if key not in _known]
    if new:
        _known.update(zip(new, evaluate(expression, [key[2] for key in new]), strict=True))
    return [_known[key] for key in keys]


@pytest.fixture(autouse=True, scope="session")
def _remembering() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversions, "evaluate", _remembered)
        yield
