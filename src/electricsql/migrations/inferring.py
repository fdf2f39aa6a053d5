"""The lens of a migration, from what became of each table and column in it.

It is complete if it says for every column of both versions which register it is, and what either
shows where the other has nothing. What it lacks to that is told as gaps: `checks` says what to do
about each.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isinf

from electricsql.lenses import (
    NULL,
    Added,
    ColumnLens,
    Dropped,
    Kept,
    Lens,
    TableLens,
    column_uid,
    constant,
    made,
)
from electricsql.migrations.fates import ColumnFate, TableFate
from electricsql.migrations.intents import Intents
from electricsql.migrations.source import Span
from electricsql.schema import (
    Column,
    ForeignKey,
    Pair,
    Schema,
    Table,
    Value,
    columns_read,
    is_literal,
    sources,
)


class Lack(StrEnum):
    """What a lens lacks."""

    KEY = "another primary key"
    KIND = "another kind of table (STRICT, WITHOUT ROWID)"
    TYPE = "another type"
    REQUIRED = "NOT NULL where it was not"
    NULLABLE = "no NOT NULL any more"
    LOST = "dropped, and NOT NULL"
    CONVERTED = "filled with an expression"
    FILLED = "filled with something else than its DEFAULT"
    TWICE = "filled from a column that another one is filled from, too"
    COMPUTED = "computed otherwise"
    CHECK = "another CHECK"
    FOREIGN_KEY = "another foreign key"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a lens lacks: about a table, or one of its columns; and where."""

    lack: Lack
    at: Span
    table: TableFate
    column: ColumnFate | None = None

    @property
    def about(self) -> str:
        """The table or the column, as it was before."""
        assert self.table.before is not None
        column = self.column and (self.column.before or self.column.after)
        return f"{self.table.before.name}.{column.name}" if column else self.table.before.name


def additive_lens(before: Schema, after: Schema) -> Lens:
    """That of a migration which only adds tables and columns."""
    version = after.version or ""
    tables = []
    for table in after:
        then = before.tables.get(table.name)
        if then is None:
            tables.append(made(version, table))
        elif then.column_names != table.column_names:
            names = {name: name for name in then.by_name}
            tables.append(_kept(version, Pair(then, table, names), {}))
    return Lens(tuple(tables))


def pairs_of(before: Schema, after: Schema, fates: Iterable[TableFate]) -> tuple[Pair, ...]:
    """All tables that two neighbouring versions have both."""
    touched = {fate.before.name: fate for fate in fates if fate.before}
    found = []
    for table in before:
        fate = touched.get(table.name)
        if fate is None:
            same = {name: name for name in table.every}
            found.append(Pair(table, after.tables[table.name], same))
        elif fate.after is not None:
            kept = {c.before.name: c.after.name for c in fate.columns if c.before and c.after}
            found.append(Pair(table, fate.after, kept))
    return tuple(found)


def only_adds(fates: Iterable[TableFate]) -> bool:
    """Whether nothing became of what was there, but that something was added to it."""
    return all(
        fate.after is not None
        and fate.before.name == fate.after.name
        and not fate.rebuilt
        and all(_is_as_it_was(each) for each in fate.columns)
        for fate in fates
        if fate.before is not None
    )


def lens_of(version: str, fates: Iterable[TableFate], pairs: Iterable[Pair], said: Intents) -> Lens:
    """That of a migration that leaves no gaps."""
    new = [each.after for each in fates if each.after and not each.before]
    tables = [made(version, table) for table in sorted(new, key=lambda table: table.number)]
    for pair in pairs:
        if pair.before.name != pair.after.name or pair.before.columns != pair.after.columns:
            tables.append(_kept(version, pair, _downs(pair, said)))
    dropped = [TableLens(was=each.before.name) for each in fates if each.before and not each.after]
    return Lens((*tables, *dropped))


def gaps(fates: Iterable[TableFate], pairs: Sequence[Pair], said: Intents) -> Iterator[Gap]:
    """What a migration's lens lacks."""
    by_name = {pair.before.name: pair for pair in pairs}
    for fate in fates:
        if fate.before is not None and fate.after is not None:
            pair = by_name[fate.before.name]
            for lack in _of_table(pair, by_name):
                yield Gap(lack, fate.at, fate)
            yield from _of_columns(fate, pair, said)


def _of_table(pair: Pair, pairs: Mapping[str, Pair]) -> Iterator[Lack]:
    before, after = pair.before, pair.after
    if tuple(pair.columns.get(name) for name in before.primary_key) != after.primary_key:
        yield Lack.KEY
    if (before.strict, before.without_rowid) != (after.strict, after.without_rowid):
        yield Lack.KIND
    old = set(pair.columns.values())
    checks, keys = pair.checks, pair.foreign_keys(pairs)
    if checks.gone or any(_reads_only(after, check, old) for check in checks.came):
        yield Lack.CHECK
    if keys.gone or not all(_is_of_new_column(pair, key) for key in keys.came):
        yield Lack.FOREIGN_KEY


def _reads_only(table: Table, check: str, columns: set[str]) -> bool:
    read = sources(table, columns_read(table, check))
    return bool(read) and read <= columns


def _is_of_new_column(pair: Pair, key: ForeignKey) -> bool:
    return any(key.columns == (column.name,) for column in pair.added)


def _of_columns(fate: TableFate, pair: Pair, said: Intents) -> Iterator[Gap]:
    downs = _downs(pair, said)
    origins = [each.before.name for each in fate.columns if each.before]
    for each in fate.columns:
        lack: Lack | None = None
        if each.before and origins.count(each.before.name) > 1:
            lack = Lack.TWICE
        elif each.before and each.after:
            lack = Lack.CONVERTED if each.filled else _of_kept(pair, each.before, each.after, downs)
        elif each.before and not each.before.is_generated:
            is_key = each.before.name in pair.before.primary_key
            is_lost = each.before.not_null and not is_key and each.before.name not in downs
            lack = Lack.LOST if is_lost else None
        elif each.after and each.filled and not _is_default(each, each.after):
            lack = Lack.FILLED
        if lack is not None:
            yield Gap(lack, each.at, fate, each)


def _of_kept(pair: Pair, old: Column, new: Column, downs: Mapping[str, str]) -> Lack | None:
    if not pair.computes_the_same(old, new):
        return Lack.COMPUTED
    if (old.type, old.collation) != (new.type, new.collation):
        return Lack.TYPE
    if new.not_null and not old.not_null:
        return Lack.REQUIRED
    if old.not_null and not new.not_null and old.name not in downs:
        return Lack.NULLABLE
    return None


def _is_default(fate: ColumnFate, column: Column) -> bool:
    """Whether a column is filled with what rows that nobody fills get."""
    sql = " ".join(token.text for token in fate.filled)
    return column.has_constant_default and is_literal(sql) and constant(sql) == column.default_value


def _is_as_it_was(fate: ColumnFate) -> bool:
    return fate.before is None or fate.before == fate.after


def _downs(pair: Pair, said: Intents) -> dict[str, str]:
    """What the older version shows where the newer one has nothing: of each column, by its older
    name, of which that is said, or that has a DEFAULT."""
    tables = (pair.before.name, pair.after.name)
    found = {}
    for column in pair.before.columns:
        default = column.default if column.default and column.default.constant else None
        down = said.down(tables, column.name) or (_literal(default.value) if default else "")
        if down and (not column.not_null or constant(down) is not None):
            found[column.name] = down
    return found


def _literal(value: Value) -> str:
    """A value as SQLite spells it."""
    match value:
        case None:
            return NULL
        case bytes():
            return f"x'{value.hex()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case float() if isinf(value):
            return "9e999" if value > 0 else "-9e999"
        case _:
            return repr(value)


def _kept(version: str, pair: Pair, downs: Mapping[str, str]) -> TableLens:
    """The lens of a table that both versions have."""
    origins = {new: old for old, new in pair.columns.items()}
    columns: list[ColumnLens] = []
    for column in pair.after.columns:
        old = pair.before.by_name.get(origins.get(column.name, ""))
        if old is None:
            columns.append(Added(column.name, column_uid(version, pair.after.name, column.name)))
        else:
            was = old.name if old.name != column.name else ""
            takes_null = old.not_null and not column.not_null
            columns.append(Kept(column.name, was, down=downs[old.name] if takes_null else ""))
    for column in pair.lost:
        if not column.is_generated:
            columns.append(Dropped(column.name, downs.get(column.name, NULL)))
    return TableLens(pair.after.name, was=pair.before.name, columns=tuple(columns))
