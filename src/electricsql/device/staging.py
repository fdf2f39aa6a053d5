"""The parts of a delta that have come, kept in the file until its last one does.

Each part is kept in a short transaction of its own, which waits for no disk: if the power fails,
less is staged than was. What is staged belongs to the file's cursor and schema version. If either
has changed it is worth nothing any more, so nobody has to clear it in the transaction that moves
the cursor.

Not here: how parts get into the tables (`apply.py`).
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from electricsql.device.file import hasty, transaction
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.protocol import DeltaPart, Staged, decode_down, encode_frame

_CLEARED_PARTS_MAX: Final = 16


class Staging:
    """Takes parts one by one, gives them back in their order."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def reached(self) -> Staged | None:
        """How far the delta is that was broken off, if it can be gone on with."""
        last = self._last()
        return last.staged if last is not None else None

    def begin(self, first: DeltaPart) -> None:
        """The first part of a delta comes: forget another one's parts."""
        if not first.follows:
            self.clear()

    def add(self, part: DeltaPart) -> None:
        """Keep a part."""
        with hasty(self._database), transaction(self._database):
            if self._is_empty():
                write_meta(self._database, staged_for=self._belongs_to())
            self._database.execute(
                "INSERT INTO _electric_staged (frame) VALUES (?)", (encode_frame(part),)
            )

    def parts(self) -> Iterator[DeltaPart]:
        """What was kept."""
        numbers = self._database.execute("SELECT part FROM _electric_staged ORDER BY part")
        for (number,) in numbers.fetchall():
            yield self._read(number)

    def clear(self) -> None:
        """Forget everything, in short transactions."""
        while not self._is_empty():
            with hasty(self._database), transaction(self._database):
                self._database.execute(
                    "DELETE FROM _electric_staged WHERE part IN"
                    " (SELECT part FROM _electric_staged ORDER BY part DESC LIMIT ?)",
                    (_CLEARED_PARTS_MAX,),
                )

    def _is_empty(self) -> bool:
        found = self._database.execute("SELECT 1 FROM _electric_staged LIMIT 1").fetchone()
        return found is None

    def _last(self) -> DeltaPart | None:
        if self._is_empty() or read_meta(self._database).staged_for != self._belongs_to():
            return None
        (number,) = self._database.execute("SELECT max(part) FROM _electric_staged").fetchone()
        return self._read(number)

    def _read(self, number: int) -> DeltaPart:
        (frame,) = self._database.execute(
            "SELECT frame FROM _electric_staged WHERE part = ?", (number,)
        ).fetchone()
        part = decode_down(frame)
        assert isinstance(part, DeltaPart), "nothing else is staged"
        return part

    def _belongs_to(self) -> str:
        meta = read_meta(self._database)
        return f"{meta.cursor} {meta.reconciling} {schema_version(self._database)}"
