"""Applying a delta: one transaction, from the old cursor with the old rows to the new with the new.

In it, what was committed and not yet sealed is sealed first; capture is off; migrations come before
rows; rows that meet unsent changes are merged with them by the hub's own rules
(`replication.change_row`), so that the device shows what the hub will hold; and the acknowledged
transactions leave the oplog.

Rows that are in the way of a UNIQUE rule half-way are put off to the end, when all others are in
place.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from electricsql.device.building import Building
from electricsql.device.displaced import any_displaced
from electricsql.device.fates import take_fates
from electricsql.device.file import apply_migrations, transaction
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.receiving import Receiving
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.unsent import Unsent, oldest_cursor
from electricsql.device.upgrading import refuse_upgraded
from electricsql.errors import DeviceError
from electricsql.limits import LARGE_DELTA_ROWS_MIN
from electricsql.migrations import GUARD
from electricsql.protocol import DeltaPart, decode_block, decode_clocks
from electricsql.replication import AppliedMigration, Cursor, Refused
from electricsql.schema import Schema


class Arrived(NamedTuple):
    """A delta that is to be applied: its earlier parts in their order, and the last one, which has
    the cursor and says what is acknowledged. `upgrade` is the last one that the file had gone
    through when the hub was asked for it."""

    earlier: Iterable[DeltaPart]
    last: DeltaPart
    upgrade: str | None = None


@dataclass(slots=True)
class Outcome:
    """What applying a delta did that the app may want to hear of."""

    cursor: Cursor
    acknowledged: int
    oldest: str | None
    rows: int = 0
    migrations: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def apply_delta(
    database: sqlite3.Connection,
    schemas: Schemas,
    delta: Arrived,
    now_ms: int,
    built: Building | None = None,
) -> Outcome:
    """Apply a delta. What was `built` of it before need not be written any more.

    Raises:
        DeviceError: `apply-failed`, `changed-migration`, `migration-failed`, `upgraded`. Nothing
        was changed then.
    """
    try:
        with transaction(database):
            refuse_upgraded(database, delta.upgrade)
            application = _Application(database, schemas, delta.last, now_ms)
            return application.run(delta.earlier, built)
    except sqlite3.IntegrityError as error:
        raise DeviceError(
            "apply-failed",
            f"What the hub sent does not fit into this file: {error}.",
            "See whether the app added constraints or triggers of its own to a replicated table.",
        ) from error


def migrations_of(part: DeltaPart) -> list[AppliedMigration]:
    """The migrations that a delta's first part brings."""
    return [AppliedMigration(m.name, m.title, m.sha256, m.statements) for m in part.migrations]


def _unbroken(parts: Iterable[DeltaPart]) -> Iterator[DeltaPart]:
    """The parts, if each comes after the one before; the last one may be there twice.

    Raises:
        DeviceError: `apply-failed`: some are missing, and the delta has to come again.
    """
    due = 0
    for part in parts:
        if part.part not in (due, due - 1) and not part.follows:
            raise DeviceError(
                "apply-failed",
                f"Part {due} of a delta is missing before part {part.part}.",
                "This is a defect of electricsql; please report it.",
            )
        yield part
        due = part.part + 1


class _Application:
    """One delta being applied, inside the transaction."""

    def __init__(
        self, database: sqlite3.Connection, schemas: Schemas, last: DeltaPart, now_ms: int
    ) -> None:
        self._database = database
        self._schemas = schemas
        self._last = last
        self._cursor = Cursor.parse(last.cursor)
        seal(database, schemas, now_ms)
        database.execute(f"INSERT INTO {GUARD} VALUES (1)")

    def run(self, earlier: Iterable[DeltaPart], built: Building | None) -> Outcome:
        last = self._last
        is_built = built is not None and built.is_fit
        refused = take_fates(self._database, self._schemas, last.acknowledged, last.refused)
        migrations: list[str] = []
        if built is not None and is_built:
            hlc = self._switch(built)
        else:
            parts = _unbroken(chain(earlier, (last,)))
            first = next(parts)
            migrations = self._migrate(first)
            hlc = self._take(chain((first,), parts))
        # What is written next is later than all that the hub had, should that be offered some day.
        hlc = max(hlc, self._cursor.hlc)
        write_meta(self._database, cursor=last.cursor, hlc=hlc, staged_for=None)
        if last.whole:
            write_meta(self._database, reconciling=0, upgraded=0)
        self._database.execute(f"DELETE FROM {GUARD}")
        oldest = oldest_cursor(self._database)
        return Outcome(self._cursor, last.acknowledged, oldest, last.rows, migrations, refused)

    def _migrate(self, part: DeltaPart) -> list[str]:
        return apply_migrations(self._database, migrations_of(part))

    def _switch(self, built: Building) -> int:
        """Have what was built take its place; gives the highest hlc, as `_take` does."""
        unsent = built.late()
        large, dead = built.leaves_much, built.tombstone
        receiving = Receiving(self._database, self._place(), unsent, large=large, dead=dead)
        built.switch(receiving)
        receiving.finish()
        return max(read_meta(self._database).hlc, built.hlc)

    def _place(self) -> tuple[Schema, int, str]:
        schema = self._schemas.at(self._database, schema_version(self._database))
        return schema, read_meta(self._database).origin, self._cursor.epoch

    def _take(self, parts: Iterator[DeltaPart]) -> int:
        """Write the rows; gives the highest hlc among ours and those received."""
        place = self._place()
        hlc, receiving = read_meta(self._database).hlc, None
        is_displaced = any_displaced(self._database)
        for part in parts:
            clocks = decode_clocks(part.clocks)
            hlc = max((hlc, *(clock.hlc for clock in clocks.values())))
            if receiving is None and (part.blocks or part.whole or is_displaced):
                unsent = Unsent(self._database, self._schemas)
                receiving = Receiving(self._database, place, unsent, large=self._is_large())
                if part.whole:
                    receiving.clear()
            if receiving is not None:
                receiving.take(map(decode_block, part.blocks), clocks)
        if receiving is not None:
            receiving.finish()
        return hlc

    def _is_large(self) -> bool:
        return self._last.rows >= LARGE_DELTA_ROWS_MIN
