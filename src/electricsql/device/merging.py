"""What the hub will make of rows when it gets our unsent changes: these laid over what it has sent,
by its own rules (`replication.change_row`)."""

from typing import Final

from electricsql.device.lives import Life
from electricsql.device.unsent import Sealed, Unsent
from electricsql.replication import Author, Clock, Row, change_row, is_unknown
from electricsql.schema import Key, Table, Value

Mark = tuple[Key, int, Life]
"""What is noted of a row's life: its key, incarnation, and whether it lives."""

AS_IT_IS: Final = Row({}, {})
"""A row that is to stay as it is in the file: the hub will refuse something that was done to it,
and send it back then."""


class Merging:
    """Unsent changes of a device that has this origin, over rows of a hub's history. `clocks` are
    those of the rows' writers, as far as they have come."""

    def __init__(self, unsent: Unsent, origin: int, epoch: str) -> None:
        self.unsent = unsent
        self.clocks: dict[int, Clock] = {}
        self._origin = origin
        self._epoch = epoch
        self._authors: dict[int, Author] = {}

    def row(self, table: Table, key: Key, received: Row | None) -> Row | None:
        """A row as the hub will have it."""
        row = received
        for sealed, folded in self.unsent.of(table, key):
            change, author = sealed.change(folded), self._author(sealed)
            if is_unknown(row, change, author):
                return AS_IT_IS
            row = change_row(table, row, change, author)
        return row

    def _author(self, sealed: Sealed) -> Author:
        author = self._authors.get(sealed.number)
        if author is None:
            author = sealed.author(self._origin, self._epoch, self.clocks)
            self._authors[sealed.number] = author
            self.clocks[author.id] = author.clock
        return author


def mark(key: Key, row: Row, received: Row | None) -> tuple[Mark, int]:
    """What is to be noted of a merged row's life, and which life is over at the hub."""
    ended = received.incarnation - received.alive if received is not None else 0
    return (key, row.incarnation, Life.ALIVE if row.alive else Life.DEAD), ended


def known_values(table: Table, row: Row) -> dict[str, Value]:
    """Those columns of a row that were received, or written here, in the table's order."""
    return {name: row.values[name] for name in table.column_names if name in row.values}
