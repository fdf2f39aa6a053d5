"""Random blocks, clocks and transactions, for tests of the bytes."""

from hypothesis import strategies as st

from electricsql.replication import Block, Change, Cursor, Op, Shadow, Snapshot, Transaction
from electricsql.schema import Column, ColumnType, Table, Value

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
REALS = st.floats(allow_nan=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BLOBS = st.binary(max_size=20)
VALUES: st.SearchStrategy[Value] = st.one_of(st.none(), INTEGERS, REALS, TEXTS, BLOBS)
HELD: dict[ColumnType, st.SearchStrategy[Value]] = {
    ColumnType.TEXT: TEXTS,
    ColumnType.BLOB: BLOBS,
    ColumnType.INTEGER: INTEGERS,
    ColumnType.NUMERIC: INTEGERS | REALS,
}
"""What a column of that type holds, besides NULL."""

NOTES = Table(
    "notes",
    1,
    (
        Column("id", ColumnType.TEXT, "TEXT"),
        Column("body", ColumnType.BLOB, "BLOB"),
        Column("extra", ColumnType.NUMERIC, "NUMERIC"),
    ),
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
        held = {column.name: HELD[column.type] for column in table.columns}
        key = tuple(draw(held[name]) for name in table.primary_key)
        rest = [name for name in table.column_names if name not in table.primary_key]
        values: dict[str, Value] = {}
        if op in (Op.INSERT, Op.OFFER):
            values = dict(zip(table.primary_key, key, strict=True)) | {
                name: draw(st.none() | held[name]) for name in rest
            }
        elif op is Op.UPDATE:
            values = {name: draw(st.none() | held[name]) for name in rest if draw(st.booleans())}
        life = draw(st.integers(1, 5))
        ended = draw(st.integers(0, life - 1))
        found[table.name, key] = Change(table.name, op, key, values, life, ended)
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
