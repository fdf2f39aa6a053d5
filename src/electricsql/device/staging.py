"""The parts of a delta that have come, kept in the file until its last one does.

Each part is kept in a short transaction of its own, which waits for no disk: if the power fails,
less is staged than was. What is staged belongs to the file's cursor and schema version. If either
has changed it is worth nothing any more, so nobody has to clear it in the transaction that moves
the cursor.

Not here: how parts get into the tables (`apply.py`).
"""

import sqlite3
from collections import deque
from collections.abc import Iterator

from electricsql.device.file import hasty, transaction
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.steps import Work, steps
from electricsql.protocol import DeltaPart, Staged, decode_down, encode_frame


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
            if self.is_empty:
                self.rebind()
            self._database.execute(
                "INSERT INTO _electric_staged (frame) VALUES (?)", (encode_frame(part),)
            )

    def parts(self) -> Iterator[DeltaPart]:
        """What was kept."""
        return map(self.part, self.numbers())

    def first(self) -> DeltaPart:
        """The first part that was kept."""
        return self.part(self.numbers()[0])

    def numbers(self, after: int = 0) -> list[int]:
        """The numbers that parts were kept under, over one of them."""
        found = self._database.execute(
            "SELECT part FROM _electric_staged WHERE part > ? ORDER BY part", (after,)
        )
        return [number for (number,) in found.fetchall()]

    def clear(self) -> None:
        """Forget everything, in short transactions."""
        if not self.is_empty:
            deque(steps(self._database, self.clearing()), maxlen=0)

    def clearing(self) -> Work:
        """The same, as work."""
        while not self.is_empty:
            self._database.execute(
                "DELETE FROM _electric_staged WHERE part = (SELECT max(part) FROM _electric_staged)"
            )
            yield

    def rebind(self) -> None:
        """What is staged belongs to the file as it is now; the caller has a transaction open."""
        write_meta(self._database, staged_for=self._belongs_to())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        found = self._database.execute("SELECT 1 FROM _electric_staged LIMIT 1").fetchone()
        return found is None

    @property
    def is_in_use(self) -> bool:
        """Whether what is kept is of a delta that is still to be applied, and so must stay."""
        return not self.is_empty and read_meta(self._database).staged_for == self._belongs_to()

    def _last(self) -> DeltaPart | None:
        if not self.is_in_use:
            return None
        (number,) = self._database.execute("SELECT max(part) FROM _electric_staged").fetchone()
        return self.part(number)

    def part(self, number: int) -> DeltaPart:
        """A part by its number."""
        (frame,) = self._database.execute(
            "SELECT frame FROM _electric_staged WHERE part = ?", (number,)
        ).fetchone()
        part = decode_down(frame)
        assert isinstance(part, DeltaPart), "nothing else is staged"
        return part

    def _belongs_to(self) -> str:
        meta = read_meta(self._database)
        return f"{meta.cursor} {meta.reconciling} {schema_version(self._database)}"
