"""The quarantine of one hub: what waits there, and what becomes of it.

What is in it is a device's own encoding, which only the protocol can read: so whoever asks for a
retry brings the transaction as a value (`Merging.retry`).
"""

from typing import Final

from electricsql.errors import ServiceError
from electricsql.hub.connection import Connection
from electricsql.hub.model import Quarantined, TransactionId, not_quarantined
from electricsql.limits import QUARANTINE_LISTED_MAX
from electricsql.replication import Refusal

NUMBER: Final = -1
"""Stands for the quarantine in `electric.touched`."""

_SELECT: Final = """
SELECT q.origin, q.number, d.device, q.code, q.message, q.at, q.fate, q.decided_at, q.changes
FROM electric.quarantine q LEFT JOIN electric.devices d USING (origin)
"""
_DECIDE: Final = """
WITH decided AS (
    UPDATE electric.quarantine
    SET fate = $3, decided_at = now(), xid = pg_current_xact_id()
    WHERE origin = $1 AND number = $2 AND fate = 'waiting'
    RETURNING 1
)
INSERT INTO electric.touched SELECT pg_current_xact_id(), $4 FROM decided RETURNING 1
"""


async def quarantined(connection: Connection) -> list[Quarantined]:
    """What is in the quarantine: what waits first, the oldest first."""
    records = await connection.fetch(
        f"{_SELECT} ORDER BY q.fate <> 'waiting', q.at, q.origin, q.number LIMIT $1",
        QUARANTINE_LISTED_MAX,
    )
    return [Quarantined(*record) for record in records]


async def find(connection: Connection, id: TransactionId) -> tuple[Quarantined, bytes]:
    """One transaction, and its encoding.

    Raises:
        ServiceError: `not-quarantined`.
    """
    record = await connection.fetchrow(f"{_SELECT} WHERE q.origin = $1 AND q.number = $2", *id)
    if record is None:
        raise not_quarantined(id)
    encoded = await connection.fetchval(
        "SELECT transaction FROM electric.quarantine WHERE origin = $1 AND number = $2", *id
    )
    return Quarantined(*record), encoded


async def decide(connection: Connection, id: TransactionId, fate: str) -> None:
    """Give one that waits its fate; its device is told. The caller's transaction may yet fail.

    Raises:
        ServiceError: `not-quarantined`, `already-decided`.
    """
    if await connection.fetchval(_DECIDE, *id, fate, NUMBER):
        return
    found, _ = await find(connection, id)
    raise ServiceError(
        "already-decided",
        f"Transaction {id} does not wait any more: it was {found.fate}.",
        "Nothing was changed.",
        definite=True,
        status=409,
    )


async def explain(connection: Connection, id: TransactionId, refusal: Refusal) -> None:
    """Note why one still waits."""
    await connection.execute(
        "UPDATE electric.quarantine SET code = $3, message = $4"
        " WHERE origin = $1 AND number = $2 AND fate = 'waiting'",
        *(*id, refusal.code, refusal.message),
    )
