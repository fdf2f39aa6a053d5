"""The capture triggers of a file: those of this version, whichever one had compiled the migrations
that it has applied."""

import sqlite3

from electricsql.device.meta import schema_version
from electricsql.device.schemas import Schemas
from electricsql.migrations import triggers


def renew_triggers(database: sqlite3.Connection) -> None:
    """Make those of a table anew that are not as this version makes them. The caller has a write
    transaction open."""
    found = {sql for (sql,) in database.execute("SELECT sql FROM sqlite_schema")}
    for table in Schemas().at(database, schema_version(database)):
        statements = triggers(table)
        if not found.issuperset(sql for sql in statements if sql.startswith("CREATE")):
            for sql in statements:
                database.execute(sql)
