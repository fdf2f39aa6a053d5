"""A hub's migrations as versions of the same registers. Pure."""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from electricsql.hub.model import HubMigration
from electricsql.lenses import Lens, Lineage, View
from electricsql.migrations import additive_lens
from electricsql.replication import AppliedMigration
from electricsql.schema import Schema


class Versions:
    """The versions up to the newest one of some moment."""

    def __init__(self, applied: Sequence[HubMigration], schemas: Sequence[Schema]) -> None:
        self.lineage = lineage_of(zip(schemas, (each.lens for each in applied), strict=True))
        self._applied = applied
        self._places = {each.name: place for place, each in enumerate(applied, start=1)}
        self._newest = applied[-1].name if applied else None

    @property
    def base(self) -> Schema:
        """In which rows are merged, stored and read."""
        return self.lineage.base

    def view(self, version: str | None) -> View:
        """What a version makes of the base. One that the hub does not have yet can't be told: it is
        taken for the newest."""
        is_known = version is None or version in self._places
        return self.lineage.view(version if is_known else self._newest)

    def after(self, version: str | None) -> list[AppliedMigration]:
        """The migrations that a device at that version follows at once: up to the first that does
        more than to add, which it gets with its app."""
        if version is not None and version not in self._places:
            return []
        later = self._applied[self._places[version] if version is not None else 0 :]
        return [
            AppliedMigration(each.name, each.title, each.sha256, each.statements, each.additive)
            for each in takewhile(lambda each: each.additive, later)
        ]


def lineage_of(versions: Iterable[tuple[Schema, Lens | None]]) -> Lineage:
    """The lineage of versions, given the lens of each; None for one from before there were any:
    then it only adds."""
    before = Schema({})
    known = []
    for schema, lens in versions:
        known.append((schema, lens or additive_lens(before, schema)))
        before = schema
    return Lineage(known)
