"""How rows travel and merge: clocks, changes, rows with their shadows, cursors, deltas. Pure."""

from electricsql.replication.change import Change, Op, Transaction
from electricsql.replication.clock import (
    HUB_ORIGIN,
    OLDEST,
    Clock,
    Clocks,
    cut_back,
    hlc_at,
    is_ahead,
    milliseconds,
    tick,
)
from electricsql.replication.cursor import Cursor, Snapshot
from electricsql.replication.delta import (
    WAITING,
    AppliedMigration,
    Block,
    Part,
    Place,
    Refused,
    Shadow,
)
from electricsql.replication.ids import NOBODY, UNSENT, is_direct, transaction_id, xid_of
from electricsql.replication.merge import (
    Incoming,
    Merged,
    Refusal,
    RowId,
    looks_the_same,
    merge,
    parents_of,
    wanted,
)
from electricsql.replication.row import Author, Row, change_row, same, sent_back

__all__ = [
    "HUB_ORIGIN",
    "NOBODY",
    "OLDEST",
    "UNSENT",
    "WAITING",
    "AppliedMigration",
    "Author",
    "Block",
    "Change",
    "Clock",
    "Clocks",
    "Cursor",
    "Incoming",
    "Merged",
    "Op",
    "Part",
    "Place",
    "Refusal",
    "Refused",
    "Row",
    "RowId",
    "Shadow",
    "Snapshot",
    "Transaction",
    "change_row",
    "cut_back",
    "hlc_at",
    "is_ahead",
    "is_direct",
    "looks_the_same",
    "merge",
    "milliseconds",
    "parents_of",
    "same",
    "sent_back",
    "tick",
    "transaction_id",
    "wanted",
    "xid_of",
]
