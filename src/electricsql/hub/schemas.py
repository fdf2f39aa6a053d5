"""The schemas of one hub, and what they are versions of. A version's schema never changes, so what
was built once is kept."""

from electricsql.errors import ServiceError
from electricsql.hub.connection import Connection
from electricsql.hub.lineages import Versions
from electricsql.hub.migrating import applied_migrations
from electricsql.migrations import schemas_of
from electricsql.schema import Schema


class Schemas:
    """The schema that each of a hub's migrations left."""

    def __init__(self) -> None:
        self._known: dict[str | None, Schema] = {None: Schema({})}
        self._versions: dict[str | None, Versions] = {None: Versions((), ())}

    def known(self, version: str | None) -> Schema | None:
        """The schema, if it was asked for before."""
        return self._known.get(version)

    async def at(self, connection: Connection, version: str | None) -> Schema:
        """The schema as a migration left it.

        Raises:
            ServiceError: `unknown-version`.
        """
        if version not in self._known:
            await self._learn(connection)
        schema = self._known.get(version)
        if schema is None:
            raise ServiceError(
                "unknown-version",
                f"The hub does not have migration {version}.",
                "Apply it with `electric sync`.",
                status=409,
            )
        return schema

    async def up_to(self, connection: Connection, newest: str | None) -> Versions:
        """All versions up to the one that is the newest for the connection."""
        if newest not in self._versions:
            await self._learn(connection)
        return self._versions[newest]

    async def _learn(self, connection: Connection) -> None:
        """Build what the hub has now."""
        applied = await applied_migrations(connection)
        schemas = schemas_of((each.name, each.statements) for each in applied)
        for schema in schemas:
            self._known.setdefault(schema.version, schema)
        known = [self._known[each.name] for each in applied]
        newest = applied[-1].name if applied else None
        self._versions[newest] = Versions(applied, known)
