"""The schemas of one hub. A version's schema never changes, so what was built once is kept."""

from electricsql.errors import ServiceError
from electricsql.hub.connection import Connection
from electricsql.hub.migrating import applied_migrations
from electricsql.migrations import schema_of
from electricsql.schema import Schema


class Schemas:
    """The schema that each of a hub's migrations left."""

    def __init__(self) -> None:
        self._known: dict[str | None, Schema] = {None: Schema({})}

    def known(self, version: str | None) -> Schema | None:
        """The schema, if it was asked for before."""
        return self._known.get(version)

    async def at(self, connection: Connection, version: str | None) -> Schema:
        """The schema as a migration left it.

        Raises:
            ServiceError: `unknown-version`.
        """
        if version not in self._known:
            statements: list[str] = []
            for migration in await applied_migrations(connection):
                statements += migration.statements
                if migration.name not in self._known:
                    self._known[migration.name] = schema_of(statements, migration.name)
        schema = self._known.get(version)
        if schema is None:
            raise ServiceError(
                "unknown-version",
                f"The hub does not have migration {version}.",
                "Apply it with `electric sync`.",
                status=409,
            )
        return schema
