"""Reconciling: the hub has forgotten what happened since the device's cursor, so it is asked for
everything there is, and is offered first what unsent transactions need (`offering.py`).

Until all rows are here, whatever is sealed is preceded by an offer of what that needs, too: it may
be about rows that the hub has not any more. So everything unsent is always offered, wherever the
device stops, and for however long.
"""

import sqlite3

from electricsql.device.file import transaction
from electricsql.device.meta import write_meta
from electricsql.device.offering import offer_all
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal


def reconcile(
    database: sqlite3.Connection, schemas: Schemas, acknowledged: int, horizon: int, now_ms: int
) -> None:
    """Offer what the transactions after the last acknowledged one need, and have everything asked
    for. Should the hub's horizon move before all of them are in, that is done again: an offer that
    was not needed has left nothing behind."""
    with transaction(database):
        seal(database, schemas, now_ms)
        offer_all(database, schemas, acknowledged)
        write_meta(database, reconciling=1, offered_behind=horizon)
