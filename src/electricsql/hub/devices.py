"""The devices of a hub: their places, and from when on each of them needs what has happened.

A device needs everything that its cursor does not see, and that its oldest unsent transaction did
not see when it was made. What all live devices need no more is forgotten (`cleaning.py`): nothing
may be, between a look at the horizon and the note of what a device needs, so both happen under a
lock.
"""

from typing import Final

from electricsql.hub.connection import Connection, transaction
from electricsql.hub.marks import find_fork, is_lost
from electricsql.hub.model import Claim, Registered
from electricsql.replication import Cursor, Standing

HORIZON_LOCK: Final = 0x686F72697A6F6E
"""The advisory lock of whoever moves the horizon ("horizon"), or must not have it moved."""

_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock_shared({HORIZON_LOCK})"
_KNOWN: Final = """
UPDATE electric.devices SET session = session + 1, seen_at = now(), needs = coalesce($2, needs),
    cursor = coalesce($3, cursor), schema_version = coalesce($4, schema_version)
WHERE device = $1
RETURNING origin, number, mark, session, needs, (SELECT horizon FROM electric.hub)
"""
_NEW: Final = """
INSERT INTO electric.devices (device, session, needs, cursor, schema_version)
VALUES ($1, 1, coalesce($2, (SELECT horizon FROM electric.hub)), $3, $4)
ON CONFLICT (device) DO UPDATE SET session = devices.session + 1, seen_at = now(),
    needs = coalesce($2, devices.needs)
RETURNING origin, number, mark, session, needs, (SELECT horizon FROM electric.hub)
"""
_APPLIED: Final = """
UPDATE electric.devices
SET cursor = $2, schema_version = $3, needs = coalesce($4, needs), seen_at = now()
WHERE device = $1 AND session = $5 RETURNING 1
"""


async def register(connection: Connection, epoch: str, device: str, claim: Claim) -> Registered:
    """A device's place; a new one gets the next origin. From now on nothing is merged that one of
    its earlier sessions has submitted: what is under way is waited for."""
    reached = claim.reached if claim.reached and claim.reached.epoch == epoch else None
    async with transaction(connection, _BEGIN):
        lost = reached is not None and await is_lost(connection, reached)
        cursor, oldest = (None, None) if lost else (claim.cursor, claim.oldest)
        place = str(cursor) if cursor is not None else None
        told = (device, _needs(oldest, epoch), place, claim.schema_version)
        # An insert that conflicts uses up an origin.
        record = await connection.fetchrow(_KNOWN, *told)
        record = record or await connection.fetchrow(_NEW, *told)
        assert record is not None
        origin, number, mark, session, needs, horizon = record
        if lost or (reached and (claim.origin not in (0, origin) or claim.number > number)):
            fork = await find_fork(connection, reached)
            return Registered(origin, number, mark, session, Standing.LOST, horizon, fork)
    is_behind = claim.cursor is not None and claim.cursor.snapshot.xmin < horizon
    lacks = max(needs, claim.offered) < horizon
    standing = Standing.FORGOTTEN if is_behind or lacks else Standing.HERE
    return Registered(origin, number, mark, session, standing, horizon)


async def note_applied(connection: Connection, device: str, session: int, claim: Claim) -> bool:
    """Note how far a device is, unless a newer session of it has registered; whether none has."""
    needs = _needs(claim.oldest, claim.cursor.epoch if claim.cursor else "")
    told = (device, str(claim.cursor), claim.schema_version, needs, session)
    return await connection.fetchval(_APPLIED, *told) is not None


def _needs(oldest: Cursor | None, epoch: str) -> int | None:
    """The xid from which on a device needs everything; None if it doesn't say."""
    return oldest.snapshot.xmin if oldest is not None and oldest.epoch == epoch else None
