"""Folding what the triggers logged: replayed on the rows of before, it must give those of after."""

import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electricsql.device.oplog import Folded, entry_columns, entry_of, fold
from electricsql.migrations import CAPTURE_TABLES, Build, build
from electricsql.replication import Op
from electricsql.schema import Key, Value
from tests.device.files import sources

Rows = dict[Key, dict[str, Value]]
NARROW = (
    "CREATE TABLE t (id TEXT NOT NULL, n INTEGER, a TEXT DEFAULT 'x', b REAL, PRIMARY KEY (id, n))"
)
FILLERS = ", ".join(f"f{place} INTEGER" for place in range(70))
WIDE = (
    f"CREATE TABLE t (id TEXT NOT NULL, n INTEGER, a TEXT, {FILLERS}, b REAL, PRIMARY KEY (id, n))"
)
BUILDS = {sql: build(sources(sql)) for sql in (NARROW, NARROW + " WITHOUT ROWID", WIDE)}

ids = st.sampled_from(["p", "q"])
texts = st.sampled_from(["x", "y", "", None])
reals = st.sampled_from([0.5, 1.0, None])
statements = st.one_of(
    st.tuples(
        st.sampled_from(["INSERT OR IGNORE", "REPLACE"]).map(
            lambda verb: f"{verb} INTO t (id, n, a, b) VALUES (?, 1, ?, ?)"
        ),
        st.tuples(ids, texts, reals),
    ),
    st.tuples(
        st.just(
            "INSERT INTO t (id, n, a) VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET a = excluded.a"
        ),
        st.tuples(ids, texts),
    ),
    st.tuples(st.just("UPDATE t SET a = ? WHERE id = ?"), st.tuples(texts, ids)),
    st.tuples(st.just("UPDATE t SET b = ?, a = a"), st.tuples(reals)),
    st.tuples(st.just("UPDATE OR REPLACE t SET id = ? WHERE id = ?"), st.tuples(ids, ids)),
    st.tuples(st.just("DELETE FROM t WHERE id = ?"), st.tuples(ids)),
)
Statement = tuple[str, tuple[Value, ...]]


def database(built: Build, *, recursive: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(f"PRAGMA recursive_triggers = {'ON' if recursive else 'OFF'}")
    for statement in (*CAPTURE_TABLES, *built.migrations[0].statements):
        connection.execute(statement)
    return connection


def rows_of(connection: sqlite3.Connection, built: Build) -> Rows:
    table = built.schema.tables["t"]
    found = (
        dict(zip(table.column_names, row, strict=True))
        for row in connection.execute("SELECT * FROM t")
    )
    return {table.key_of(row): row for row in found}


def folded(connection: sqlite3.Connection, built: Build) -> list[Folded]:
    """What was logged since the last time."""
    columns = entry_columns(built.schema)
    logged = connection.execute(f"SELECT {columns} FROM _electric_oplog ORDER BY seq")
    entries = list(map(entry_of, logged))
    connection.execute("DELETE FROM _electric_oplog")
    return fold(entries, {table.number: table for table in built.schema})


def replayed(rows: Rows, changes: Sequence[Folded]) -> Rows:
    after = dict(rows)
    for each in changes:
        if each.op is Op.DELETE:
            after.pop(each.key, None)
        else:
            after[each.key] = {**after.get(each.key, {}), **each.values}
    return after


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(BUILDS)),
    st.lists(st.lists(statements, max_size=6), max_size=4),
    st.booleans(),
)
def test_replaying_the_folded_changes_gives_the_rows(
    ddl: str, transactions: Sequence[Sequence[Statement]], recursive: bool
) -> None:
    built = BUILDS[ddl]
    connection = database(built, recursive=recursive)
    for written in transactions:
        before = rows_of(connection, built)
        for sql, values in written:
            connection.execute(sql, values)
        changes = folded(connection, built)
        assert replayed(before, changes) == rows_of(connection, built)
        assert len({each.id for each in changes}) == len(changes)
        for each in changes:
            assert not {"id", "n"} & each.values.keys() or each.op is Op.INSERT
            assert each.op is not Op.UPDATE or (each.values and each.key in before)
            if each.op is Op.DELETE:
                assert not each.change().values
    connection.close()


def changes_of(*written: str) -> list[tuple[Op, Key, dict[str, Value]]]:
    built = BUILDS[NARROW]
    connection = database(built)
    connection.execute("INSERT INTO t VALUES ('p', 1, 'x', 0.5)")
    folded(connection, built)
    for sql in written:
        connection.execute(sql)
    changes = [each.change() for each in folded(connection, built)]
    connection.close()
    return [(change.op, change.key, dict(change.values)) for change in changes]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["UPDATE t SET a = a"], []),
        (["DELETE FROM t", "INSERT INTO t VALUES ('p', 1, 'x', 0.5)"], []),
        (
            ["DELETE FROM t", "INSERT INTO t VALUES ('p', 1, 'y', 0.5)"],
            [(Op.UPDATE, ("p", 1), {"a": "y"})],
        ),
        (
            ["UPDATE t SET a = 'y'", "REPLACE INTO t VALUES ('p', 1, 'y', 0.5)"],
            [(Op.UPDATE, ("p", 1), {"a": "y"})],
        ),
        (
            ["UPDATE t SET id = 'q'", "UPDATE t SET id = 'p', a = NULL"],
            [
                (Op.UPDATE, ("p", 1), {"a": None}),
                (Op.DELETE, ("q", 1), {}),
            ],
        ),
        (["DELETE FROM t"], [(Op.DELETE, ("p", 1), {})]),
    ],
)
def test_only_what_became_of_a_row_counts(
    written: Sequence[str], expected: list[tuple[Op, Key, dict[str, Value]]]
) -> None:
    assert changes_of(*written) == expected


def test_a_deleted_row_is_remembered_as_it_was_before_the_transaction() -> None:
    built = BUILDS[NARROW]
    connection = database(built)
    connection.execute("INSERT INTO t VALUES ('p', 1, 'x', 0.5)")
    folded(connection, built)
    connection.execute("REPLACE INTO t VALUES ('p', 1, 'y', 0.5)")
    connection.execute("DELETE FROM t")
    (gone,) = folded(connection, built)
    assert gone.before == {"id": "p", "n": 1, "a": "x", "b": 0.5}
    connection.close()
