"""Whoever waits until the file and the hub agree (`Database.sync`), or to know where they don't
(`comparing.py`). Used by one thread only; what is waited for is a future, which any thread may
hold."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from electricsql.device.comparing import Comparison
from electricsql.errors import ElectricError


@dataclass(slots=True)
class Waiter:
    """Waits for transaction `number` to be acknowledged, and for question `nonce` to be answered:
    by then all that was at the hub is here."""

    number: int
    nonce: int
    done: Future[None]
    answered: bool = False


class Waiters:
    """All that wait."""

    def __init__(self) -> None:
        self._waiters: list[Waiter] = []
        self._nonces = 0
        self.comparisons: list[Future[Comparison]] = []
        """Whoever wants to know how the file differs."""

    def add(self, number: int, done: Future[None]) -> int:
        """A new one; gives its nonce."""
        self._nonces += 1
        self._waiters.append(Waiter(number, self._nonces, done))
        return self._nonces

    def unanswered(self) -> Iterator[int]:
        """The questions to ask again on a new connection."""
        return (waiter.nonce for waiter in self._waiters if not waiter.answered)

    def answer(self, nonces: Iterable[int]) -> None:
        """These questions were answered."""
        known = set(nonces)
        for waiter in self._waiters:
            waiter.answered = waiter.answered or waiter.nonce in known

    def release(self, acknowledged: int) -> None:
        """Let go whoever has what it waits for, or waits no more."""
        for waiter in list(self._waiters):
            ready = waiter.answered and waiter.number <= acknowledged
            if ready and not waiter.done.done():
                waiter.done.set_result(None)
            if ready or waiter.done.done():
                self._waiters.remove(waiter)

    def compared(self, comparison: Comparison) -> None:
        """It is known how the file differs."""
        for done in self.comparisons:
            if not done.done():
                done.set_result(comparison)
        self.comparisons.clear()

    def renumber(self, number: int) -> None:
        """The transactions have other numbers from now on: all wait for the last one."""
        for waiter in self._waiters:
            waiter.number = number

    def fail(self, error: ElectricError) -> None:
        """Nobody will get what it waits for."""
        futures: list[Future[Any]] = [waiter.done for waiter in self._waiters]
        for done in (*futures, *self.comparisons):
            if not done.done():
                done.set_exception(error)
        self._waiters.clear()
        self.comparisons.clear()
