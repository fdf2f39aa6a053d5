"""What becomes of the transactions that were committed here: acknowledged, or refused and what the
hub's operator made of that. All of it can be counted: the view `_electric_fates`.
"""

import sqlite3
from collections.abc import Sequence

from msgspec.structs import astuple

from electricsql.device.meta import read_meta, write_meta
from electricsql.device.schemas import Schemas
from electricsql.device.unsent import encode, sealed_after
from electricsql.protocol import RefusedFrame
from electricsql.replication import WAITING, Refused


def take_fates(
    database: sqlite3.Connection, schemas: Schemas, number: int, told: Sequence[RefusedFrame]
) -> list[Refused]:
    """The hub has said that our transactions up to a number are in, but for those that it told of.
    Gives those that are newly refused."""
    refused = quarantine(database, schemas, [Refused(*astuple(each)) for each in told])
    acknowledge(database, number)
    return refused


def acknowledge(database: sqlite3.Connection, number: int) -> None:
    """The transactions up to a number are at the hub, and need no oplog any more."""
    if number <= read_meta(database).acknowledged:
        return
    database.execute(
        "DELETE FROM _electric_oplog WHERE seq <="
        " (SELECT max(last_seq) FROM _electric_transactions WHERE number <= ?)",
        (number,),
    )
    database.execute("DELETE FROM _electric_transactions WHERE number <= ?", (number,))
    write_meta(database, acknowledged=number)


def quarantine(
    database: sqlite3.Connection, schemas: Schemas, told: Sequence[Refused]
) -> list[Refused]:
    """Keep a copy of what the hub refused, before it is acknowledged; of what it had refused
    before, note what became of it. Gives those that are new and wait."""
    meta = read_meta(database)
    for each in told:
        database.execute(
            "UPDATE _electric_quarantine SET fate = ?, decided_at = CURRENT_TIMESTAMP"
            " WHERE device = ? AND number = ? AND fate <> ?",
            (each.fate, meta.device, each.number, each.fate),
        )
    new = {each.number: each for each in told if each.number > meta.acknowledged}
    for sealed in sealed_after(database, schemas, min(new) - 1) if new else ():
        if sealed.number in new:
            why = new[sealed.number]
            database.execute(
                "INSERT INTO _electric_quarantine (device, number, code, message, changes, fate)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(meta.device, why.number, why.code, why.message),
                    *(encode(database, schemas, sealed), why.fate),
                ),
            )
    return [each for each in new.values() if each.fate == WAITING]
