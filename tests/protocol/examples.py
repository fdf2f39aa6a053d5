"""Random blocks, clocks and transactions, for tests of the bytes."""

from hypothesis import strategies as st

from electricsql.replication import Block, Change, Cursor, Op, Shadow, Snapshot, Transaction
from electricsql.schema import Column, ColumnType, Table, Value

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    INTEGERS,
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=20),
)

NOTES = Table(
    "notes",
    1,
    tuple(Column(name, ColumnType.TEXT, "TEXT") for name in ("id", "body", "extra")),
    ("id",),
)
PLACES = Table(
    "Places & more",
    2,
    tuple(Column(name, ColumnType.INTEGER, "INTEGER") for name in ("value", "y", "x")),
    ("x", "y"),
)
TABLES = {table.name: table for table in (NOTES, PLACES)}


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    xmin = draw(st.integers(1, 1 << 40))
    running = draw(st.frozensets(st.integers(xmin, xmin + 20), max_size=5))
    return Snapshot(xmin, max(running, default=xmin) + draw(st.integers(1, 9)), running)


CURSORS = st.builds(Cursor, st.text("0123456789abcdef", min_size=1, max_size=32), snapshots())


@st.composite
def changes(draw: st.DrawFn) -> list[Change]:
    found: dict[object, Change] = {}
    for _ in range(draw(st.integers(0, 8))):
        table = draw(st.sampled_from([NOTES, PLACES]))
        op = draw(st.sampled_from(Op))
        key = tuple(draw(VALUES.filter(lambda value: value is not None)) for _ in table.primary_key)
        rest = [name for name in table.column_names if name not in table.primary_key]
        values: dict[str, Value] = {}
        if op is Op.INSERT:
            values = dict(zip(table.primary_key, key, strict=True)) | {
                name: draw(VALUES) for name in rest
            }
        elif op is Op.UPDATE:
            values = {name: draw(VALUES) for name in rest if draw(st.booleans())}
        # Equal keys of different storage classes (1 and 1.0) are one row in Python's eyes.
        found[table.name, key] = Change(table.name, op, key, values, draw(st.integers(1, 5)))
    return list(found.values())


TRANSACTIONS = st.builds(
    Transaction,
    st.integers(1, 1 << 40),
    st.integers(0, (1 << 63) - 1),
    st.none() | CURSORS,
    st.none() | st.just("20221116162335423_first"),
    changes(),
)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    width, rows = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    ids = st.integers(-(1 << 50), 1 << 50)
    shadow = st.builds(
        Shadow,
        st.integers(1, 9),
        ids,
        ids,
        ids,
        st.tuples(*[ids] * width),
    )
    shadows = draw(st.lists(shadow, min_size=1, max_size=3))
    return Block(
        draw(st.text(max_size=10)),
        tuple(f"c{place}" for place in range(width)),
        [[draw(VALUES) for _ in range(rows)] for _ in range(width)],
        shadows,
        [draw(st.integers(0, len(shadows) - 1)) for _ in range(rows)],
    )
