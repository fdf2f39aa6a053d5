"""A hub of dicts that merges in the base, as hubs do; and what its versions show."""

from collections.abc import Mapping, Sequence
from random import Random

from electricsql.lenses import HIDDEN, View
from electricsql.lenses.conversions import Form, made_up, raised
from electricsql.lenses.expressions import Failed
from electricsql.replication import (
    NOBODY,
    Author,
    Block,
    Clock,
    Incoming,
    Part,
    Row,
    RowId,
    Shadow,
    Transaction,
    merge,
    wanted,
)
from electricsql.schema import Key, Table, Value
from tests.lenses.applications import Application
from tests.lenses.histories import History, Sent

Shown = dict[str, dict[Key, Row]]


class Hub:
    """An application's rows in the base of so many versions."""

    def __init__(self, application: Application, count: int) -> None:
        self.application = application
        self.count = count
        self.lineage = application.lineage(count)
        self.rows: dict[RowId, Row] = {}
        self.clocks: dict[int, Clock] = {}

    def view(self, version: int) -> View:
        return self.lineage.view(str(version))

    def migrate(self, count: int) -> None:
        """More versions, one after the other."""
        while self.count < count:
            self._migrate(self.count + 1)

    def _migrate(self, count: int) -> None:
        """Rows stay what they are, under other names, and have new registers."""
        before = {uid: (table, columns) for uid, table, columns in self.names()}
        old_lineage = self.lineage
        self.count, self.lineage = count, self.application.lineage(count)
        rows, self.rows = self.rows, {}
        for uid, name, columns in self.names():
            if uid in before:
                old_name, old = before[uid]
                names = {old[each]: new for each, new in columns.items() if each in old}
                for id, row in rows.items():
                    if id.table == old_name:
                        moved = _moved(row, self.lineage.base.tables[name], names)
                        self.rows[RowId(name, id.key)] = moved

        for table, register, form in self.lineage.new_forms(old_lineage):
            self._convert(table, register, form)

    def _convert(self, table: str, register: str, form: Form) -> None:
        for id, row in list(self.rows.items()):
            if id.table == table:
                (value,) = raised(form, [row.values[register]])
                writer = row.writers.get(register, NOBODY)
                if isinstance(value, Failed):
                    value, writer = made_up(form), NOBODY
                values = {**row.values, form.register: value}
                writers = {**row.writers, form.register: writer}
                self.rows[id] = row._replace(values=values, writers=writers)

    def names(self) -> list[tuple[str, str, dict[str, str]]]:
        """Each table's uid, and its name in the base, and its columns' names, by uid."""
        found: dict[str, tuple[str, dict[str, str]]] = {}
        for version in self.application.versions[: self.count]:
            found = {
                uid: (HIDDEN + uid, {each: HIDDEN + each for each in columns} if there else columns)
                for uid, (_, columns) in found.items()
                for there in (any(known.uid == uid for known in version.values()),)
            }
            for name, known in version.items():
                columns = found[known.uid][1] if known.uid in found else {}
                here = {placed.uid: placed.column.name for placed in known.columns}
                found[known.uid] = name, columns | here
        return [(uid, *each) for uid, each in found.items()]

    def put(self, sent: Sent) -> Transaction:
        return self.view(sent.version).put(sent.transaction)

    def merge(self, *every: Sent) -> None:
        """Merge transactions, in one batch."""
        batch = []
        for sent in every:
            self.clocks[sent.id] = sent.clock
            author = Author(sent.id, sent.clock, self.clocks, sent.seen.__contains__)
            batch.append(Incoming(self.put(sent), author))
        touched = wanted(each.transaction for each in batch)
        loaded: Mapping[RowId, Row | None] = {**dict.fromkeys(touched), **self.rows}
        merged = merge(self.lineage.base, loaded, batch)
        assert not merged.refused and not merged.missed
        self.rows.update(merged.rows)

    def part(self) -> Part:
        """All rows, as a delta carries them."""
        return Part([_block(table, self.rows) for table in self.lineage.base], self.clocks)

    def shown(self, version: int) -> Shown:
        """All rows as a version has them, tombstones too."""
        schema = self.application.schemas[version][0]
        view = self.view(version)
        assert view.schema is schema
        part = view.get(self.part())
        return {each.table: dict(each.rows(schema.tables[each.table])) for each in part.blocks}

    def everything(self) -> list[Shown]:
        return [self.shown(version) for version in range(self.count)]


def _moved(row: Row, table: Table, names: Mapping[str, str]) -> Row:
    values = {**table.default_values, **{names[each]: v for each, v in row.values.items()}}
    writers = {names[each]: writer for each, writer in row.writers.items()}
    return row._replace(values=values, writers=writers)


def _block(table: Table, rows: Mapping[RowId, Row]) -> Block:
    own = [row for id, row in rows.items() if id.table == table.name]
    shadows = [
        Shadow(*row[2:], tuple(row.writers.get(name, NOBODY) for name in table.column_names))
        for row in own
    ]
    values: Sequence[Sequence[Value]] = [
        [row.values[name] for row in own] for name in table.column_names
    ]
    return Block(table.name, table.column_names, values, shadows, range(len(own)))


def play(history: History, random: Random, *, group: int = 1) -> Hub:
    """What a hub has after a history arrived, in a random order that keeps each device's own."""
    hub = Hub(history.application, history.rounds[0].count)
    for each in history.rounds:
        hub.migrate(each.count)
        order = each.order(random)
        for start in range(0, len(order), group):
            hub.merge(*order[start : start + group])
    return hub


def values_shown(shown: Shown) -> dict[str, dict[Key, dict[str, Value]]]:
    """What a user sees of it."""
    return {
        table: {key: dict(row.values) for key, row in rows.items() if row.alive}
        for table, rows in shown.items()
    }
