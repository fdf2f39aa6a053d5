"""Long work in short transactions, so that whoever else writes the file never waits for long.

Work is a generator that yields wherever it may be interrupted. It is always inside of a
transaction, which ends when it has taken long enough; then whoever drives the steps makes a pause.
"""

import sqlite3
import time
from collections.abc import Iterator

from electricsql.device.file import hasty, transaction
from electricsql.limits import STEP_MS

Work = Iterator[None]
"""Yields after each small piece of work."""


def steps(database: sqlite3.Connection, work: Work) -> Iterator[None]:
    """Do the work; yields between two transactions. They are not waited for to be on the disk."""
    is_done = False
    while not is_done:
        with hasty(database), transaction(database):
            is_done = _work_on(work)
        if not is_done:
            yield


def _work_on(work: Work) -> bool:
    """Work for a while; says whether it is done."""
    until = time.monotonic() + STEP_MS / 1000
    return all(time.monotonic() < until for _ in work)
