"""The triggers that capture every change of a replicated table, whoever makes it. Pure SQL.

They append to `_electric_oplog` what happened, and nothing else; what it means is decided in Python
(`device/oplog.py`). A row in `_electric_guard` keeps them silent: it is put there by whoever
applies a delta, within that transaction.

The oplog's columns `c0`, `c1`, … have no type, so that every value keeps its exact storage class.
An insert logs all values, an update the key and the changed values (`mask` says which), a delete
all old values. An update of the primary key is a delete and an insert. `w` is told of in
`weighing.py`.

A value that Postgres could not hold is refused here, at the write, with table, column and value.
RAISE takes only literals before SQLite 3.47; the error of `json_extract` for a bad path carries any
text, in every SQLite since 3.38, so that is what speaks (docs/decisions/0001-type-guards.md). So
is a row refused that is too large, or a transaction (`weighing.py`).
"""

import re
from collections.abc import Iterator
from typing import Final

from electricsql.migrations.replacing import gone, has_unique_rules, make_noted, note, noted
from electricsql.migrations.weighing import changed_bytes, fails, row_bytes, weight
from electricsql.schema import (
    FIRST_DAY_WITH_ZONE,
    LAST_DAY_WITH_ZONE,
    Column,
    ColumnType,
    Table,
    chained,
    qualified,
    quote,
    tokens,
)

GUARD: Final = "_electric_guard"
OPLOG: Final = "_electric_oplog"
OPLOG_COLUMNS: Final = 16
"""How many value columns the oplog starts with; a wider table brings more."""
MASK_BITS: Final = 62
"""Up to so many columns an update's mask is an integer, beyond it a text of 0 and 1."""

CAPTURE_TABLES: Final = (
    f"CREATE TABLE IF NOT EXISTS {GUARD} (x)",
    f"CREATE TABLE IF NOT EXISTS {OPLOG} (seq INTEGER PRIMARY KEY, tbl, op, mask, at, "
    + ", ".join(f"c{place}" for place in range(OPLOG_COLUMNS))
    + ", w)",
)

_AT: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
_OFF: Final = f"WHEN NOT EXISTS (SELECT 1 FROM {GUARD})"
_NUMBERED: Final = re.compile("CREATE TRIGGER _electric_insert_([0-9]+) AFTER INSERT ON ")
_TRIGGERS: Final = ("insert", "update", "rekey", "delete", "note_insert", "note_update")
SHOWN_CHARACTERS_MAX: Final = 80


def widen_oplog(before: int, after: int) -> tuple[str, ...]:
    """What gives the oplog the columns for tables of up to `after` columns, when it had
    `before`."""
    start, end = max(before, OPLOG_COLUMNS), max(after, OPLOG_COLUMNS)
    return tuple(f"ALTER TABLE {OPLOG} ADD COLUMN c{place}" for place in range(start, end))


def triggers(table: Table) -> tuple[str, ...]:
    """The statements that make a table's triggers, replacing those it may have had."""
    return tuple(_statements(table))


def numbered(statement: str) -> tuple[str, int] | None:
    """A table and its number, if a statement is the one among its triggers that says so."""
    match = _NUMBERED.match(statement)
    if match is None:
        return None
    return next(tokens(statement[match.end() :])).name, int(match[1])


def no_triggers(table: Table) -> Iterator[str]:
    """The statements that take away what capture has of a table."""
    for name in _TRIGGERS:
        yield f"DROP TRIGGER IF EXISTS _electric_{name}_{table.number}"
    yield f"DROP TABLE IF EXISTS {noted(table)}"


def fits(type: ColumnType, value: str = "?1", *, canonical: bool = True) -> str:
    """The condition under which a value that isn't NULL is one of a type; a canonical one, that
    nobody has to correct."""
    conditions = [*_fits(type, value, strict=False)]
    if canonical and (spelled := _CANONICAL.get(type)):
        conditions.append(spelled.format(value))
    return " AND ".join(conditions)


def _statements(table: Table) -> Iterator[str]:
    first = [_computes(table, column) for column in table.generated if _may_exceed(column)]
    if has_unique_rules(table):
        first.append(_log_replaced(table))
    bodies = {
        "insert": ("INSERT", _OFF, [*first, _insert(table)]),
        "update": ("UPDATE", f"{_OFF} AND {_same_key(table)}", [*first, _update(table)]),
        "rekey": (
            f"UPDATE OF {', '.join(map(quote, table.primary_key))}",
            f"{_OFF} AND NOT ({_same_key(table)})",
            [*first, _delete(table), _insert(table)],
        ),
        "delete": ("DELETE", _OFF, [_delete(table)]),
    }
    for name, (event, when, body) in bodies.items():
        yield from _trigger(table, name, f"AFTER {event}", when, body)
    yield from make_noted(table)
    for name, event in (("note_insert", "INSERT"), ("note_update", "UPDATE")):
        if has_unique_rules(table):
            body = note(table, "NEW" if event == "INSERT" else "OLD")
            yield from _trigger(table, name, f"BEFORE {event}", _OFF, body)
        else:
            yield f"DROP TRIGGER IF EXISTS _electric_{name}_{table.number}"


def _trigger(table: Table, name: str, event: str, when: str, body: list[str]) -> Iterator[str]:
    trigger = f"_electric_{name}_{table.number}"
    statements = "".join(f"  {statement};\n" for statement in body)
    yield f"DROP TRIGGER IF EXISTS {trigger}"
    yield (
        f"CREATE TRIGGER {trigger} {event} ON {quote(table.name)}\n{when}\nBEGIN\n{statements}END"
    )


def _same_key(table: Table) -> str:
    return " AND ".join(f"NEW.{quote(name)} IS OLD.{quote(name)}" for name in table.primary_key)


def _log(table: Table, op: int, mask: str, weight: str, values: list[str]) -> str:
    entry = [f"{table.number}, {op}, {mask}, {_AT}", *values, weight]
    return f"{_into_oplog(table, ', w')}\n  VALUES (" + ",\n    ".join(entry) + ")"


def _log_replaced(table: Table) -> str:
    columns = ", ".join(f"c{place}" for place in range(len(table.columns)))
    return f"{_into_oplog(table)}\n  SELECT {table.number}, 3, NULL, {_AT}, {columns} {gone(table)}"


def _into_oplog(table: Table, more: str = "") -> str:
    columns = ", ".join(f"c{place}" for place in range(len(table.columns)))
    return f"INSERT INTO {OPLOG} (tbl, op, mask, at, {columns}{more})"


def _insert(table: Table) -> str:
    size = row_bytes(table, "NEW.")
    values = [_guarded(table, column) for column in table.columns]
    return _log(table, 1, "NULL", weight(table, size, size), values)


def _update(table: Table) -> str:
    values = [
        f"OLD.{quote(column.name)}"
        if column.name in table.primary_key
        else f"CASE WHEN {_changed(column)} THEN {_guarded(table, column)} END"
        for column in table.columns
    ]
    size = weight(table, changed_bytes(table), row_bytes(table, "NEW."))
    return _log(table, 2, _mask(table), size, values)


def _delete(table: Table) -> str:
    values = [f"OLD.{quote(name)}" for name in table.column_names]
    return _log(table, 3, "NULL", weight(table, "0", "0"), values)


def _mask(table: Table) -> str:
    changes = [_changed(column) for column in table.columns if column.name not in table.primary_key]
    if not changes:
        return "0"
    if len(table.columns) > MASK_BITS:
        bits = [
            "'0'" if column.name in table.primary_key else f"({_changed(column)})"
            for column in table.columns
        ]
        return chained(bits, "||")
    return " | ".join(
        f"(({_changed(column)}) << {place})"
        for place, column in enumerate(table.columns)
        if column.name not in table.primary_key
    )


def _changed(column: Column) -> str:
    """Also where only the storage class differs (1 and 1.0), as far as the column can hold both."""
    name = quote(column.name)
    return f"NEW.{name} IS NOT OLD.{name}"


def _guarded(table: Table, column: Column) -> str:
    """NEW's value, or an error that shows it."""
    new = f"NEW.{quote(column.name)}"
    is_key = column.name in table.primary_key
    conditions = list(_holds(table, column, new, is_key))
    nullable = not (is_key or column.not_null)
    if is_key and not column.not_null:
        conditions.insert(0, f"{new} IS NOT NULL")
    if not conditions:
        return new
    holds = " AND ".join(conditions)
    if nullable:
        holds = f"{new} IS NULL OR {holds}"
    kind = f"{column.type}{' and part of the primary key' if is_key else ''}"
    return f"CASE WHEN {holds} THEN {new} ELSE {_refused(table, column, kind, new)} END"


def _refused(table: Table, column: Column, kind: str, value: str) -> str:
    """The expression that fails, and says why."""
    text = f"electric: {table.name}.{column.name} is {kind} and cannot hold ".replace("'", "''")
    shown = f"substr(quote({value}), 1, {SHOWN_CHARACTERS_MAX})"
    return fails(f"'{text}' || {shown} || ' [type-mismatch]'")


def _may_exceed(column: Column) -> bool:
    """Whether what is computed may be no integer any more: of integers that are too large SQLite
    makes a REAL, and Postgres an error."""
    return column.type is ColumnType.INTEGER and any(
        token.text in ("+", "-", "*") for token in tokens(column.expression)
    )


def _computes(table: Table, column: Column) -> str:
    """A statement that fails where a generated column has no value that Postgres has as well. It
    looks before the column's type makes an integer of it again."""
    value = qualified(table, column.expression, "NEW")
    refused = _refused(table, column, str(column.type), value)
    return f"SELECT CASE typeof({value}) WHEN 'real' THEN {refused} END"


def _holds(table: Table, column: Column, new: str, is_key: bool) -> Iterator[str]:
    """What must be true of a value that isn't NULL."""
    yield from _fits(column.type, new, strict=table.strict)
    if is_key and (spelled := _CANONICAL.get(column.type)):
        yield spelled.format(new)


def _fits(type: ColumnType, new: str, *, strict: bool) -> Iterator[str]:
    """Whether Postgres can hold it; STRICT tables check the storage class themselves."""
    text = f"typeof({new}) = 'text'"
    # instr is slow, and not asked for text that is as long in characters (up to the first U+0000)
    # as in bytes.
    no_nul = f"(length({new}) = length(CAST({new} AS BLOB)) OR NOT instr({new}, char(0)))"
    match type:
        case ColumnType.INTEGER | ColumnType.REAL | ColumnType.BLOB:
            if not strict:
                yield f"typeof({new}) = '{type.lower()}'"
        case ColumnType.TEXT:
            yield no_nul if strict else f"{text} AND {no_nul}"
        case ColumnType.BOOLEAN:
            yield f"typeof({new}) = 'integer' AND {new} IN (0, 1)"
        case ColumnType.NUMERIC:
            yield f"typeof({new}) IN ('integer', 'real')"
        case ColumnType.JSON:
            yield f"typeof({new}) <> 'blob' AND json_valid({new}) AND {no_nul}"
        case ColumnType.DATE:
            yield f"{text} AND {_is_date(new)}"
        case ColumnType.TIME:
            yield f"{text} AND {_is_time(new)}"
        case ColumnType.TIMESTAMP:
            yield f"{text} AND {_is_timestamp(new, f'substr({new}, 12)')}"
        case ColumnType.TIMESTAMPTZ:
            yield f"{text} AND {_is_timestamptz(new)}"
        case ColumnType.UUID:
            yield f"{text} AND {_is_uuid(new)}"


_CANONICAL: Final = {
    ColumnType.TIME: "length({0}) IN (8, 15) AND substr({0}, 9) <> '.000000'",
    ColumnType.TIMESTAMP: (
        "length({0}) IN (19, 26) AND substr({0}, 20) <> '.000000' AND substr({0}, 11, 1) = ' '"
    ),
    ColumnType.TIMESTAMPTZ: (
        "length({0}) IN (25, 32) AND {0} NOT GLOB '*.000000+*' AND {0} GLOB '* *+00:00'"
    ),
    ColumnType.UUID: "length({0}) = 36 AND {0} = lower({0})",
}
"""A key can't be corrected after the fact, so it must be canonical from the start (see
`schema/values.py`)."""


def _is_date(value: str) -> str:
    """`date` normalises only when it is told to move, be it by nothing."""
    shape = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
    return f"({value} GLOB '{shape}' AND date({value}, '+0 days') IS {value} AND {value} > '0001')"


def _is_time(value: str) -> str:
    minutes, seconds = "[0-2][0-9]:[0-5][0-9]", ":[0-5][0-9]"
    return (
        f"(substr({value}, 1, 2) < '24' AND ({value} GLOB '{minutes}'"
        f" OR {value} GLOB '{minutes}{seconds}'"
        f" OR ({value} GLOB '{minutes}{seconds}.[0-9]*' AND length({value}) <= 15"
        f" AND substr({value}, 10) NOT GLOB '*[^0-9]*')))"
    )


def _is_timestamp(value: str, time: str) -> str:
    return (
        f"({_is_date(f'substr({value}, 1, 10)')} AND substr({value}, 11, 1) IN (' ', 'T')"
        f" AND {_is_time(time)})"
    )


def _is_timestamptz(value: str) -> str:
    """With `Z`, with an offset, or without a zone."""
    offset = f"substr({value}, -6)"
    ends = (
        f"CASE WHEN {value} GLOB '*Z' THEN 1"
        f" WHEN {offset} GLOB '[+-][0-2][0-9]:[0-5][0-9]' AND substr({offset}, 2, 2) < '24' THEN 6"
        " ELSE 0 END"
    )
    time = f"substr({value}, 12, length({value}) - 11 - {ends})"
    day = f"substr({value}, 1, 10)"
    return (
        f"({_is_timestamp(value, time)}"
        f" AND {day} BETWEEN '{FIRST_DAY_WITH_ZONE}' AND '{LAST_DAY_WITH_ZONE}')"
    )


def _is_uuid(value: str) -> str:
    digits = f"replace({value}, '-', '')"
    return (
        f"(length({digits}) = 32 AND {digits} NOT GLOB '*[^0-9a-fA-F]*' AND (length({value}) = 32"
        f" OR {value} GLOB '{'-'.join('?' * count for count in (8, 4, 4, 4, 12))}'))"
    )
