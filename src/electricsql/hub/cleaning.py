"""Forgetting what all live devices have passed: tombstones, clocks, and where to look for news.

The hub has a horizon: an xid below which everything is forgotten. It is moved first; then what is
behind it is deleted, a few rows at a time, by one service at a time. Whoever reads or merges leaves
out what is behind the horizon, whether it is still there or not (tombstones: `loading.py` and
`selecting.py`; clocks: `clocks.py`).

A device counts as live for some days after it was last seen. One that comes back later is told that
its history is forgotten, and reconciles (docs/decisions/0009-forgetting.md).
"""

from collections.abc import Collection
from typing import Final

from electricsql.hub.connection import Connection, transaction
from electricsql.hub.devices import HORIZON_LOCK
from electricsql.limits import CLEANED_ROWS_MAX, DEVICE_EXPIRY_DAYS, MARKED_TRANSACTIONS
from electricsql.replication import transaction_id
from electricsql.schema import Schema

_CLEANING_LOCK: Final = 0x636C65616E
"""The advisory lock of the service that cleans: "clean"."""

_SEEN: Final = """
UPDATE electric.devices SET seen_at = now()
WHERE device = ANY($1::text[]) AND seen_at < now() - interval '1 hour'
"""
_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock({HORIZON_LOCK})"
_MOVE: Final = """
WITH passed AS (
    SELECT least(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, min(d.needs)) AS xid
    FROM electric.hub h LEFT JOIN electric.devices d
        ON d.seen_at > now() - make_interval(days => coalesce(h.expiry_days, $1))
)
UPDATE electric.hub SET horizon = passed.xid FROM passed
WHERE passed.xid > horizon
    AND EXISTS (SELECT FROM electric.touched t WHERE t.xid < passed.xid::text::xid8)
"""


def _oldest_kept(column: str) -> str:
    return (
        f"SELECT min({column}) FROM (SELECT {column} FROM electric.transactions WHERE id < $1"
        f" ORDER BY {column} DESC LIMIT {MARKED_TRANSACTIONS}) newest"
    )


_TOUCHED: Final = """
DELETE FROM electric.touched WHERE (xid, tbl) IN
    (SELECT xid, tbl FROM electric.touched WHERE xid < $1::text::xid8 LIMIT $2)
"""
# The newest ones stay: cursors have marks of them (marks.py), and the next direct transaction's
# clock must be higher than the highest.
_CLOCKS: Final = f"""
DELETE FROM electric.transactions WHERE id IN (
    SELECT id FROM electric.transactions WHERE id < $1
        AND id < ({_oldest_kept("id")}) AND hlc < ({_oldest_kept("hlc")})
    LIMIT $2
)
"""
_TOMBSTONES: Final = """
DELETE FROM electric.shadow_{number} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM electric.shadow_{number} WHERE deleted <> 0 AND xid < $1::text::xid8
    LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""


async def clean(connection: Connection, schema: Schema, connected: Collection[str]) -> int:
    """Move the horizon as far as it goes, and delete some of what is behind it; gives how many rows
    were deleted. The `connected` devices are live. Does nothing while another service does it."""
    await connection.execute(_SEEN, list(connected))
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _CLEANING_LOCK):
        return 0
    try:
        async with transaction(connection, _BEGIN):
            await connection.execute(_MOVE, DEVICE_EXPIRY_DAYS)
        return await _delete(connection, schema)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _CLEANING_LOCK)


async def _delete(connection: Connection, schema: Schema) -> int:
    horizon = await connection.fetchval("SELECT horizon FROM electric.hub")
    steps: list[tuple[str, str | int]] = [
        (_TOMBSTONES.format(number=table.number), str(horizon)) for table in schema
    ]
    steps += [(_TOUCHED, str(horizon)), (_CLOCKS, transaction_id(horizon))]
    deleted = 0
    for sql, limit in steps:
        done = await connection.execute(sql, limit, CLEANED_ROWS_MAX)
        deleted += int(done.rpartition(" ")[2])
    return deleted
