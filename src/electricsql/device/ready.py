"""A large delta on its way into the file: built while its parts come, as far as that is possible;
then applied; then cleaned up after.

Whatever can't be built beforehand is applied all the same, in a transaction that takes longer.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress

from msgspec.structs import replace

from electricsql.device.apply import Arrived, Outcome, apply_delta, migrations_of
from electricsql.device.aside import can_swap, drop, left_over
from electricsql.device.building import Building
from electricsql.device.file import apply_migrations, sync, transaction
from electricsql.device.forgetting import can_forget, forgetting
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.staging import Staging
from electricsql.device.steps import Work, steps
from electricsql.device.upgrading import refuse_upgraded
from electricsql.errors import ElectricError
from electricsql.limits import IN_PLACE_ROWS_MAX, MERGED_WEIGHT
from electricsql.protocol import DeltaPart

_log = logging.getLogger("electricsql")


class Ready:
    """What is ready of the delta that is staged."""

    def __init__(self, database: sqlite3.Connection, schemas: Schemas, staging: Staging) -> None:
        self._database = database
        self._schemas = schemas
        self._staging = staging
        self._building: Building | None = None
        self._is_complete = False
        self._is_hopeless = False
        self._is_tidy = False
        self._has_applied = False
        self._migrations: list[str] = []
        self.upgrade: str | None = None
        """The last one that the file had gone through when the hub was asked."""

    def begin(self, first: DeltaPart) -> None:
        """The first part of a delta has come. If it goes on with what is staged, so do we."""
        if self._is_complete or not first.follows:
            self.forget()
        self._is_complete = self._is_hopeless = False

    def forget(self) -> None:
        """Nothing is ready any more."""
        self._is_tidy = self._is_tidy and self._building is None
        self._building, self._migrations = None, []

    def get(self, now_ms: int, last: DeltaPart | None) -> Iterator[None]:
        """Get ready; yields between two transactions, of which the first and the last are not
        ours."""
        if self._staging.is_empty and (last is None or self._is_small(last)):
            return
        first = last if last is not None and self._staging.is_empty else self._staging.first()
        if self._is_hopeless or (last is None and not first.whole):
            return  # how much of which tables it changes is known when all parts are here
        yield
        try:
            if self._building is None:
                yield from self._start(first, now_ms)
            if self._building is not None:
                if last is not None and last.blocks:
                    self._staging.add(last)
                self._is_complete = last is not None
                built = self._building
                for work in built.take() if last is None else built.complete(last, now_ms):
                    yield from steps(self._database, work)
                    yield
                if last is not None:
                    sync(self._database)
                    yield
        except sqlite3.Error as error:
            _log.info("the delta will be applied in one transaction: %s", error)
            self._give_up()
        except ElectricError:
            self._fail()
            raise

    def apply(self, last: DeltaPart, now_ms: int) -> Outcome:
        """Apply the delta whose last part this is."""
        if self._is_complete:
            last = replace(last, blocks=(), clocks=b"")
        delta = Arrived(self._staging.parts(), last, self.upgrade)
        built = self._building if self._is_complete else None
        try:
            outcome = apply_delta(self._database, self._schemas, delta, now_ms, built)
            outcome.migrations = self._migrations + outcome.migrations
        except BaseException:
            self._fail()
            raise
        self._is_tidy = self._is_tidy and self._staging.is_empty
        self._is_complete = False
        self._has_applied = True
        self.forget()
        return outcome

    def tidy(self) -> Iterator[None]:
        """Clean up, unless there is something to be applied yet."""
        if not self._is_tidy and self._building is None and not self._staging.is_in_use:
            yield
            yield from steps(self._database, self._tidying())
            self._is_tidy = True
        if self._has_applied:
            self._has_applied = False
            if can_forget(self._database):
                yield
                yield from steps(self._database, forgetting(self._database))

    def _is_small(self, delta: DeltaPart) -> bool:
        """Whether a delta of one part can be applied while programs wait, even where its rows have
        unsent changes."""
        merged = IN_PLACE_ROWS_MAX // MERGED_WEIGHT
        if not merged < delta.rows <= IN_PLACE_ROWS_MAX:
            return delta.rows <= merged
        (unsent,) = self._database.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM _electric_oplog LIMIT {merged + 1})"
        ).fetchone()
        return bool(unsent <= merged)

    def _start(self, first: DeltaPart, now_ms: int) -> Iterator[None]:
        """Apply the migrations, which come before all rows, and start to build."""
        yield from steps(self._database, self._dropping())
        if not can_swap(self._database):
            self._is_hopeless = True
            return
        with transaction(self._database):
            refuse_upgraded(self._database, self.upgrade)
            seal(self._database, self._schemas, now_ms)
            self._migrations += apply_migrations(self._database, migrations_of(first))
            self._staging.rebind()
            self._building = Building(
                self._database, self._schemas, self._staging, whole=first.whole
            )

    def _fail(self) -> None:
        """What came can't be applied: let it come again."""
        with suppress(sqlite3.Error):
            self._staging.clear()
        self._is_complete = False
        self.forget()

    def _give_up(self) -> None:
        self._is_hopeless = True
        self._building = None
        self._is_complete = False

    def _tidying(self) -> Work:
        yield from self._staging.clearing()
        self._database.execute("DELETE FROM _electric_staged_lives")
        yield from self._dropping()

    def _dropping(self) -> Work:
        for name in left_over(self._database):
            yield from drop(self._database, name)
            yield
