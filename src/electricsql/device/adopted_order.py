"""The order in which adopted rows are logged: what a row refers to comes before it.

Tables that refer to each other only one way go as wholes. Where tables refer to themselves or to
each other in a circle, single rows are put in order; rows that refer to each other in a circle stay
together.
"""

import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from electricsql.replication import RowId, parents_of
from electricsql.schema import Key, Schema, Table, quote


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of one table: those with these keys, or all of them."""

    table: Table
    keys: Sequence[Key] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are logged one after the other; `together` if they must not be parted."""

    runs: Sequence[Run]
    together: bool = False


def in_order(
    database: sqlite3.Connection, schema: Schema, tables: Sequence[Table]
) -> Iterator[Batch]:
    """All rows of these tables."""
    parents = {
        table.name: {key.parent for key in table.foreign_keys} & {t.name for t in tables}
        for table in tables
    }
    above = {name: _reached(parents, name) for name in parents}
    done: set[str] = set()
    while len(done) < len(tables):
        name = next(
            n for n in above if n not in done and above[n] - {n} <= done | _circle(above, n)
        )
        circle = _circle(above, name)
        done |= circle
        group = [schema.tables[each] for each in above if each in circle]
        if name in above[name]:
            yield from _row_by_row(database, group)
        else:
            yield Batch([Run(group[0])])


def _reached(parents: dict[str, set[str]], name: str) -> set[str]:
    """The tables that one refers to, by way of others too."""
    reached: set[str] = set()
    pending = list(parents[name])
    while pending:
        each = pending.pop()
        if each not in reached:
            reached.add(each)
            pending += parents[each]
    return reached


def _circle(above: dict[str, set[str]], name: str) -> set[str]:
    """The tables that refer to each other with this one."""
    return {name} | {each for each in above[name] if name in above[each]}


def _row_by_row(database: sqlite3.Connection, group: Sequence[Table]) -> Iterator[Batch]:
    waiting: dict[RowId, set[RowId]] = {}
    for table in group:
        columns = {*table.primary_key, *(c for key in table.foreign_keys for c in key.columns)}
        listed = ", ".join(map(quote, columns))
        for row in database.execute(f"SELECT {listed} FROM {quote(table.name)}"):
            values = dict(zip(columns, row, strict=True))
            own = RowId(table.name, table.key_of(values))
            waiting[own] = set(parents_of(table, values)) - {own}
    children: defaultdict[RowId, list[RowId]] = defaultdict(list)
    ready: dict[str, deque[RowId]] = {table.name: deque() for table in group}
    for own, needs in waiting.items():
        needs.intersection_update(waiting)
        for parent in needs:
            children[parent].append(own)
        if not needs:
            ready[own.table].append(own)
    while waiting:
        ordered = list(_released(waiting, children, ready))
        if ordered:
            yield Batch(_runs(group, ordered))
        if waiting:
            circular = _with_all_it_needs(waiting)
            yield Batch(_runs(group, circular), together=True)
            for own in circular:
                del waiting[own]
            for own in circular:
                _release(own, waiting, children, ready)


def _with_all_it_needs(waiting: dict[RowId, set[RowId]]) -> list[RowId]:
    """A row that waits, and all that it waits for."""
    found: set[RowId] = set()
    pending = [next(iter(waiting))]
    while pending:
        own = pending.pop()
        if own not in found:
            found.add(own)
            pending += waiting[own]
    return sorted(found, key=lambda own: own.table)


def _released(
    waiting: dict[RowId, set[RowId]],
    children: dict[RowId, list[RowId]],
    ready: dict[str, deque[RowId]],
) -> Iterator[RowId]:
    """The rows that need no others any more, as they come to be so, in long runs of one table."""
    while queue := next(filter(None, ready.values()), None):
        while queue:
            own = queue.popleft()
            yield own
            del waiting[own]
            _release(own, waiting, children, ready)


def _release(
    own: RowId,
    waiting: dict[RowId, set[RowId]],
    children: dict[RowId, list[RowId]],
    ready: dict[str, deque[RowId]],
) -> None:
    """A row is there: some may wait for it no longer."""
    for child in children.get(own, ()):
        if child in waiting:
            waiting[child].discard(own)
            if not waiting[child]:
                ready[child.table].append(child)


def _runs(group: Sequence[Table], ordered: Sequence[RowId]) -> list[Run]:
    tables = {table.name: table for table in group}
    return [
        Run(tables[name], [own.key for own in rows])
        for name, rows in groupby(ordered, key=lambda own: own.table)
    ]
