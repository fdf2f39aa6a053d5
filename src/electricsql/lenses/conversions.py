"""Columns whose values are other ones in newer versions: which of a row's forms counts, and how the
others come of it.

Each version's form of a value is a register of its own. Whoever writes one writes all newer ones
too, with one clock; older ones are computed when they are read. So what somebody wrote is what it
reads, letter for letter, until somebody writes the value in a newer form; and which write wins is
decided in the newest form alone.

Where an expression fails for a written value, the newer forms stay as they are if the lens says
`hold`. The value is the latest then, and stays in its own register: it is told as `Held`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from electricsql.lenses.expressions import Expression, Failed, constant, evaluate
from electricsql.lenses.model import HOLD, NULL
from electricsql.replication import OLDEST, Clocks
from electricsql.schema import Column, ColumnType, Key, Value


class Form(NamedTuple):
    """A newer form of a column: its register, by name and position, and how it and the form before
    it are computed from each other. `for_null` is what the version that made it shows for a NULL
    that it can't have."""

    register: str
    place: int
    up: Expression
    down: Expression
    on_error: str = HOLD
    for_null: Value = None


class Held(NamedTuple):
    """A value that could not be converted: whose register has it, and the one that lacks it."""

    table: str
    key: Key
    register: str
    lacking: str
    value: Value
    why: str


def raised(form: Form, values: Sequence[Value]) -> list[Value | Failed]:
    """Values of the form before it in this form; what the lens says where that fails."""
    found = evaluate(form.up, values)
    if form.on_error == HOLD:
        return found
    instead = None if form.on_error == NULL else constant(form.on_error)
    return [instead if isinstance(each, Failed) else each for each in found]


def lowered(forms: Sequence[Form], values: Sequence[Value]) -> list[Value]:
    """Values of the last of these forms in the one before the first. There always is one."""
    for form in reversed(forms):
        if form.for_null is not None:
            values = [form.for_null if value is None else value for value in values]
        fallback = _fallback(form.down.target)
        found = evaluate(form.down, values)
        values = [fallback if isinstance(each, Failed) else each for each in found]
    return list(values)


def made_up(form: Form) -> Value:
    """What a row has in this form if nobody wrote it, nor what it can be computed from."""
    return _fallback(form.up.target)


def source(places: Sequence[int], writers: Sequence[int], clocks: Clocks) -> int:
    """Which of a value's forms, oldest first, was written last: the oldest of those written
    together. Where nobody knows any more it is the newer one."""
    last = len(places) - 1
    for form in range(last - 1, -1, -1):
        one, other = writers[places[form]], writers[places[last]]
        if one == other or _rank(one, clocks) > _rank(other, clocks):
            last = form
    return last


def _rank(writer: int, clocks: Clocks) -> tuple[bool, tuple[int, int]]:
    return writer > 0, clocks.get(abs(writer), OLDEST)


_ZEROS: dict[ColumnType, Value] = {
    ColumnType.INTEGER: 0,
    ColumnType.REAL: 0.0,
    ColumnType.NUMERIC: 0,
    ColumnType.BOOLEAN: 0,
    ColumnType.BLOB: b"",
    ColumnType.DATE: "1970-01-01",
    ColumnType.TIME: "00:00:00",
    ColumnType.TIMESTAMP: "1970-01-01 00:00:00",
    ColumnType.TIMESTAMPTZ: "1970-01-01 00:00:00+00:00",
    ColumnType.UUID: "00000000-0000-0000-0000-000000000000",
    ColumnType.JSON: "null",
}


def _fallback(column: Column) -> Value:
    """What a version shows if nothing can be computed for it."""
    if column.default_value is not None or not column.not_null:
        return column.default_value
    return _ZEROS.get(column.type, "")
