"""Work that is long enough for others to notice, in a thread: the event loop has everybody's turn.

Only for functions of values that nobody else changes meanwhile.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from electricsql.limits import LONG_WORK_ROWS_MIN

_P = ParamSpec("_P")
_R = TypeVar("_R")


async def work(rows: int, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call a function that goes through so many rows."""
    if rows < LONG_WORK_ROWS_MIN:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)
