"""All versions of an application, as made of the same registers.

    versions and their lenses --> Lineage --> base: a schema of all registers
                                          --> a view of each version (`view.py`)

The base has the tables and columns of the newest version, under its names, and hidden ones: what
older versions have and it does not. The hub merges in the base, so that whatever two versions write
to the same register meets there. Columns stand in the order in which their registers were made: a
register's position never changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from electricsql.lenses.conversions import Form
from electricsql.lenses.expressions import Expression, constant
from electricsql.lenses.model import NULL, Added, Converted, Dropped, Kept, Lens, TableLens
from electricsql.lenses.view import ColumnView, TableView, View
from electricsql.schema import Column, Default, Schema, Table, Value

HIDDEN: Final = "~"
"""What the names of hidden tables and columns begin with, before their uids."""


@dataclass(frozen=True, slots=True)
class _Register:
    """A column's register. `column` is as the newest version that has it says; `downs` are what
    older versions than the numbered ones show for a NULL; `default` is what a hidden one has if
    nobody writes it."""

    uid: str
    column: Column
    hidden: bool = False
    default: str = NULL
    downs: tuple[tuple[int, str], ...] = ()
    newer: "_Newer | None" = None

    def stored(self) -> Column:
        """As a column of the base. Of a form that nobody wrote, each version has its own
        default."""
        if not self.hidden:
            return self.column
        default: Default | None = Default(self.default, constant=True, value=constant(self.default))
        if self.newer is not None:
            default = self.column.default if self.column.has_constant_default else None
        name = HIDDEN + self.uid
        return replace(self.column, name=name, not_null=False, default=default, hidden=True)

    def shown_in(self, version: int, down: str) -> tuple[tuple[int, str], ...]:
        """The downs, with what the versions before this one show from now on."""
        return self.downs if down in ("", NULL) else (*self.downs, (version, down))

    def for_null(self, version: int, column: Column) -> Value:
        """What a version shows for a NULL, if it can't have one: as the next that can said."""
        if not column.not_null:
            return None
        return next((constant(down) for at, down in self.downs if at > version), None)


@dataclass(frozen=True, slots=True)
class _Newer:
    """The form that a version made of a register: by which lens, and its column there."""

    lens: Converted
    version: int
    column: Column


@dataclass(frozen=True, slots=True)
class _Entity:
    """A table through all versions, with its registers in the order they were made."""

    uid: str
    number: int
    table: Table
    registers: Mapping[str, _Register]
    hidden: bool = False

    def stored(self) -> Table:
        """As a table of the base. A hidden one has no rules any more."""
        columns = tuple(register.stored() for register in self.registers.values())
        if self.hidden:
            name, key = HIDDEN + self.uid, self.table.primary_key
            return Table(name, self.number, columns, key, hidden=True)
        if (self.number, columns) == (self.table.number, self.table.columns):
            return self.table
        return replace(self.table, number=self.number, columns=columns)


@dataclass(frozen=True, slots=True)
class _Sight:
    """A table as one version has it: its entity, and its columns' registers by their names."""

    entity: str
    columns: Mapping[str, str]


_Sights = Mapping[str, _Sight]
_NOTHING: Final[_Sights] = MappingProxyType({})


class Lineage:
    """The versions of one application, oldest first, each with its lens."""

    def __init__(self, versions: Iterable[tuple[Schema, Lens]] = ()) -> None:
        self._entities: dict[str, _Entity] = {}
        self._sights: dict[str | None, _Sights] = {None: _NOTHING}
        self._schemas: dict[str | None, Schema] = {None: Schema({})}
        self._newest: str | None = None
        self._views: dict[str | None, View] = {}
        for schema, lens in versions:
            self._take(schema, lens)
        self.base = self._stored()
        """All registers, under the names of the newest version."""

    def extended(self, schema: Schema, lens: Lens) -> "Lineage":
        """These versions, and a newer one."""
        longer = Lineage()
        longer._entities, longer._newest = dict(self._entities), self._newest
        longer._sights, longer._schemas = dict(self._sights), dict(self._schemas)
        longer._take(schema, lens)
        longer.base = longer._stored()
        return longer

    def view(self, version: str | None) -> View:
        """How a version reads and writes the base.

        Raises:
            KeyError: there is no such version.
        """
        if version not in self._views:
            self._views[version] = self._view(version)
        return self._views[version]

    def new_forms(self, before: "Lineage") -> Iterator[tuple[str, str, Form]]:
        """What has to be computed for rows of the version before: a table of the base, the register
        that is converted, and its new form. Who wrote the one has written the other."""
        for entity in self._entities.values():
            known = before._entities.get(entity.uid)
            base, places = entity.stored(), {uid: n for n, uid in enumerate(entity.registers)}
            for uid, register in entity.registers.items():
                is_new = register.newer and known and register.newer.lens.uid not in known.registers
                if is_new:
                    form = next(_forms(entity, base, places, register))
                    yield base.name, base.columns[places[uid]].name, form

    def uid_of(self, table: str, column: str = "") -> str:
        """The uid of a table or a column of the newest version.

        Raises:
            KeyError: there is none.
        """
        sight = self._sights[self._newest][table]
        return sight.columns[column] if column else sight.entity

    def _take(self, schema: Schema, lens: Lens) -> None:
        before = self._sights[self._newest]
        sights = dict(before)
        for each in lens.tables:
            sights.pop(each.was, None)
        for name, sight in sights.items():
            self._refresh(sight, schema.tables[name])
        for each in lens.tables:
            if each.name:
                table = schema.tables[each.name]
                sights[each.name] = self._changed(table, each, before.get(each.was))
            else:
                entity = self._entities[before[each.was].entity]
                self._entities[entity.uid] = replace(entity, hidden=True)
        self._sights[schema.version], self._schemas[schema.version] = sights, schema
        self._newest = schema.version

    def _refresh(self, sight: _Sight, table: Table) -> None:
        """A table that a lens does not mention may have other indexes, or parents of other
        names."""
        entity = self._entities[sight.entity]
        if entity.table is not table:
            self._entities[entity.uid] = replace(entity, table=table)

    def _changed(self, table: Table, lens: TableLens, before: _Sight | None) -> _Sight:
        """Note what a lens makes of a table; gives it as the new version has it."""
        known = self._entities[before.entity] if before else None
        registers = dict(known.registers) if known else {}
        old = before.columns if before else {}
        columns: dict[str, str] = {}
        version = len(self._schemas)
        for each in lens.columns:
            match each:
                case Added(name, uid):
                    columns[name] = uid
                    registers[uid] = _Register(uid, table.by_name[name])
                case Kept(name):
                    uid = columns[name] = old[each.old_name]
                    downs = registers[uid].shown_in(version, each.down)
                    registers[uid] = _Register(uid, table.by_name[name], downs=downs)
                case Converted(name, uid):
                    was = old[each.old_name]
                    columns[name] = uid
                    newer = _Newer(each, version, table.by_name[name])
                    registers[was] = replace(registers[was], hidden=True, newer=newer)
                    registers[uid] = _Register(uid, newer.column)
                case Dropped(was, down):
                    uid = old[was]
                    downs = registers[uid].shown_in(version, down)
                    registers[uid] = replace(registers[uid], hidden=True, default=down, downs=downs)
        number = known.number if known else table.number
        uid = known.uid if known else lens.uid
        self._entities[uid] = _Entity(uid, number, table, registers)
        return _Sight(uid, columns)

    def _stored(self) -> Schema:
        tables = {table.name: table for table in map(_Entity.stored, self._entities.values())}
        newest = self._schemas[self._newest]
        is_newest = tables.keys() == newest.tables.keys() and all(
            table is newest.tables[name] for name, table in tables.items()
        )
        return newest if is_newest else Schema(tables, self._newest)

    def _view(self, version: str | None) -> View:
        schema = self._schemas[version]
        if self.base is schema:
            return View(schema, self.base)
        number = list(self._schemas).index(version)
        tables = {
            name: _table_view(schema.tables[name], number, sight, self._entities[sight.entity])
            for name, sight in self._sights[version].items()
        }
        return View(schema, self.base, tables)


def _table_view(table: Table, version: int, sight: _Sight, entity: _Entity) -> TableView:
    places = {uid: place for place, uid in enumerate(entity.registers)}
    base = entity.stored()
    columns = []
    for name, uid in sight.columns.items():
        place, register = places[uid], entity.registers[uid]
        shown = register.for_null(version, table.by_name[name])
        forms = tuple(_forms(entity, base, places, register))
        columns.append(ColumnView(name, base.columns[place].name, place, shown, forms))
    return TableView(table, base, tuple(columns))


def _forms(
    entity: _Entity, base: Table, places: Mapping[str, int], register: _Register
) -> Iterator[Form]:
    """The newer forms of a register, in their order."""
    while (newer := register.newer) is not None:
        lens, place = newer.lens, places[newer.lens.uid]
        old, new = replace(register.column, name=lens.old_name), newer.column
        up, down = Expression(lens.up, old, new), Expression(lens.down, new, old)
        register = entity.registers[lens.uid]
        for_null = register.for_null(newer.version, new)
        yield Form(base.columns[place].name, place, up, down, lens.on_error, for_null)
