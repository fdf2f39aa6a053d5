"""The first migration from a SQLite file's schema: what stays, what is corrected, what is left
out; and that it builds whatever the file has."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.adopting import Draft, Outcome
from electricsql.cli.adopting import read_sqlite
from electricsql.errors import ProjectError
from electricsql.migrations import CAPTURE_TABLES, Source, build
from electricsql.schema import Schema


def file_of(path: Path, *statements: str) -> Path:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("file") / "app.db"


def drafted(path: Path, *statements: str) -> Draft:
    return read_sqlite(file_of(path, *statements))


def schema_of(draft: Draft) -> Schema:
    return build([Source("20240101000000000_adopt", "adopt", draft.sql)]).schema


def told(draft: Draft, outcome: Outcome) -> list[str]:
    return [finding.what for finding in draft.findings() if finding.outcome is outcome]


def test_what_can_be_replicated_stays_as_it_was_written(path: Path) -> None:
    ddl = (
        "CREATE TABLE [Artist]\n(\n  [ArtistId] INTEGER  NOT NULL, -- their number\n"
        "  [Name] NVARCHAR(120),\n  CONSTRAINT [PK] PRIMARY KEY  ([ArtistId])\n)",
        "CREATE TABLE [Album] (id TEXT PRIMARY KEY NOT NULL, [ArtistId] INTEGER REFERENCES"
        " [Artist] ([ArtistId]) ON DELETE CASCADE)",
        "CREATE INDEX by_artist ON Album (ArtistId)",
    )
    draft = drafted(path, *ddl)
    assert [piece.sql for piece in draft.pieces] == list(ddl)
    assert told(draft, Outcome.CORRECTED) == told(draft, Outcome.LEFT_OUT) == []
    assert told(draft, Outcome.MIND) == ["Artist.ArtistId"]
    assert "-- @allow device-local-key reason=" in draft.sql
    assert list(schema_of(draft).tables) == ["Artist", "Album"]


def test_parents_come_first(path: Path) -> None:
    draft = drafted(
        path,
        "CREATE TABLE c (id TEXT PRIMARY KEY NOT NULL, b TEXT REFERENCES b, c TEXT REFERENCES c)",
        "CREATE TABLE b (id TEXT PRIMARY KEY NOT NULL, a TEXT REFERENCES A)",
        "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL)",
    )
    assert list(schema_of(draft).tables) == ["a", "b", "c"]


def test_a_key_that_counts_for_itself_counts_no_more(path: Path) -> None:
    draft = drafted(path, "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT)")
    assert "id INTEGER PRIMARY KEY NOT NULL, x TEXT" in draft.sql
    assert told(draft, Outcome.CORRECTED) == ["t.id is without AUTOINCREMENT"]
    assert told(draft, Outcome.MIND) == ["t.id"]
    assert "-- @allow device-local-key reason=" in draft.sql


def test_a_key_is_not_null(path: Path) -> None:
    draft = drafted(path, "CREATE TABLE t (a TEXT, b TEXT NOT NULL, PRIMARY KEY (a, b))")
    assert "(a TEXT NOT NULL, b TEXT NOT NULL" in draft.sql
    assert told(draft, Outcome.CORRECTED) == ["t has NOT NULL on its key"]


@pytest.mark.parametrize(
    ("declared", "value", "type"),
    [
        ("MONEY", 1.5, "NUMERIC"),
        ("STRING", "x", "TEXT"),
        ("GUID", "6b9bf3c4-32d1-4f1c-8a6f-1d8a1f0d5a1e", "GUID"),
        ("GUID", "not one", "TEXT"),
        ("", b"x", "BLOB"),
        ("", "x", "TEXT"),
        ("", 7, "INTEGER"),
        ("DATETIME", 1700000000, "INTEGER"),
        ("DATETIME", "2024-02-29 10:00", "DATETIME"),
        ("DATE", "29.2.2024", "TEXT"),
        ("BOOLEAN", 2, "INTEGER"),
        ("BOOLEAN", "yes", "TEXT"),
        ("JSON", "{", "TEXT"),
        ("INTEGER", 1.5, "REAL"),
        ("FROBNICATE", None, "NUMERIC"),
        ("MY TEXT", None, "TEXT"),
    ],
)
def test_a_type_gives_way_to_one_that_holds_what_is_there(
    path: Path, declared: str, value: object, type: str
) -> None:
    file_of(path, f"CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x {declared} DEFAULT NULL)")
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO t VALUES ('a', ?)", (value,))
    database.close()
    draft = read_sqlite(path)
    column = schema_of(draft).tables["t"].by_name["x"]
    assert column.declared == type
    assert bool(told(draft, Outcome.CORRECTED)) == (type != declared)


@pytest.mark.parametrize(
    ("ddl", "what"),
    [
        ("CREATE TABLE t (a TEXT)", "table t"),
        ("CREATE TABLE _electric_mine (id TEXT PRIMARY KEY NOT NULL)", None),
        ("CREATE TABLE android_metadata (locale TEXT PRIMARY KEY)", "table android_metadata"),
        (f"CREATE TABLE {'x' * 64} (id TEXT PRIMARY KEY NOT NULL)", f"table {'x' * 64}"),
        ("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, ctid TEXT)", "table t"),
        ("CREATE VIEW v AS SELECT missing FROM kept", "view v"),
        ("CREATE TRIGGER g AFTER DELETE ON kept BEGIN DELETE FROM no; END", "trigger g"),
        ("CREATE UNIQUE INDEX u ON kept (x) WHERE x LIKE 'a%'", "index u"),
        ("CREATE UNIQUE INDEX u ON kept (lower(x))", "index u"),
        ("CREATE VIRTUAL TABLE f USING fts5 (x, content=no)", "table f"),
        (
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT REFERENCES kept (x))",
            "the foreign key t (x) to kept",
        ),
        (
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT, FOREIGN KEY (x) REFERENCES no)",
            "the foreign key t (x) to no",
        ),
        (
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT AS (upper(id)) STORED)",
            "column t.x",
        ),
        ("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL CHECK (id LIKE 'a%'))", "the CHECKs of t"),
        (
            "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x DATE DEFAULT 'today')",
            "the DEFAULTs of t",
        ),
    ],
)
def test_what_can_not_be_replicated_is_left_out(path: Path, ddl: str, what: str | None) -> None:
    kept = "CREATE TABLE kept (id TEXT PRIMARY KEY NOT NULL, x TEXT UNIQUE)"
    draft = drafted(path, kept, ddl)
    assert told(draft, Outcome.LEFT_OUT) == ([what] if what else [])
    assert "kept" in schema_of(draft).tables
    assert ("-- Left out: " in draft.sql) == bool(what)


LOCAL = (
    "CREATE VIEW v AS SELECT id FROM t",
    "CREATE VIEW w AS SELECT * FROM v",
    "CREATE VIRTUAL TABLE f USING fts5 (x, content = t)",
    "CREATE TRIGGER g AFTER INSERT ON T BEGIN INSERT INTO f (x) VALUES (NEW.id); END",
    "CREATE TRIGGER h INSTEAD OF DELETE ON v BEGIN DELETE FROM t; END",
)


def test_what_devices_have_of_their_own_comes_with_new_files(path: Path) -> None:
    tables = ("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL)", "CREATE TABLE f_items (x TEXT)")
    draft = drafted(path, *tables, *LOCAL, "CREATE VIEW late AS SELECT * FROM f_items")
    sql = [piece.sql for piece in draft.pieces if piece.sql]
    assert sql[0] == tables[0] and sorted(sql[1:]) == sorted(LOCAL)
    assert told(draft, Outcome.LEFT_OUT) == ["table f_items", "view late"]
    assert told(draft, Outcome.MIND) == ["table f", "trigger g and trigger h"]
    assert draft.sql.count("-- @local-only\n") == 3
    assert list(schema_of(draft).tables) == ["t"]
    (compiled,) = build([Source("20240101000000000_adopt", "adopt", draft.sql)]).migrations
    with sqlite3.connect(":memory:") as database:
        for statement in compiled.statements:
            database.execute(statement)


def test_generated_columns_stay(path: Path) -> None:
    draft = drafted(
        path,
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INT, twice INT AS (n * 2) STORED)",
        "CREATE INDEX by_twice ON t (twice)",
    )
    assert told(draft, Outcome.LEFT_OUT) == []
    (table,) = schema_of(draft)
    assert [column.name for column in table.generated] == ["twice"]
    assert [index.columns for index in table.indexes] == [("twice",)]


def test_rules_that_merging_can_break_are_kept_with_a_policy(path: Path) -> None:
    draft = drafted(
        path,
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT UNIQUE, y TEXT, a INT, b INT,"
        " CHECK (a > 0), CHECK (a < b), CONSTRAINT check_1 CHECK (b <> a))",
        "CREATE UNIQUE INDEX one ON t (a, b)",
        "CREATE UNIQUE INDEX two ON t (y COLLATE NOCASE) WHERE a > 0",
    )
    assert told(draft, Outcome.LEFT_OUT) == []
    assert told(draft, Outcome.MIND) == ["rules of t, rules of t and rules of t"]
    for line in (
        "-- @unique t.x on-conflict=quarantine\n",
        "-- @check t.check_1 on-conflict=quarantine\n",
        "-- @check t.check_2 on-conflict=quarantine\n",
        "CONSTRAINT check_2 CHECK (a < b)",
        "-- @unique t(a, b) on-conflict=quarantine\nCREATE UNIQUE INDEX one",
        "-- @unique t.y on-conflict=quarantine\nCREATE UNIQUE INDEX two",
    ):
        assert line in draft.sql


def test_rows_that_need_each_other_are_checked_at_the_commit(path: Path) -> None:
    draft = drafted(
        path, "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, up TEXT NOT NULL REFERENCES t)"
    )
    assert told(draft, Outcome.CORRECTED) == ["the foreign keys of t wait for the commit"]
    assert "REFERENCES t DEFERRABLE INITIALLY DEFERRED" in draft.sql


def test_a_column_of_several_kinds_leaves_its_table_out(path: Path) -> None:
    file_of(path, "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x)")
    with sqlite3.connect(path) as database:
        database.executemany("INSERT INTO t VALUES (?, ?)", [("a", "text"), ("b", b"blob")])
    database.close()
    assert told(read_sqlite(path), Outcome.LEFT_OUT) == ["table t"]


def test_a_file_that_takes_part_already_is_refused(path: Path) -> None:
    with pytest.raises(ProjectError, match="already-electrified"):
        drafted(path, "CREATE TABLE _electric_meta (key, value)")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database, " * 100)
    with pytest.raises(ProjectError, match="unreadable-file"):
        read_sqlite(path)


NAMES = st.sampled_from(["a", "b", "Order", "sp ace", "ü", "xmin", "x" * 70])
TYPES = st.sampled_from(["", "INT", "TEXT", "MONEY", "VARCHAR (3)", "DATETIME", "JSON", "whatever"])
CLAUSES = st.lists(
    st.sampled_from(
        [
            *("NOT NULL", "UNIQUE", "DEFAULT 1", "DEFAULT (random())", "DEFAULT CURRENT_TIMESTAMP"),
            *("CHECK (1)", "CHECK (length('x') LIKE 1)", "COLLATE NOCASE", "REFERENCES a"),
            *("REFERENCES b (a)", "NULL", "CONSTRAINT c UNIQUE"),
        ]
    ),
    max_size=2,
)
COLUMNS = st.lists(st.tuples(NAMES, TYPES, CLAUSES), min_size=1, max_size=4)
KEYS = st.sampled_from(["", ", PRIMARY KEY ({})", ", UNIQUE ({}), PRIMARY KEY ({})"])

OTHERS = st.tuples(
    st.sampled_from(
        [
            'CREATE VIEW {1} AS SELECT * FROM "{0}"',
            "CREATE VIEW {1} AS SELECT a, \"b\" FROM '{0}' ORDER BY 1",
            "CREATE VIRTUAL TABLE {1} USING fts5 (a, content='{0}')",
            "CREATE VIRTUAL TABLE {1} USING fts5 (a)",
            'CREATE TRIGGER {1}_g AFTER INSERT ON "{0}" WHEN new.rowid > 0 AND (1 OR 0)'
            " BEGIN INSERT INTO {1} (a) VALUES (new.rowid); END",
            'CREATE TRIGGER {1}_h BEFORE UPDATE OF a ON [{0}] BEGIN DELETE FROM "{0}"; END',
            "CREATE TRIGGER {1}_i INSTEAD OF DELETE ON {1} FOR EACH ROW"
            " BEGIN UPDATE OR IGNORE '{0}' SET b = raise(IGNORE); SELECT 1; END",
            "CREATE TRIGGER {1}_j DELETE ON `{0}` BEGIN REPLACE INTO b (a) SELECT old.a; END",
        ]
    ),
    NAMES,
    st.sampled_from(["v", "w"]),
)


@given(st.lists(st.tuples(NAMES, COLUMNS, KEYS), max_size=4), st.lists(OTHERS, max_size=4))
def test_whatever_sqlite_takes_the_draft_builds(
    path: Path,
    tables: Sequence[tuple[str, Sequence[tuple[str, str, Sequence[str]]], str]],
    others: Sequence[tuple[str, str, str]],
) -> None:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    for name, columns, key in tables:
        body = ", ".join(f'"{c}" {type} {" ".join(clauses)}' for c, type, clauses in columns)
        first = f'"{columns[0][0]}"'
        try:
            database.execute(f'CREATE TABLE "{name}" ({body}{key.format(first, first)})')
        except sqlite3.OperationalError:
            continue
    for sql, name, other in others:
        with suppress(sqlite3.OperationalError):
            database.execute(sql.format(name, other))
    database.commit()
    database.close()
    draft = read_sqlite(path)
    (compiled,) = build([Source("20240101000000000_adopt", "adopt", draft.sql)]).migrations
    with closing(sqlite3.connect(":memory:")) as device:
        for statement in (*CAPTURE_TABLES, *compiled.statements):
            device.execute(statement)
        found = dict(device.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    silent = [sql for name, sql in found.items() if name[1:] in ("_h", "_i")]
    assert all("_electric_guard" in sql for sql in silent), "both write what is replicated"
