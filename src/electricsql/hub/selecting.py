"""The SQL that gets rows out of the tables with their shadows. Pure.

A row is fetched as: the shadow as one text (most rows share theirs with many, so it is looked up
and read once), then a value for each column. A tombstone's values come from what its shadow keeps.
"""

from functools import lru_cache

from electricsql.hub.capture import key_name, shadow_of, user_table
from electricsql.hub.values import can_be_key, stored, wire
from electricsql.limits import STATEMENTS_MAX
from electricsql.replication import Place, Shadow
from electricsql.schema import POSTGRES_TYPES, Column, Schema, Table, postgres_literal, quote

SHADOW_TEXT = (
    "concat_ws('/', s.incarnation, s.deleted, s.touched, s.touched_before, s.writers::text)"
)
_CHANGED = (
    "s.xid >= pg_snapshot_xmin($1::text::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot(s.xid, $1::text::pg_snapshot)"
)


@lru_cache(maxsize=STATEMENTS_MAX)
def select_changed(table: Table, rows_max: int | None = None) -> str:
    """The rows, tombstones too, that snapshot $1 does not see; not more than so many."""
    values = ", ".join(wire(column, _either(table, column)) for column in table.columns)
    limit = "" if rows_max is None else f"\nLIMIT {rows_max}"
    return (
        f"SELECT {SHADOW_TEXT}, {values}\nFROM {shadow_of(table)} s"
        f" LEFT JOIN {user_table(table)} u ON {join_keys(table)}\nWHERE {_CHANGED}{limit}"
    )


@lru_cache(maxsize=STATEMENTS_MAX)
def select_alive(table: Table) -> str:
    """All rows there are."""
    values = ", ".join(wire(column, _living(table, column)) for column in table.columns)
    return (
        f"SELECT {SHADOW_TEXT}, {values}\nFROM {shadow_of(table)} s"
        f" JOIN {user_table(table)} u ON {join_keys(table)}\nWHERE s.deleted = 0"
    )


def select_all(table: Table, horizon: int) -> str:
    """The same, and the tombstones that are not forgotten."""
    values = ", ".join(wire(column, _either(table, column)) for column in table.columns)
    return (
        f"SELECT {SHADOW_TEXT}, {values}\nFROM {shadow_of(table)} s"
        f" LEFT JOIN {user_table(table)} u ON {join_keys(table)}"
        f"\nWHERE (s.deleted = 0 OR {_remembered(horizon)})"
    )


def any_dead(table: Table, horizon: int) -> str:
    """Whether there are such tombstones."""
    return (
        f"SELECT EXISTS (SELECT FROM {shadow_of(table)} s"
        f" WHERE s.deleted <> 0 AND {_remembered(horizon)})"
    )


def by_key(sql: str, table: Table, after: Place | None) -> str:
    """One of the above, by key; the rows behind a place, or all of them.

    All rows are a merge join, which reads both tables from there on.
    """
    keys = {
        "s": ", ".join(f"s.{key_name(table, name)}" for name in table.primary_key),
        "u": ", ".join(f"u.{quote(name)}" for name in table.primary_key),
    }
    sides = "su" if sql == select_alive(table) else "s"  # a tombstone has no row
    if after is not None:
        types = [table.by_name[name].type for name in table.primary_key]
        place = ", ".join(map(postgres_literal, after.key, types))
        sql += "".join(f" AND ({keys[side]}) > ({place})" for side in sides)
    return f"{sql}\nORDER BY {keys['s']}"


def is_place(schema: Schema, place: Place) -> bool:
    """Whether there may be a row at a place that a device has told."""
    table = schema.tables.get(place.table)
    if table is None or len(place.key) != len(table.primary_key):
        return False
    columns = [table.by_name[name] for name in table.primary_key]
    return all(map(can_be_key, columns, place.key))


def count_changed(table: Table) -> str:
    """How many rows snapshot $1 does not see."""
    return f"SELECT count(*) FROM {shadow_of(table)} s WHERE {_CHANGED}"


def count_all(table: Table, horizon: int) -> str:
    """How many rows `select_all` gives."""
    return (
        f"SELECT count(*) FROM {shadow_of(table)} s WHERE s.deleted = 0 OR {_remembered(horizon)}"
    )


def join_keys(table: Table) -> str:
    """Shadow `s` belongs to row `u`."""
    return " AND ".join(f"u.{quote(key)} = s.{key_name(table, key)}" for key in table.primary_key)


def kept(table: Table, column: Column) -> str:
    """What a shadow has of a row's values: all of a tombstone, hidden ones of the living; the
    default for a column that is younger than the tombstone."""
    position = table.positions[column.name]
    value = f"s.kept[{position + 1}]::{POSTGRES_TYPES[column.type]}"
    if column.default_value is None:
        return value
    default = postgres_literal(column.default_value, column.type)
    return (
        f"CASE WHEN coalesce(cardinality(s.kept), 0) > {position} THEN {value} ELSE {default} END"
    )


def read_shadow(text: str, width: int) -> Shadow:
    """The inverse of `SHADOW_TEXT`, for a table of so many columns."""
    incarnation, deleted, touched, before, array = text.split("/")
    known = [0 if w == "NULL" else int(w) for w in array[1:-1].split(",")] if array != "{}" else []
    writers = tuple(known[:width]) + (0,) * (width - len(known))
    return Shadow(int(incarnation), int(deleted), int(touched), int(before), writers)


def _remembered(horizon: int) -> str:
    return f"s.xid >= '{horizon}'::xid8"


def _living(table: Table, column: Column) -> str:
    return kept(table, column) if column.hidden else stored(column, "u")


def _either(table: Table, column: Column) -> str:
    if column.name in table.primary_key:
        return f"s.{key_name(table, column.name)}"
    if column.hidden:
        return kept(table, column)
    return f"CASE WHEN s.deleted = 0 THEN {stored(column, 'u')} ELSE {kept(table, column)} END"
