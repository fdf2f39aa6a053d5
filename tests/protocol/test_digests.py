"""Digests tell tables apart, whatever the order of their rows, and say where to look."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from electricsql.limits import BUCKET_ROWS, BUCKETS_MAX
from electricsql.protocol import TableDigest, bucket_of, buckets_for, marked
from electricsql.schema import Column, ColumnType, Key, Table, Value
from tests.protocol.examples import VALUES

ROWS = Table(
    "rows",
    1,
    tuple(Column(name, ColumnType.NUMERIC, "NUMERIC") for name in ("b", "a", "x")),
    ("a", "b"),
)
REALS = Table(
    "reals",
    2,
    (Column("id", ColumnType.REAL, "REAL"), Column("r", ColumnType.REAL, "REAL")),
    ("id",),
)
Row = tuple[Value, ...]
KEYS = VALUES.filter(lambda value: value is not None)


def tables(min_size: int = 0) -> st.SearchStrategy[list[Row]]:
    return st.dictionaries(st.tuples(KEYS, KEYS), VALUES, min_size=min_size, max_size=30).map(
        lambda rows: [(*key, value) for key, value in rows.items()]
    )


TABLES = tables()
COUNTS = st.integers(0, 12).map(lambda power: 1 << power)


def columns(rows: Sequence[Row]) -> list[list[Value]]:
    return [list(column) for column in zip(*rows, strict=True)]


def digest(rows: Sequence[Row], table: Table = ROWS) -> TableDigest:
    made = TableDigest(table)
    for row in rows:
        made.add(columns([row]))
    return made


def marks(rows: Sequence[Row], count: int, wanted: Sequence[int]) -> dict[Key, tuple[int, ...]]:
    return dict(marked(ROWS, columns(rows), count, wanted)) if rows else {}


@given(TABLES, st.randoms(), COUNTS)
def test_the_order_of_rows_does_not_matter(rows: list[Row], random: Random, count: int) -> None:
    shuffled = random.sample(rows, len(rows))
    one, other = digest(rows), TableDigest(ROWS)
    other.add(columns(shuffled) or [[], [], []])
    assert (one.rows, one.buckets(count)) == (other.rows, other.buckets(count))
    assert one.rows == len(rows)


@given(tables(min_size=1), VALUES, st.data(), COUNTS)
def test_a_difference_shows_in_its_bucket_and_in_no_other(
    rows: list[Row], value: Value, data: st.DataObject, count: int
) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    b, a, x = rows[place]
    changed = data.draw(st.sampled_from([[], [(b, a, value)]]))
    same = [repr(row) for row in changed] == [repr((b, a, x))]
    others = [*rows[:place], *changed, *rows[place + 1 :]]
    pairs = zip(digest(rows).buckets(count), digest(others).buckets(count), strict=True)
    found = [number for number, (one, other) in enumerate(pairs) if one != other]
    assert found == ([] if same else [bucket_of((a, b), count)])


@given(TABLES, COUNTS)
def test_every_row_is_in_one_bucket(rows: list[Row], count: int) -> None:
    each = [
        marks(rows, count, [number]) for number in {bucket_of((a, b), count) for b, a, _ in rows}
    ]
    merged = {key: mark for some in each for key, mark in some.items()}
    assert sum(map(len, each)) == len(merged) == len(rows)
    assert merged == marks(rows, count, range(count))


@given(KEYS, KEYS, VALUES, VALUES)
def test_marks_tell_which_columns_differ(b: Value, a: Value, one: Value, other: Value) -> None:
    (ours,), (theirs,) = (marks([(b, a, x)], 1, [0]).values() for x in (one, other))
    assert ours[:2] == theirs[:2]
    assert (ours[2] == theirs[2]) == (repr(one) == repr(other))


def test_storage_classes_are_told_apart() -> None:
    values: list[Value] = [None, 0, 0.0, "0", b"0", "", b""]
    digests = {digest([(1, 1, value)]).buckets(1) for value in values}
    assert len(digests) == len(values)


def test_sqlite_has_no_negative_zero() -> None:
    one, other = (digest([(zero, zero)], REALS) for zero in (0.0, -0.0))
    assert one.buckets(4) == other.buckets(4)
    assert digest([(0.5, None)], REALS).buckets(1) != digest([(0.5, 0.0)], REALS).buckets(1)


@given(st.integers(0, BUCKETS_MAX * BUCKET_ROWS))
def test_buckets_stay_small(rows: int) -> None:
    count = buckets_for(rows)
    assert rows <= count * BUCKET_ROWS
    assert count == 1 or rows > count * BUCKET_ROWS // 2
    assert BUCKETS_MAX % count == 0


def test_a_huge_table_has_no_more_buckets_than_that() -> None:
    assert buckets_for(1 << 40) == BUCKETS_MAX
