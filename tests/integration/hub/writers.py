"""Devices that write at random, offline, what makes sense in their own view."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from electricsql.hub import Submitted
from electricsql.replication import Change, Op, RowId, parents_of
from electricsql.schema import Key, Schema, Value
from tests.integration.hub.hubs import Device

FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL, name TEXT, n INTEGER DEFAULT 0);
CREATE TABLE children (
    id INTEGER PRIMARY KEY NOT NULL, parent INTEGER REFERENCES parents, body TEXT DEFAULT 'x'
);
CREATE TABLE toys (
    child INTEGER NOT NULL REFERENCES children, kind TEXT NOT NULL, n INTEGER DEFAULT 0,
    PRIMARY KEY (child, kind)
);
"""
KEYS: Mapping[str, list[Key]] = {
    "parents": [(1,), (2,), (3,)],
    "children": [(1,), (2,), (3,), (4,)],
    "toys": [(1, "a"), (1, "b"), (2, "a"), (3, "b")],
}
COLUMNS = {"parents": ("name", "n"), "children": ("parent", "body"), "toys": ("n",)}


@dataclass
class Seen:
    """A row as its device sees it; `values` is None for a tombstone."""

    incarnation: int
    values: dict[str, Value] | None


@dataclass
class Writer:
    """A device with its view of the tables, and what it has not yet sent."""

    device: Device
    schema: Schema
    chance: random.Random
    view: dict[RowId, Seen] = field(default_factory=dict)
    unsent: list[Submitted] = field(default_factory=list)

    async def catch_up(self) -> None:
        """See what the hub has. All that was written must be sent before."""
        assert not self.unsent
        self.view = {}
        for row_id, row in (await self.device.catch_up()).items():
            values = dict(row.values) if row.alive else None
            self.view[row_id] = Seen(row.incarnation, values)

    def write(self) -> None:
        """Seal one transaction of a few changes."""
        changes: dict[RowId, Change] = {}
        for _ in range(self.chance.randint(1, 4)):
            table = self.chance.choice(list(KEYS))
            row_id = RowId(table, self.chance.choice(KEYS[table]))
            if row_id not in changes and (change := self._change(row_id)):
                changes[row_id] = change
                self._apply(row_id, change)
        if changes:
            self.unsent.append(self.device.transaction(*changes.values()))

    def _change(self, row_id: RowId) -> Change | None:
        seen = self.view.get(row_id, Seen(0, None))
        if seen.values is None:
            values = {column: self._value(column) for column in COLUMNS[row_id.table]}
            values |= zip(self.schema.tables[row_id.table].primary_key, row_id.key, strict=True)
            if not self._has_parents(row_id, values):
                return None
            return Change(row_id.table, Op.INSERT, row_id.key, values, seen.incarnation + 1)
        if self.chance.random() < 0.4:
            if row_id in self._needed():
                return None
            return Change(row_id.table, Op.DELETE, row_id.key, {}, seen.incarnation)
        column = self.chance.choice(COLUMNS[row_id.table])
        values = {column: self._value(column)}
        if not self._has_parents(row_id, seen.values | values):
            return None
        return Change(row_id.table, Op.UPDATE, row_id.key, values, seen.incarnation)

    def _value(self, column: str) -> Value:
        if column == "parent":
            return self.chance.choice([1, 2, 3, None])
        if column == "n":
            return self.chance.randint(0, 3)
        return self.chance.choice(["x", "y", "z", None])

    def _has_parents(self, row_id: RowId, values: Mapping[str, Value]) -> bool:
        parents = parents_of(self.schema.tables[row_id.table], values)
        return all(self.view.get(parent, Seen(0, None)).values for parent in parents)

    def _needed(self) -> set[RowId]:
        return set(self._parents())

    def _parents(self) -> Iterator[RowId]:
        for row_id, seen in self.view.items():
            if seen.values is not None:
                yield from parents_of(self.schema.tables[row_id.table], seen.values)

    def _apply(self, row_id: RowId, change: Change) -> None:
        before = self.view.get(row_id, Seen(0, None)).values or {}
        values = None if change.op is Op.DELETE else {**before, **change.values}
        self.view[row_id] = Seen(change.incarnation, values)
