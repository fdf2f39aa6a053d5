"""The schemas that a device's file has had: transactions are read in the one they were written
in."""

import json
import sqlite3
from collections.abc import Mapping

from electricsql.device.meta import schema_version
from electricsql.migrations import schema_of
from electricsql.schema import Schema, Table


class Schemas:
    """Schemas by version, each made once from the migrations that the file has applied."""

    def __init__(self) -> None:
        self._schemas: dict[str | None, Schema] = {}
        self._numbered: dict[str | None, Mapping[int, Table]] = {}

    def at(self, database: sqlite3.Connection, version: str | None) -> Schema:
        """The schema of a version that the file has applied (None: before all migrations)."""
        if version not in self._schemas:
            statements = [] if version is None else compiled_statements(database, version)
            self._schemas[version] = schema_of(statements, version)
        return self._schemas[version]

    def numbered(self, database: sqlite3.Connection, version: str | None) -> Mapping[int, Table]:
        """The same, its tables by their numbers."""
        if version not in self._numbered:
            schema = self.at(database, version)
            self._numbered[version] = {table.number: table for table in schema}
        return self._numbered[version]

    def now(self, database: sqlite3.Connection, version: str | None) -> Mapping[str, Table]:
        """The tables of a version, by their names there, as the file has them now; without those
        that are gone."""
        newest = schema_version(database)
        if version == newest:
            return self.at(database, version).tables
        tables = self.numbered(database, newest)
        then = self.at(database, version)
        return {table.name: tables[table.number] for table in then if table.number in tables}

    def forget(self) -> None:
        """The file has started over: other migrations may have taken the names."""
        self._schemas.clear()
        self._numbered.clear()


def compiled_statements(database: sqlite3.Connection, up_to: str) -> list[str]:
    """The statements of the migrations that the file has applied, up to a version."""
    rows = database.execute(
        "SELECT statements FROM _electric_migrations WHERE name <= ? ORDER BY name",
        (up_to,),
    )
    return [statement for (text,) in rows for statement in json.loads(text)]
