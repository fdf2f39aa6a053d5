"""What the triggers log, and what they refuse: run on a real SQLite, as any program would."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from electricsql.limits import COLUMNS_MAX
from electricsql.migrations import CAPTURE_TABLES, Source, build
from electricsql.schema import ColumnType, Value, can_hold, canonical

NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, done BOOLEAN DEFAULT 0)"


def database(*ddl: str) -> sqlite3.Connection:
    """A database with these tables and their triggers."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    built = build([Source("20240101000000000_x", "x", ";\n".join(ddl))])
    for statement in (*CAPTURE_TABLES, *built.migrations[0].statements):
        connection.execute(statement)
    return connection


def logged(connection: sqlite3.Connection, width: int = 3) -> list[tuple[Value, ...]]:
    columns = ", ".join(f"c{place}" for place in range(width))
    return connection.execute(
        f"SELECT op, mask, {columns} FROM _electric_oplog ORDER BY seq"
    ).fetchall()


def test_insert_update_and_delete_are_logged_with_what_they_changed() -> None:
    db = database(NOTES)
    db.execute("INSERT INTO notes (id, body) VALUES ('n1', 'milk')")
    db.execute("UPDATE notes SET done = 1")
    db.execute("UPDATE notes SET body = NULL, done = 1")
    db.execute("DELETE FROM notes")
    assert logged(db) == [
        (1, None, "n1", "milk", 0),
        (2, 0b100, "n1", None, 1),
        (2, 0b010, "n1", None, None),
        (3, None, "n1", None, 1),
    ]


def test_the_time_is_in_milliseconds() -> None:
    db = database(NOTES)
    db.execute("INSERT INTO notes (id) VALUES ('n1')")
    ((at, now),) = db.execute("SELECT at, strftime('%s', 'now') FROM _electric_oplog").fetchall()
    assert isinstance(at, int)
    assert abs(at / 1000 - int(now)) < 3


def test_a_changed_key_is_a_delete_and_an_insert() -> None:
    db = database(NOTES)
    db.execute("INSERT INTO notes (id, body) VALUES ('n1', 'milk')")
    db.execute("UPDATE notes SET id = 'n2', body = 'soy'")
    db.execute("UPDATE notes SET id = 'n2', body = 'oat'")
    assert logged(db)[1:] == [
        (3, None, "n1", "milk", 0),
        (1, None, "n2", "soy", 0),
        (2, 0b010, "n2", "oat", None),
    ]


def test_replace_and_upsert_are_captured() -> None:
    db = database(NOTES)
    db.execute("INSERT INTO notes (id, body) VALUES ('n1', 'milk')")
    db.execute("INSERT OR REPLACE INTO notes (id, body) VALUES ('n1', 'soy')")
    db.execute("PRAGMA recursive_triggers = ON")
    db.execute("REPLACE INTO notes (id, body) VALUES ('n1', 'oat')")
    db.execute(
        "INSERT INTO notes (id, body) VALUES ('n1', 'x') ON CONFLICT (id) DO UPDATE SET done = 1"
    )
    db.execute("INSERT OR IGNORE INTO notes (id, body) VALUES ('n1', 'no')")
    assert logged(db)[1:] == [
        (1, None, "n1", "soy", 0),
        (3, None, "n1", "soy", 0),
        (1, None, "n1", "oat", 0),
        (2, 0b100, "n1", None, 1),
    ]


USERS = """-- @unique users.email on-conflict=quarantine
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE, name TEXT)"""


@pytest.mark.parametrize("recursive", [False, True])
def test_rows_that_are_replaced_for_a_unique_value_are_captured(*, recursive: bool) -> None:
    db = database(USERS)
    db.execute(f"PRAGMA recursive_triggers = {recursive}")
    db.execute("INSERT INTO users VALUES ('a', 'x', '1'), ('b', 'y', '2'), ('c', NULL, '3')")
    db.execute("INSERT OR REPLACE INTO users VALUES ('d', 'x', '4')")
    db.execute("UPDATE OR REPLACE users SET email = 'y' WHERE id = 'd'")
    db.execute("INSERT OR REPLACE INTO users VALUES ('e', NULL, '5'), ('f', 'y', '6')")
    changes = [(op, key) for op, _, key, *_ in dict.fromkeys(logged(db)[3:])]
    assert changes == [(3, "a"), (1, "d"), (3, "b"), (2, "d"), (1, "e"), (3, "d"), (1, "f")]
    assert logged(db)[3] == (3, None, "a", "x", "1")


@pytest.mark.parametrize(
    ("index", "other"),
    [
        ("users (email COLLATE NOCASE, name)", "('b', 'X', 'n')"),
        ("users (email) WHERE name = 'n'", "('b', 'x', 'n')"),
        ("users (trim(email), name)", "('b', ' x', 'n')"),
    ],
)
def test_what_a_rule_of_any_form_replaces_is_captured(index: str, other: str) -> None:
    db = database(USERS.replace(" UNIQUE", ""), f"CREATE UNIQUE INDEX i ON {index}")
    db.execute("INSERT INTO users VALUES ('a', 'x', 'n'), ('c', 'x', 'm'), ('d', 'y', 'n')")
    db.execute(f"INSERT OR REPLACE INTO users VALUES {other}")
    assert [(op, key) for op, _, key, *_ in logged(db)[3:]] == [(3, "a"), (1, "b")]


@pytest.mark.parametrize(
    "rule", ["users (plain) WHERE name > '0'", "users (trim(email)) WHERE has_name = 1"]
)
def test_so_it_is_where_the_rule_is_over_what_is_computed(rule: str) -> None:
    db = database(
        "CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT, name TEXT,"
        " plain TEXT AS (trim(email)), has_name BOOLEAN AS (name IS NOT NULL) STORED)",
        f"CREATE UNIQUE INDEX one ON {rule}",
    )
    db.execute("INSERT INTO users VALUES ('a', 'x', '1'), ('b', 'y', '2'), ('c', NULL, '3')")
    db.execute("INSERT OR REPLACE INTO users VALUES ('d', ' x ', '4')")
    db.execute("UPDATE OR REPLACE users SET email = 'y' WHERE id = 'd'")
    changes = [(op, key) for op, _, key, *_ in logged(db)[3:]]
    assert changes == [(3, "a"), (1, "d"), (3, "b"), (2, "d")]


@pytest.mark.parametrize("strict", ["", " STRICT"])
def test_what_is_computed_is_not_logged_and_not_too_large(strict: str) -> None:
    db = database(
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER, sum INTEGER AS (n * 3 - n),"
        f" s TEXT, last INTEGER AS (CASE WHEN s = 'x' THEN n + 1 ELSE 0 END)){strict}"
    )
    db.execute("INSERT INTO t VALUES ('a', 1, NULL)")
    db.execute("UPDATE t SET n = 2")
    assert logged(db) == [(1, None, "a", 1, None), (2, 0b10, "a", 2, None)]
    assert db.execute("SELECT sum, last FROM t").fetchall() == [(4, 0)]
    large = 2**63 - 1
    # 3 n is too large, though what is left in the end is not
    for n in (2**62 - 1, -(2**62), large):
        with pytest.raises(sqlite3.DatabaseError, match=r"t.sum is INTEGER and cannot hold"):
            db.execute("UPDATE t SET n = ?", (n,))
    db.execute("UPDATE t SET n = ?", (large // 3,))
    assert db.execute("SELECT sum FROM t").fetchone() == (large // 3 * 2,)


@pytest.mark.parametrize("type", ["TEXT", "INTEGER"])
def test_a_table_may_have_a_thousand_columns(type: str) -> None:
    columns = ", ".join(f"c{number} {type} UNIQUE" for number in range(4))
    columns += "".join(f", c{number} {type}" for number in range(4, COLUMNS_MAX - 1))
    db = database(f"CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, {columns})")
    db.execute("INSERT INTO t (id, c3) VALUES ('a', 1)")
    db.execute("UPDATE t SET c998 = 2")
    assert logged(db, 5) == [
        (1, None, "a", None, None, None, "1" if type == "TEXT" else 1),
        (2, "0" * (COLUMNS_MAX - 1) + "1", "a", None, None, None, None),
    ]


def test_nor_is_what_a_later_migration_adds() -> None:
    texts = (
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INT)",
        "ALTER TABLE t ADD g INT AS (n + 1)",
    )
    built = build([Source(f"2024010{n}000000000_x", "x", text) for n, text in enumerate(texts, 1)])
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in (*CAPTURE_TABLES, *(s for m in built.migrations for s in m.statements)):
            db.execute(statement)
        db.execute("INSERT INTO t VALUES ('a', 1)")
        with pytest.raises(sqlite3.DatabaseError, match=r"t.g is INTEGER and cannot hold"):
            db.execute("UPDATE t SET n = ?", (2**63 - 1,))


def test_rows_that_stay_in_the_way_are_not_taken_for_replaced() -> None:
    db = database(USERS)
    db.execute("INSERT INTO users VALUES ('a', 'x', '1'), ('b', 'y', '2')")
    db.execute("INSERT OR IGNORE INTO users VALUES ('c', 'x', '3')")
    db.execute("INSERT INTO users VALUES ('c', 'y', '3') ON CONFLICT DO NOTHING")
    db.execute(
        "INSERT INTO users VALUES ('c', 'x', '3') ON CONFLICT (email) DO UPDATE SET name = 'n'"
    )
    db.execute("UPDATE OR IGNORE users SET email = 'x' WHERE id = 'b'")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT OR FAIL INTO users VALUES ('c', 'y', '3')")
    db.execute("INSERT INTO _electric_guard VALUES (1)")
    db.execute("DELETE FROM users WHERE id = 'b'")
    db.execute("DELETE FROM _electric_guard")
    db.execute("UPDATE users SET name = 'm'")
    db.execute("INSERT INTO users VALUES ('d', 'z', '4')")
    assert [(op, key) for op, _, key, *_ in logged(db)[2:]] == [(2, "a"), (2, "a"), (1, "d")]


def test_a_unique_rule_that_comes_later_is_minded_from_then_on() -> None:
    one = Source("20240101000000000_x", "x", USERS.replace(" UNIQUE", "").split("\n")[1])
    two = Source("20240101000000001_y", "y", "CREATE UNIQUE INDEX i ON users (email)")
    three = Source("20240101000000002_z", "z", "DROP INDEX i")
    first, second, third = build([one, two, three]).migrations
    assert not any("_electric_replaced_1 (" in sql for sql in first.statements)
    assert any("_electric_replaced_1 (" in sql for sql in second.statements)
    db = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (*CAPTURE_TABLES, *first.statements, *second.statements):
        db.execute(statement)
    db.execute("INSERT INTO users VALUES ('a', 'x', '1')")
    db.execute("REPLACE INTO users VALUES ('b', 'x', '2')")
    assert [(op, key) for op, _, key, *_ in logged(db)] == [(1, "a"), (3, "a"), (1, "b")]
    for statement in third.statements:
        db.execute(statement)
    db.execute("INSERT INTO users VALUES ('c', 'x', '3')")
    left = db.execute("SELECT name FROM sqlite_schema WHERE name GLOB '_electric_*_1' ORDER BY 1")
    names = ("delete", "insert", "rekey", "update")
    assert left.fetchall() == [(f"_electric_{name}_1",) for name in names]


def test_cascades_are_captured() -> None:
    db = database(
        NOTES,
        "CREATE TABLE tags (note TEXT REFERENCES notes ON DELETE CASCADE, tag TEXT,"
        " PRIMARY KEY (note, tag)) WITHOUT ROWID",
    )
    db.execute("INSERT INTO notes (id) VALUES ('n1')")
    db.execute("INSERT INTO tags VALUES ('n1', 'home')")
    db.execute("DELETE FROM notes")
    entries = db.execute("SELECT tbl, op, c0, c1 FROM _electric_oplog WHERE op = 3").fetchall()
    assert sorted(entries) == [(1, 3, "n1", None), (2, 3, "n1", "home")]


def test_the_guard_keeps_capture_silent() -> None:
    db = database(NOTES)
    db.execute("INSERT INTO _electric_guard VALUES (1)")
    db.execute("INSERT INTO notes (id, done) VALUES ('n1', 'not checked either')")
    db.execute("UPDATE notes SET id = 'n2'")
    db.execute("DELETE FROM notes")
    assert logged(db) == []


def test_odd_names_work() -> None:
    db = database(
        'CREATE TABLE "sel""ect" ("or der" TEXT, [from] INTEGER, `Größe` REAL, "🙂" BLOB,'
        ' PRIMARY KEY ("from", "or der"))'
    )
    db.execute("INSERT INTO \"sel\"\"ect\" VALUES ('a', 1, 0.5, x'00')")
    db.execute('UPDATE "sel""ect" SET "größe" = 2')
    assert logged(db, 4) == [(1, None, "a", 1, 0.5, b"\0"), (2, 0b100, "a", 1, 2.0, None)]


def test_a_table_wider_than_an_integer_has_bits_works() -> None:
    columns = ", ".join(f"c{n} INTEGER" for n in range(100))
    db = database(f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns})")
    db.execute("INSERT INTO wide (id) VALUES (1)")
    db.execute("UPDATE wide SET c98 = 7")
    mask, value = db.execute("SELECT mask, c99 FROM _electric_oplog WHERE op = 2").fetchone()
    assert (mask, value) == ("0" * 99 + "1" + "0", 7)


@pytest.mark.parametrize(
    ("type", "values"),
    [
        ("INTEGER", [0, -1, 2**63 - 1, -(2**63), None]),
        ("REAL", [0.5, 1e300, float("inf"), float("-inf"), 5e-324, None]),
        ("TEXT", ["", "a", "\U0010ffff\ud7ff é 🙂", "x" * 100_000, None]),
        ("BLOB", [b"", b"\0\xff", None]),
        ("BOOLEAN", [0, 1, None]),
        ("NUMERIC", [1, 1.5, None]),
        ("JSON", ["null", '{"a": [1, 2.50]}', '"x"', 5, None]),
        ("UUID", ["2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f", None]),
    ],
)
def test_values_are_logged_bit_for_bit(type: str, values: Sequence[Value]) -> None:
    db = database(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {type})")
    for value in values:
        db.execute("INSERT INTO t (v) VALUES (?)", (value,))
    rows = db.execute("SELECT c1 FROM _electric_oplog ORDER BY seq").fetchall()
    assert [(kind(value), value) for (value,) in rows] == [(kind(v), v) for v in values]


def kind(value: Value) -> str:
    return value.__class__.__name__


@pytest.mark.parametrize(
    ("type", "value", "shown"),
    [
        ("INTEGER", "twelve", "'twelve'"),
        ("INTEGER", 1.5, "1.5"),
        ("REAL", "x", "'x'"),
        ("TEXT", b"x", "X'78'"),
        ("TEXT", "a\0b", "'a"),
        ("BLOB", "text", "'text'"),
        ("BOOLEAN", 2, "2"),
        ("BOOLEAN", "yes", "'yes'"),
        ("DATE", "2024-02-30", "'2024-02-30'"),
        ("TIME", "24:00:00", "'24:00:00'"),
        ("TIMESTAMP", "yesterday", "'yesterday'"),
        ("UUID", "123", "123"),
        ("JSON", "{", "'{'"),
        ("NUMERIC", "many", "'many'"),
    ],
)
def test_what_postgres_can_not_hold_is_refused_at_the_write(
    type: str, value: Value, shown: str
) -> None:
    db = database(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {type})")
    with pytest.raises(sqlite3.Error) as refused:
        db.execute("INSERT INTO t (v) VALUES (?)", (value,))
    message = str(refused.value).replace("''", "'")
    assert f"t.v is {type} and cannot hold {shown}" in message
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.execute("INSERT INTO t (v) VALUES (NULL)")
    with pytest.raises(sqlite3.Error):
        db.execute("UPDATE t SET v = ?", (value,))


def test_a_key_is_never_null_and_always_canonical() -> None:
    db = database("CREATE TABLE t (id UUID PRIMARY KEY)")
    for value in (None, "2B0D7B3D-6F0C-4F0E-9D3C-1F1F1F1F1F1F"):
        with pytest.raises(sqlite3.Error, match=r"t\.id is UUID and part of the primary key"):
            db.execute("INSERT INTO t VALUES (?)", (value,))


def test_strict_tables_keep_their_own_checks() -> None:
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n REAL) STRICT")
    with pytest.raises(sqlite3.IntegrityError, match="cannot store"):
        db.execute("INSERT INTO t (n) VALUES ('x')")
    with pytest.raises(sqlite3.Error, match="cannot hold"):
        db.execute("INSERT INTO t (v) VALUES (?)", ("a\0",))
    db.execute("INSERT INTO t (v, n) VALUES ('a', 1)")
    assert logged(db) == [(1, None, 1, "a", 1.0)]


SPELLED = {
    type: database(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {type})")
    for type in ("DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "UUID")
}
PIECES = "2024 0000 9999 0001 - 02 29 30 12 31 T 23 24 : 59 60 00 . 5 123456 1234567 Z + +05:30"
pieces = st.sampled_from([*PIECES.split(), " ", "-23:59", "+24:00", "é", "a"])
nearly = st.one_of(
    st.lists(pieces, max_size=12).map("".join),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.dates().map(str),
    st.times().map(str),
    st.uuids().map(str),
    st.uuids().map(lambda uuid: uuid.hex.upper()),
)


@given(st.sampled_from(sorted(SPELLED)), nearly)
@example("TIMESTAMPTZ", "0001-01-01 00:00:00Z")
@example("TIMESTAMPTZ", "2024-02-29T23:59+05:30")
@example("TIME", "12:30")
@example("TIMESTAMP", "2024-02-29 12:30:00.")
def test_the_triggers_accept_what_has_a_canonical_spelling(type: str, value: str) -> None:
    try:
        spelled = canonical(ColumnType(type), value)
    except ValueError:
        spelled = None
    db = SPELLED[type]
    try:
        db.execute("INSERT INTO t (v) VALUES (?)", (value,))
        accepted = True
    except sqlite3.Error:
        accepted = False
    finally:
        db.execute("DELETE FROM t")
    assert accepted == (spelled is not None)
    if spelled is not None:
        assert canonical(ColumnType(type), spelled) == spelled
        key = database(f"CREATE TABLE t (id {type} PRIMARY KEY NOT NULL)")
        key.execute("INSERT INTO t VALUES (?)", (spelled,))


TYPED = {
    type: database(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {type})") for type in ColumnType
}
anything = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([0, 1, 2, 1.0, "1", "0.5", "null", "[1]", b"", b"1"]),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.binary(max_size=5),
    st.none(),
    nearly,
)


@given(st.sampled_from(ColumnType), anything)
def test_the_hub_takes_every_kind_of_value_that_the_triggers_accept(
    type: ColumnType, value: Value
) -> None:
    db = TYPED[type]
    try:
        db.execute("INSERT INTO t (v) VALUES (?)", (value,))
    except sqlite3.Error:
        return
    (logged,) = db.execute("SELECT c1 FROM _electric_oplog ORDER BY seq DESC LIMIT 1").fetchone()
    assert can_hold(type, [logged, None])
