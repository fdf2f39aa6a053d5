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

from electricsql.replication import Block, Change, Op, Part, Shadow, Transaction, same
from electricsql.schema import Schema, Table, Value


class ColumnView(NamedTuple):
    """One column of a version, and the register that it is: its name in the base, and its position
    there. `for_null` is what the version shows in place of a NULL that it can't have."""

    name: str
    register: str
    place: int
    for_null: Value = None


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

    def put(self, change: Change) -> Change:
        """A change of that version as a change of the base.

        What an insert has left to the version's own defaults is marked: the base has others.
        """
        if self._is_base:
            return change
        values = {self.registers[name]: value for name, value in change.values.items()}
        made_up = self._made_up(change) if change.op is Op.INSERT else None
        unchanged = partial(self._unchanged, change.values) if self._translates else None
        return change._replace(
            table=self.base.name, values=values, made_up=made_up, unchanged=unchanged
        )

    def show(self, values: Sequence[Sequence[Value]]) -> list[Sequence[Value]]:
        """Values of the base as that version has them, column by column."""
        return [_shown(values[column.place], column) for column in self.columns]

    def get(self, block: Block) -> Block:
        """Rows of the base as that version has them; tombstones too."""
        if self._is_base:
            return block
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
        return any(column.for_null is not None for column in self.columns)

    def _unchanged(
        self, written: Mapping[str, Value], values: Mapping[str, Value], _: Mapping[str, int]
    ) -> set[str]:
        return {
            column.register
            for column in self.columns
            if column.name in written
            and same(_shown([values.get(column.register)], column)[0], written[column.name])
        }

    def _shadow(self, shadow: Shadow) -> Shadow:
        writers = tuple(shadow.writers[column.place] for column in self.columns)
        return shadow._replace(writers=writers)

    def _made_up(self, change: Change) -> frozenset[str]:
        defaults = self.table.constant_defaults
        return frozenset(
            self.registers[name]
            for name, value in change.values.items()
            if name in defaults and same(defaults[name], value)
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

    def put(self, transaction: Transaction) -> Transaction:
        """A transaction of that version, with its changes as changes of the base.

        Raises:
            KeyError: it changes what that version does not have.
        """
        if self.is_base:
            return transaction
        changes = [self._tables[change.table].put(change) for change in transaction.changes]
        return replace(transaction, changes=changes)

    def get(self, part: Part) -> Part:
        """A part of a delta as that version has it. Tables that it does not have are left out."""
        if self.is_base:
            return part
        blocks = [
            self._by_base[block.table].get(block)
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


def _shown(values: Sequence[Value], column: ColumnView) -> Sequence[Value]:
    if column.for_null is None or None not in values:
        return values
    return [column.for_null if value is None else value for value in values]
