"""What Postgres says of a value is what SQLite would hold, and the other way round."""

import sqlite3
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from electricsql.hub.selecting import read_shadow
from electricsql.hub.values import can_be_key, finish, parameter_type, to_send, wire
from electricsql.replication import Shadow
from electricsql.schema import Column, ColumnType, Value, canonical


def column(type: ColumnType) -> Column:
    return Column("x", type, type.value)


def finished(type: ColumnType, text: Value) -> Value:
    (value,) = finish(column(type), [text])
    return value


def in_sqlite(value: Value) -> Value:
    """What a NUMERIC column makes of a value."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (x NUMERIC)")
    database.execute("INSERT INTO t VALUES (?)", (value,))
    ((held,),) = database.execute("SELECT x FROM t")
    database.close()
    assert held is None or isinstance(held, int | float)
    return held


def as_postgres_spells(number: Decimal) -> str:
    """`numeric` as text: never with an exponent."""
    return f"{number:f}"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
@example(Decimal(-(2**63)))
@example(Decimal(2**63))
@example(Decimal("5.000"))
@example(Decimal("6817901352819515.33"))  # a float that SQLite would keep as an integer
def test_a_numeric_is_what_a_sqlite_column_would_make_of_it(number: Decimal) -> None:
    value = finished(ColumnType.NUMERIC, as_postgres_spells(number))
    assert repr(value) == repr(in_sqlite(value)), "SQLite keeps it as it is"
    assert isinstance(value, int | float)
    if isinstance(value, int):
        assert value == number or value == float(number) != number != int(number)
    else:
        assert value == float(number)
        assert number != int(number) or not -(2**63) <= number < 2**63


@given(st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300)))
@example(float(-(2**63)))
@example(float(2**53 + 2))
@example(1e17)
def test_a_number_of_a_device_comes_back_from_a_numeric(number: float) -> None:
    """As the device's own SQLite holds it."""
    held = in_sqlite(number)
    (sent,) = to_send(column(ColumnType.NUMERIC), [held])
    back = finished(ColumnType.NUMERIC, as_postgres_spells(Decimal(str(sent))))
    assert repr(back) == repr(held)


def trimmed(text: str) -> str:
    """As Postgres shows a time: without zeros at the end of a fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.times())
def test_times_are_spelled_canonically(moment: datetime, at: time) -> None:
    for type, text in (
        (ColumnType.TIMESTAMP, str(moment)),
        (ColumnType.TIMESTAMPTZ, str(moment)),
        (ColumnType.TIME, str(at)),
    ):
        value = finished(type, trimmed(text))
        assert canonical(type, value) == value
    assert finished(ColumnType.TIMESTAMPTZ, trimmed(str(moment))) == str(moment.replace(tzinfo=UTC))


@pytest.mark.parametrize("type", ColumnType)
def test_null_is_null_on_every_way(type: ColumnType) -> None:
    assert finished(type, None) is None
    assert to_send(column(type), [None]) == [None]


@pytest.mark.parametrize("type", ColumnType)
def test_what_is_sent_as_text_is_text(type: ColumnType) -> None:
    examples: dict[ColumnType, Value] = {ColumnType.BLOB: b"x", ColumnType.TEXT: "x"}
    example = examples.get(type, 1)
    (sent,) = to_send(column(type), [example])
    assert isinstance(sent, str) == (parameter_type(column(type)) == "text")


def test_moments_are_asked_for_in_utc_whatever_the_session() -> None:
    assert wire(column(ColumnType.TIMESTAMPTZ), "u.x") == "(u.x AT TIME ZONE 'UTC')::text"
    assert wire(column(ColumnType.BOOLEAN), "u.x") == "u.x::int"
    assert wire(column(ColumnType.TEXT), "u.x") == "u.x"
    assert wire(column(ColumnType.DATE), "u.x") == "u.x::text"


@pytest.mark.parametrize(
    ("type", "value", "may"),
    [
        (ColumnType.INTEGER, 1, True),
        (ColumnType.INTEGER, "1", False),
        (ColumnType.NUMERIC, 1.5, True),
        (ColumnType.TEXT, "a\0b", False),
        (ColumnType.BLOB, b"\0", True),
        (ColumnType.DATE, "2024-02-29", True),
        (ColumnType.DATE, "2024-02-30", False),
        (ColumnType.TIMESTAMP, "2024-02-29T00:00", False),
        (ColumnType.UUID, "2B0D7B3D-6F0C-4F0E-9D3C-1F1F1F1F1F1F", False),
        (ColumnType.TEXT, None, False),
    ],
)
def test_which_values_may_be_keys(type: ColumnType, value: Value, may: bool) -> None:
    assert can_be_key(column(type), value) is may


IDS = st.integers(-(1 << 60), 1 << 60)


@given(st.lists(st.one_of(st.none(), IDS), max_size=6), st.tuples(IDS, IDS, IDS, IDS))
def test_a_shadow_is_read_for_as_many_columns_as_the_table_has_now(
    writers: list[int | None], rest: tuple[int, int, int, int]
) -> None:
    array = "{" + ",".join("NULL" if each is None else str(each) for each in writers) + "}"
    text = "/".join([*map(str, rest), array])
    known = [each or 0 for each in writers]
    for width in (len(writers), len(writers) + 2, max(0, len(writers) - 1)):
        shadow = read_shadow(text, width)
        assert shadow == Shadow(*rest, writers=(*known, 0, 0)[:width])
