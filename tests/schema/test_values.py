"""Every value of a typed column has one spelling, and nothing else is taken for one."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.schema import SPELLED, ColumnType, Value, canonical

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = (datetime(1, 1, 3), datetime(9999, 12, 29))
SPELLINGS = st.one_of(
    st.tuples(st.just(ColumnType.DATE), st.dates().map(str)),
    st.tuples(
        st.just(ColumnType.TIME),
        st.times().flatmap(
            lambda at: st.sampled_from([at.isoformat(), at.isoformat("minutes"), f"{at}"])
        ),
    ),
    st.tuples(
        st.just(ColumnType.TIMESTAMP),
        st.datetimes().flatmap(
            lambda at: st.sampled_from([at.isoformat("T"), at.isoformat(" ", "milliseconds")])
        ),
    ),
    st.tuples(
        st.just(ColumnType.TIMESTAMPTZ),
        st.datetimes(*MOMENTS, timezones=zones).map(lambda at: at.isoformat()),
    ),
    st.tuples(
        st.just(ColumnType.UUID),
        st.uuids().flatmap(lambda one: st.sampled_from([one.hex, str(one), str(one).upper()])),
    ),
)


@given(SPELLINGS)
def test_the_canonical_spelling_is_its_own(spelling: tuple[ColumnType, str]) -> None:
    type, value = spelling
    once = canonical(type, value)
    assert canonical(type, once) == once


@given(st.datetimes(*MOMENTS, timezones=zones), zones)
def test_one_moment_has_one_spelling_in_every_zone(moment: datetime, zone: timezone) -> None:
    spelled = canonical(ColumnType.TIMESTAMPTZ, moment.isoformat())
    assert spelled == canonical(ColumnType.TIMESTAMPTZ, moment.astimezone(zone).isoformat(" "))
    assert isinstance(spelled, str)
    assert datetime.fromisoformat(spelled) == moment
    assert spelled.endswith("+00:00")


@given(st.datetimes(*MOMENTS), st.uuids())
def test_spellings_mean_what_python_means(moment: datetime, id: UUID) -> None:
    text = str(moment)
    assert canonical(ColumnType.TIMESTAMP, moment.isoformat("T")) == text
    assert canonical(ColumnType.TIMESTAMPTZ, text + "Z") == str(moment.replace(tzinfo=UTC))
    assert canonical(ColumnType.DATE, str(moment.date())) == str(moment.date())
    assert canonical(ColumnType.TIME, str(moment.time())) == str(moment.time())
    assert canonical(ColumnType.UUID, id.hex.upper()) == str(id)


@pytest.mark.parametrize(
    ("type", "value", "spelled"),
    [
        (ColumnType.TIME, "07:05", "07:05:00"),
        (ColumnType.TIME, "07:05:01.5", "07:05:01.500000"),
        (ColumnType.TIME, "07:05:01.000000", "07:05:01"),
        (ColumnType.TIMESTAMP, "2024-02-29T07:05", "2024-02-29 07:05:00"),
        (ColumnType.TIMESTAMPTZ, "2024-02-29 23:30:00-01:00", "2024-03-01 00:30:00+00:00"),
        (ColumnType.TIMESTAMPTZ, "2024-02-29 07:05", "2024-02-29 07:05:00+00:00"),
    ],
)
def test_shorter_spellings(type: ColumnType, value: str, spelled: str) -> None:
    assert canonical(type, value) == spelled


@pytest.mark.parametrize(
    ("type", "value"),
    [
        *((type, 5) for type in sorted(SPELLED)),
        *((type, "") for type in sorted(SPELLED)),
        *((type, b"2024-01-01") for type in sorted(SPELLED)),
        (ColumnType.DATE, "2023-02-29"),
        (ColumnType.DATE, "0000-01-01"),
        (ColumnType.DATE, "2024-01-01 "),
        (ColumnType.DATE, "٢٠٢٤-01-01"),
        (ColumnType.TIME, "24:00"),
        (ColumnType.TIME, "07:05:01.1234567"),
        (ColumnType.TIME, "07:05Z"),
        (ColumnType.TIMESTAMP, "2024-01-01 00:00:00+00:00"),
        (ColumnType.TIMESTAMP, "2024-01-01"),
        (ColumnType.TIMESTAMPTZ, "0001-01-01 00:00:00+00:00"),
        (ColumnType.TIMESTAMPTZ, "9999-12-31 00:00:00+00:00"),
        (ColumnType.TIMESTAMPTZ, "2024-01-01 00:00:00 UTC"),
        (ColumnType.UUID, "2b0d7b3d6f0c-4f0e-9d3c-1f1f1f1f1f1f"),
        (ColumnType.UUID, "{2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f}"),
    ],
)
def test_what_is_no_such_value_is_refused(type: ColumnType, value: Value) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(type, value)


@given(st.sampled_from(sorted(set(ColumnType) - SPELLED)), st.one_of(st.integers(), st.text()))
def test_other_types_have_one_spelling_anyway(type: ColumnType, value: Value) -> None:
    assert canonical(type, value) is value


@pytest.mark.parametrize("type", ColumnType)
def test_null_is_null(type: ColumnType) -> None:
    assert canonical(type, None) is None
