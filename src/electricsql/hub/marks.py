"""Marks: by which a hub that was put back to an older backup is told from what it was before.

After that it gives the numbers of transactions it has lost to other ones. So a cursor goes with a
digest of the newest transactions that it sees, the newest by their ids and those with the highest
clocks, and with the microseconds of their commits, which never come again. When a device comes
back, the same is made of what its cursor sees now. Nothing is written for it.

Why that is enough, and what it does not notice: docs/decisions/0014-put-back-hubs.md.
"""

from typing import Final, TypeAlias

from electricsql.hub.connection import Connection, Fresh
from electricsql.limits import MARKED_TRANSACTIONS
from electricsql.replication import NO_HLC, Cursor, Fork, Snapshot, xid_of

_MICROSECONDS: Final = "(extract(epoch FROM at) * 1000000)::bigint"


def mark_at(snapshot: str, hlc: str) -> str:
    """SQL for the mark of a snapshot, looking at clocks up to `hlc`; NULL if it sees nothing."""
    newest = f"""SELECT id, hlc, {_MICROSECONDS} AS at_us FROM electric.transactions
        WHERE pg_visible_in_snapshot((id >> 10)::text::xid8, {snapshot})"""
    return f"""(
    SELECT max(hlc) || '.' || max(at_us) || '.'
        || left(md5(string_agg(id || ' ' || at_us, ' ' ORDER BY id)), 16)
    FROM (
        ({newest} AND id < (pg_snapshot_xmax({snapshot})::text::bigint << 10)
        ORDER BY id DESC LIMIT {MARKED_TRANSACTIONS})
        UNION
        ({newest} AND hlc <= {hlc} ORDER BY hlc DESC, id DESC LIMIT {MARKED_TRANSACTIONS})
    ) newest
)"""


HLC_MAX: Final = "9223372036854775807"
_HERE: Final = f"""
SELECT pg_current_snapshot()::text, (SELECT horizon FROM electric.hub),
    {mark_at("$1::text::pg_snapshot", "$2::bigint")}
"""
# Each Postgres transaction with anything to tell has a clock of its own, under its lowest id.
_FORK: Final = f"""
SELECT id, hlc FROM electric.transactions WHERE id & 1023 = 0 AND {_MICROSECONDS} > $1
ORDER BY id LIMIT 1
"""
Asked: TypeAlias = "Connection | Fresh"
_NOTHING_KNOWN: Final = Fork(1, NO_HLC)


async def is_lost(connection: Asked, cursor: Cursor) -> bool:
    """Whether a cursor is of a history that the hub is not on any more. Behind the horizon that
    can't be told."""
    told = (str(cursor.snapshot), cursor.hlc)
    record = await connection.fetchrow(_HERE, *told)
    assert record is not None
    now, horizon, mark = record
    if not Snapshot.parse(now).covers(cursor.snapshot):
        return True
    return bool(cursor.mark) and cursor.snapshot.xmin >= horizon and cursor.mark != mark


async def find_fork(connection: Connection, cursor: Cursor | None) -> Fork:
    """Where the hub left the history of a cursor that is lost: the first transaction after the
    moment in which the cursor's newest one was committed. Where that is not known any more, nothing
    counts as known to both."""
    record = await connection.fetchrow(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
        " (SELECT horizon FROM electric.hub)"
    )
    assert record is not None
    xmin, horizon = record
    if cursor is None or not cursor.mark or cursor.snapshot.xmin < horizon:
        return _NOTHING_KNOWN
    first = await connection.fetchrow(_FORK, cursor.at_us)
    if first is None:
        return Fork(xmin, cursor.hlc)
    return Fork(min(xmin, xid_of(first[0])), min(cursor.hlc, first[1] - 1))
