"""Storing what a merge came to: rows and shadows, set by set.

Shadows go first: what the users' triggers write because of a row is captured on top of them. Of the
rows, the updates go first and the deletes of children before those of their parents, so that no ON
DELETE action finds a row that stays; and inserts last, since a new row may have a value that must
be unique from one that is deleted. So may one that is updated (`turns.py`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from electricsql.hub.capture import key_name, shadow_of, user_table
from electricsql.hub.connection import Connection
from electricsql.hub.loading import LoadedRows, key_parameters, unnest_keys
from electricsql.hub.long_work import work
from electricsql.hub.turns import Turns, Update, Values, in_turns
from electricsql.hub.values import cast, parameter_type, to_send
from electricsql.limits import STATEMENTS_MAX
from electricsql.replication import NOBODY, Row, RowId, is_direct, looks_the_same, same
from electricsql.schema import Column, Key, Schema, Table, Value, quote

_NUMBERS: Final = ("xid", "incarnation", "deleted", "touched", "touched_before")
_CASTS: Final = ("::text::xid8", "::int", "", "", "")


class Stamped(NamedTuple):
    """A row as it is to be, and the xid that its shadow is to have."""

    key: Key
    row: Row
    xid: int


class _Rows(NamedTuple):
    """What becomes of a table's rows: the new ones, the updates, the keys of those that go."""

    new: list[Values]
    turns: Turns
    gone: list[Key]


async def store(
    connection: Connection,
    schema: Schema,
    changes: tuple[LoadedRows, Mapping[RowId, Row]],
    xid: int,
) -> set[int]:
    """Write the changed rows. `changes`: as they were, and as they are to be. Gives the numbers of
    the tables that have something to tell."""
    loaded, changed = changes
    by_table: defaultdict[str, list[tuple[RowId, Row]]] = defaultdict(list)
    for row_id, row in changed.items():
        by_table[row_id.table].append((row_id, row))
    tables = [table for table in schema if table.name in by_table]
    touched: set[int] = set()
    for table in tables:
        rows = by_table[table.name]
        stamped = await work(len(rows), _stamp_all, loaded, rows, xid)
        if any(each.xid == xid for each in stamped):
            touched.add(table.number)
        await store_shadows(connection, table, stamped)
    sorted_rows = {table.name: _sort(table, loaded, by_table[table.name]) for table in tables}
    for table in tables:
        await _update_rows(connection, table, sorted_rows[table.name].turns.early)
    for table in _children_first(schema, tables):
        await _delete(connection, table, sorted_rows[table.name].gone)
    for table in tables:
        await _update_rows(connection, table, sorted_rows[table.name].turns.late)
    for table in tables:
        if values := sorted_rows[table.name].new:
            await connection.execute(_insert(table), *_parameters(table.visible, values))
    return touched


def _stamp_all(loaded: LoadedRows, rows: Sequence[tuple[RowId, Row]], xid: int) -> list[Stamped]:
    return [Stamped(row_id.key, row, _stamp(loaded, row_id, row) or xid) for row_id, row in rows]


def _stamp(loaded: LoadedRows, row_id: RowId, row: Row) -> int | None:
    """The xid that stays since no device need be told of the change. (A row that the hub touched
    last is an echo.)"""
    before = loaded.get(row_id)
    if before is None or is_direct(row.touched) or not looks_the_same(before, row):
        return None
    return loaded.xids.get(row_id)


async def store_shadows(connection: Connection, table: Table, rows: Sequence[Stamped]) -> None:
    """Write the shadows of one table's rows."""
    living = [stamped for stamped in rows if stamped.row.alive]
    gone = [stamped for stamped in rows if not stamped.row.alive]
    for stamped, kept in ((living, table.hidden_columns), (gone, table.columns)):
        if stamped:
            parameters = await work(len(stamped), _shadow_parameters, table, stamped)
            values = _parameters(kept, [each.row.values for each in stamped])
            await connection.execute(_upsert_shadows(table, kept), *parameters, *values)


@lru_cache(maxsize=STATEMENTS_MAX)
def _upsert_shadows(table: Table, kept: Sequence[Column]) -> str:
    """Most rows share their shadow with others, so its numbers (`_shadow_parameters`) are sent once
    for all that do; `at` is where a row's begin. An element of such an array is found at once."""
    sent = [(key_name(table, key), table.by_name[key]) for key in table.primary_key]
    sent += [(f"v{n}", column) for n, column in enumerate(kept)]
    arrays = ", ".join(
        ["$2::bigint[]", *(f"${n}::{parameter_type(c)}[]" for n, (_, c) in enumerate(sent, 3))]
    )
    keys = ", ".join(key_name(table, key) for key in table.primary_key)
    values = [cast(table.by_name[key], f"n.{key_name(table, key)}") for key in table.primary_key]
    values += [f"a[n.at + {place}]{cast}" for place, cast in enumerate(_CASTS, start=1)]
    first = len(_CASTS) + 1
    values.append(f"a[n.at + {first}:n.at + {len(_CASTS) + len(table.columns)}]")
    values.append(_kept_array(table, kept))
    updates = ", ".join(f"{name} = excluded.{name}" for name in [*_NUMBERS, "writers", "kept"])
    return (
        f"INSERT INTO {shadow_of(table)} ({keys}, {', '.join(_NUMBERS)}, writers, kept)"
        f" SELECT {', '.join(values).replace('a[', '($1::bigint[])[')}"
        f" FROM unnest({arrays}) n(at, {', '.join(name for name, _ in sent)})"
        f" ON CONFLICT ({keys}) DO UPDATE SET {updates}"
    )


def _kept_array(table: Table, kept: Sequence[Column]) -> str:
    """What a shadow keeps, at the columns' positions."""
    if not kept:
        return "NULL::text[]"
    texts = {c.name: f"{cast(c, f'n.v{n}')}::text" for n, c in enumerate(kept)}
    return "ARRAY[" + ", ".join(texts.get(name, "NULL") for name in table.column_names) + "]"


def _shadow_parameters(table: Table, rows: Sequence[Stamped]) -> list[list[Value]]:
    """The numbers of all shadows that differ, one after the other; for each row where its shadow's
    begin; the keys."""
    numbers: list[Value] = []
    places: dict[tuple[int, ...], Value] = {}
    at: list[Value] = []
    nobodies = (NOBODY,) * len(table.columns)
    for _, row, xid in rows:
        shadow = (xid, *row[2:], *map(row.writers.get, table.column_names, nobodies))
        place = places.get(shadow)
        if place is None:
            place = places[shadow] = len(numbers)
            numbers += shadow
        at.append(place)
    return [numbers, at, *key_parameters(table, [stamped.key for stamped in rows])]


def _sort(table: Table, loaded: LoadedRows, rows: Sequence[tuple[RowId, Row]]) -> _Rows:
    new: list[Values] = []
    updates: list[Update] = []
    gone: dict[Key, Values] = {}
    others = [c.name for c in table.visible if c.name not in table.primary_key]
    for row_id, row in rows:
        before = loaded.get(row_id)
        was_there = before is not None and before.alive
        if before is None or not was_there:
            new += [row.values] * row.alive
        elif not row.alive:
            gone[row_id.key] = before.values
        elif before.values is not row.values and (changed := _changed(others, before, row)):
            updates.append(Update(before.values, row.values, changed))
    return _Rows(new, in_turns(table, updates, gone.values()), list(gone))


async def _update_rows(
    connection: Connection, table: Table, turns: Iterable[Sequence[Update]]
) -> None:
    for turn in turns:
        alike: defaultdict[tuple[str, ...], list[Values]] = defaultdict(list)
        for _, values, changed in turn:
            alike[changed].append(values)
        for changed, rows in alike.items():
            columns = [table.by_name[name] for name in (*table.primary_key, *changed)]
            await connection.execute(_update(table, changed), *_parameters(columns, rows))


def _changed(columns: Sequence[str], before: Row, after: Row) -> tuple[str, ...]:
    """Which columns have other values; -0.0 is another one than 0.0."""
    old, new = before.values, after.values
    return tuple(
        name
        for name in columns
        if old[name] is not new[name] and (not same(old[name], new[name]) or new[name] == 0.0)
    )


@lru_cache(maxsize=STATEMENTS_MAX)
def _update(table: Table, changed: Sequence[str]) -> str:
    columns = [table.by_name[name] for name in (*table.primary_key, *changed)]
    arrays, names = _unnest(columns)
    width = len(table.primary_key)
    sets = ", ".join(
        f"{quote(name)} = {cast(table.by_name[name], f'n.v{n}')}"
        for n, name in enumerate(changed, start=width)
    )
    same = " AND ".join(
        f"u.{quote(key)} = {cast(table.by_name[key], f'n.v{n}')}"
        for n, key in enumerate(table.primary_key)
    )
    return f"UPDATE {user_table(table)} u SET {sets} FROM unnest({arrays}) n({names}) WHERE {same}"


@lru_cache(maxsize=STATEMENTS_MAX)
def _insert(table: Table) -> str:
    arrays, names = _unnest(table.visible)
    columns = ", ".join(quote(column.name) for column in table.visible)
    values = ", ".join(cast(column, f"n.v{n}") for n, column in enumerate(table.visible))
    return (
        f"INSERT INTO {user_table(table)} ({columns}) OVERRIDING SYSTEM VALUE"
        f" SELECT {values} FROM unnest({arrays}) n({names})"
    )


async def _delete(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    if not keys:
        return
    same = " AND ".join(
        f"u.{quote(key)} = {cast(table.by_name[key], f'k.{key_name(table, key)}')}"
        for key in table.primary_key
    )
    await connection.execute(
        f"DELETE FROM {user_table(table)} u USING {unnest_keys(table)} WHERE {same}",
        *key_parameters(table, keys),
    )


def _children_first(schema: Schema, tables: Iterable[Table]) -> list[Table]:
    """Tables before those they refer to (as far as they don't refer to each other in a circle)."""
    ordered: dict[str, Table] = {}

    def visit(table: Table, above: Collection[str]) -> None:
        for child, _ in schema.children_of(table.name):
            if child.name not in above and child.name not in ordered:
                visit(child, {*above, child.name})
        ordered.setdefault(table.name, table)

    wanted = {table.name: table for table in tables}
    for table in wanted.values():
        visit(table, {table.name})
    return [table for name, table in ordered.items() if name in wanted]


def _unnest(columns: Sequence[Column]) -> tuple[str, str]:
    arrays = ", ".join(f"${n}::{parameter_type(c)}[]" for n, c in enumerate(columns, start=1))
    return arrays, ", ".join(f"v{n}" for n in range(len(columns)))


def _parameters(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Value]]
) -> list[list[Value]]:
    return [to_send(column, [row.get(column.name) for row in rows]) for column in columns]
