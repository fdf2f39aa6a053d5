"""What a schema version makes of the registers: its writes forward, rows backward.

`put` takes what a device of that version has changed to the registers of the base, `get` takes rows
of the base to how that version has them. Both are functions of the change, or the rows, alone. What
is put keeps its author, number and clock; what a version does not have, it does not touch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Final, NamedTuple

from electricsql.lenses.conversions import Form, Held, lowered, made_up, raised, source
from electricsql.lenses.expressions import Failed
from electricsql.replication import (
    NOBODY,
    Block,
    Change,
    Clocks,
    Op,
    Part,
    Present,
    Shadow,
    Transaction,
    same,
)
from electricsql.schema import Schema, Table, Value


class Forms(NamedTuple):
    """The newer forms of a change's values, by their registers, and which of them are made up."""

    values: dict[str, Value]
    made_up: set[str]


NO_FORMS: Final = Forms({}, set())
NO_CLOCKS: Final[Clocks] = MappingProxyType({})


class ColumnView(NamedTuple):
    """One column of a version, and the register that it is: its name in the base, and its position
    there. `for_null` is what the version shows in place of a NULL that it can't have. `forms` are
    those that newer versions have of it, in their order."""

    name: str
    register: str
    place: int
    for_null: Value = None
    forms: tuple[Form, ...] = ()

    @property
    def registers(self) -> tuple[str, ...]:
        """All that it is written to."""
        return (self.register, *(form.register for form in self.forms))

    @property
    def places(self) -> tuple[int, ...]:
        """Where these are."""
        return (self.place, *(form.place for form in self.forms))


@dataclass(frozen=True)
class TableView:
    """A table as one version has it, over its registers."""

    table: Table
    base: Table
    columns: Sequence[ColumnView]

    @cached_property
    def registers(self) -> Mapping[str, str]:
        """The registers' names, by the version's."""
        return {column.name: column.register for column in self.columns}

    @cached_property
    def converts(self) -> bool:
        """Whether newer versions have other forms of its values."""
        return any(column.forms for column in self.columns)

    def put(self, change: Change, forms: Forms = NO_FORMS) -> Change:
        """A change of that version as a change of the base, with the newer forms of its values.

        What an insert has left to the version's own defaults is marked: the base has others.
        """
        if self._is_base:
            return change
        values = {self.registers[name]: value for name, value in change.values.items()}
        values.update(forms.values)
        made_up = self._made_up(change) | forms.made_up if change.op is Op.INSERT else None
        unchanged = None
        if self._translates and change.op is not Op.UPDATE:
            unchanged = partial(self._unchanged, change, values)
        return change._replace(
            table=self.base.name, values=values, made_up=made_up, unchanged=unchanged
        )

    def raised(self, changes: Sequence[Change], held: list[Held]) -> list[Forms]:
        """The newer forms of the values of changes. What can't be converted, and what an insert
        makes up for it, is told."""
        found = [Forms({}, set()) for _ in changes]
        for column in self.columns:
            places = [n for n, each in enumerate(changes) if column.name in each.values]
            values = [changes[n].values[column.name] for n in places]
            registers = zip(column.registers, column.forms, strict=False)
            for register, form in registers:
                come = zip(places, values, raised(form, values) if values else (), strict=True)
                places, values = [], []
                for n, value, new in come:
                    if not isinstance(new, Failed):
                        found[n].values[form.register] = new
                        places.append(n)
                        values.append(new)
                        continue
                    change = changes[n]
                    about = (self.base.name, change.key, register, form.register)
                    held.append(Held(*about, value, new.why))
                    if change.op is Op.INSERT:
                        _make_up(found[n], column.forms, form)
        return found

    def show(self, values: Sequence[Sequence[Value]]) -> list[Sequence[Value]]:
        """Values of the base as that version has them, column by column; of a table that it does
        not convert."""
        return [_shown(values[column.place], column) for column in self.columns]

    def get(self, block: Block, clocks: Clocks = NO_CLOCKS) -> Block:
        """Rows of the base as that version has them; tombstones too."""
        if self._is_base:
            return block
        if self.converts:
            values, shadows = self._lowered(block, clocks)
        else:
            values = self.show(block.values)
            shadows = [self._shadow(shadow) for shadow in block.shadows]
        names = tuple(column.name for column in self.columns)
        return Block(self.table.name, names, values, shadows, block.shadow_of, block.author)

    @cached_property
    def _is_base(self) -> bool:
        """Whether that version has the table as the base does."""
        return (
            not self._translates
            and self.table.name == self.base.name
            and self.table.column_names == self.base.column_names
            and self.table.constant_defaults == self.base.constant_defaults
            and self.registers == {name: name for name in self.registers}
        )

    @cached_property
    def _translates(self) -> bool:
        """Whether it shows other values than there are."""
        return self.converts or any(column.for_null is not None for column in self.columns)

    def _unchanged(self, change: Change, values: Mapping[str, Value], present: Present) -> set[str]:
        """The registers of all columns that look as they are written. Those of one column are
        written together, or not at all; and by an offer none that is older than a newer form."""
        names = self.base.column_names
        row = [[present.values.get(name)] for name in names]
        shadow = Shadow(1, 0, 0, 0, tuple(present.writers.get(name, NOBODY) for name in names))
        shown = self.get(Block(self.base.name, names, row, [shadow], [0]), present.clocks).values
        found: set[str] = set()
        for column, (value,) in zip(self.columns, shown, strict=True):
            own = [register for register in column.registers if register in values]
            is_there = column.name in change.values and same(value, change.values[column.name])
            if is_there and all(map(present.knows, own)):
                found.update(own)
            if change.op is Op.OFFER:
                newer = [register for register in own[1:] if not present.wins(register)]
                found.update(own[: own.index(newer[-1])] if newer else ())
        return found

    def _shadow(self, shadow: Shadow) -> Shadow:
        writers = tuple(shadow.writers[column.place] for column in self.columns)
        return shadow._replace(writers=writers)

    def _lowered(self, block: Block, clocks: Clocks) -> tuple[list[Sequence[Value]], list[Shadow]]:
        """Values and shadows, each value's from the form that was written last."""
        places = [column.places for column in self.columns]
        forms = [
            [source(each, shadow.writers, clocks) for each in places] for shadow in block.shadows
        ]
        values = [
            _shown(_values(block, column, [each[n] for each in forms]), column)
            for n, column in enumerate(self.columns)
        ]
        shadows = []
        for shadow, chosen in zip(block.shadows, forms, strict=True):
            there = (each[form] for each, form in zip(places, chosen, strict=True))
            shadows.append(shadow._replace(writers=tuple(shadow.writers[n] for n in there)))
        return values, shadows

    def _made_up(self, change: Change) -> frozenset[str]:
        defaults = self.table.constant_defaults
        return frozenset(
            register
            for column in self.columns
            for register in column.registers
            if (name := column.name) in change.values
            and name in defaults
            and same(defaults[name], change.values[name])
        )


_NO_TABLES: Final[Mapping[str, TableView]] = MappingProxyType({})


class View:
    """A version as it is read from, and written to, the base: table by table. If it is the base
    itself, it changes nothing."""

    def __init__(
        self, schema: Schema, base: Schema, tables: Mapping[str, TableView] = _NO_TABLES
    ) -> None:
        self.schema = schema
        self.is_base = schema is base
        self._tables = tables
        self._by_base = {view.base.name: view for view in tables.values()}

    def put(self, transaction: Transaction, held: list[Held] | None = None) -> Transaction:
        """A transaction of that version, with its changes as changes of the base. Values of it that
        can't be converted are added to those `held`.

        Raises:
            KeyError: it changes what that version does not have.
        """
        if self.is_base:
            return transaction
        forms = self._raised(transaction.changes, [] if held is None else held)
        changes = [
            self._tables[change.table].put(change, forms.get(n, NO_FORMS))
            for n, change in enumerate(transaction.changes)
        ]
        return replace(transaction, changes=changes)

    def _raised(self, changes: Sequence[Change], held: list[Held]) -> dict[int, Forms]:
        found: dict[int, Forms] = {}
        for name, table in self._tables.items():
            if table.converts:
                places = [n for n, change in enumerate(changes) if change.table == name]
                raised = table.raised([changes[n] for n in places], held)
                found.update(zip(places, raised, strict=True))
        return found

    def get(self, part: Part) -> Part:
        """A part of a delta as that version has it. Tables that it does not have are left out."""
        if self.is_base:
            return part
        blocks = [
            self._by_base[block.table].get(block, part.clocks)
            for block in part.blocks
            if block.table in self._by_base
        ]
        return Part(blocks, part.clocks, part.place)

    def has(self, table: str) -> bool:
        """Whether that version has a table of the base."""
        return self.is_base or table in self._by_base

    def base_of(self, table: str) -> TableView | None:
        """How one of its tables is read from the base (None: as it is there)."""
        return self._tables.get(table)


def _make_up(forms: Forms, every: Sequence[Form], lacking: Form) -> None:
    """What a new row has where its author's value can't be converted."""
    for form in every[every.index(lacking) :]:
        forms.values[form.register] = made_up(form)
        forms.made_up.add(form.register)


def _values(block: Block, column: ColumnView, sources: Sequence[int]) -> Sequence[Value]:
    """A column's values, in its own form; `sources` has the form that counts for each shadow."""
    own = block.values[column.place]
    if not any(sources):
        return own
    values = list(own)
    for form in {*sources} - {0}:
        rows = [n for n, shadow in enumerate(block.shadow_of) if sources[shadow] == form]
        there = block.values[column.places[form]]
        found = lowered(column.forms[:form], [there[n] for n in rows])
        for n, value in zip(rows, found, strict=True):
            values[n] = value
    return values


def _shown(values: Sequence[Value], column: ColumnView) -> Sequence[Value]:
    if column.for_null is None or None not in values:
        return values
    return [column.for_null if value is None else value for value in values]
