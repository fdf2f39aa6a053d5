"""A table that changes places with its copy: everything but the rows stays as it was."""

import sqlite3
from collections import deque
from pathlib import Path

import pytest

from electricsql.device.aside import Aside, can_swap, drop, left_over, swap
from electricsql.schema import Table
from tests.device.conftest import MakeDevice
from tests.device.files import DeviceFile

TABLES = {
    "rowid": "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b TEXT)",
    "integer": "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a INTEGER, b TEXT)",
    "serial": "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, a INTEGER, b TEXT)",
    "no rowid": "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b TEXT) WITHOUT ROWID",
    "strict": "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b TEXT) STRICT",
    "pair": "CREATE TABLE t (a INTEGER NOT NULL, b TEXT, id TEXT NOT NULL, PRIMARY KEY (id, a))",
    "odd": 'CREATE TABLE "t ""x" (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b TEXT /* ON x */)',
    "unique": "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INT UNIQUE, b TEXT, UNIQUE (b, a))",
    "parent": "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b TEXT REFERENCES t (id)"
    " ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
    "computed": "CREATE TABLE t (g INTEGER AS (a * 2), id TEXT PRIMARY KEY NOT NULL, a INTEGER,"
    " b TEXT, h TEXT AS (id || 'x') STORED)",
    "check": "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER CHECK (a < 1000), b TEXT)",
}
INDEXES = (
    "CREATE INDEX by_a ON {} (a DESC)",
    'CREATE UNIQUE INDEX "by ""b" ON {} (b, id)',
    "CREATE INDEX some ON {} (lower(b), a COLLATE NOCASE) WHERE a > 5",
)


def fill(database: sqlite3.Connection, name: str, start: int, end: int) -> None:
    rows = [
        (f"{n:05}" if "INT" not in key_type(database, name) else n, n, None)
        for n in range(start, end)
    ]
    quoted = '"' + name.replace('"', '""') + '"'
    database.executemany(f"INSERT INTO {quoted} (id, a, b) VALUES (?, ?, ?)", rows)


def key_type(database: sqlite3.Connection, name: str) -> str:
    found = database.execute("SELECT type FROM pragma_table_info(?) WHERE name = 'id'", (name,))
    return str(found.fetchone()[0])


@pytest.fixture(params=TABLES)
def file(device: MakeDevice, request: pytest.FixtureRequest) -> DeviceFile:
    ddl = TABLES[request.param]
    name = ddl.split("(")[0].removeprefix("CREATE TABLE ").strip()
    return device(f"{ddl};" + ";".join(index.format(name) for index in INDEXES))


def only_table(file: DeviceFile) -> Table:
    (table,) = file.schema
    return table


def contents(database: sqlite3.Connection, name: str) -> list[tuple[object, ...]]:
    quoted = '"' + name.replace('"', '""') + '"'
    return sorted(database.execute(f"SELECT id, a, b FROM {quoted}").fetchall())


def declared(database: sqlite3.Connection) -> list[tuple[object, ...]]:
    return database.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '%aside%'"
        " AND name <> 'sqlite_sequence' ORDER BY name"
    ).fetchall()


def test_a_table_and_its_copy_change_places(file: DeviceFile) -> None:
    table, database = only_table(file), file.engine
    fill(file.app, table.name, 0, 600)
    file.app.execute(
        "CREATE VIEW v AS SELECT count(*) AS n FROM "
        + f'"{table.name.replace(chr(34), chr(34) * 2)}"'
    )
    before, rows = declared(database), contents(database, table.name)
    reader = sqlite3.connect(file.path, isolation_level=None)
    reader.execute("BEGIN")
    assert contents(reader, table.name) == rows
    kept = file.app.execute("SELECT n FROM v").fetchall()
    assert kept == [(600,)]

    aside = Aside(database, table)
    assert declared(database) == before
    deque(aside.copy(), maxlen=0)
    assert contents(database, aside.name) == rows
    fill(database, aside.name, 600, 700)
    assert aside.is_alike()
    database.execute("BEGIN IMMEDIATE")
    swap(database, [(table.name, aside.name)])
    fill(database, table.name, 700, 710)
    database.execute("COMMIT")

    assert contents(reader, table.name) == rows
    reader.execute("COMMIT")
    for each in (database, file.app, reader, sqlite3.connect(file.path)):
        assert len(contents(each, table.name)) == 710
        assert contents(each, aside.name) == rows
        assert each.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert each.execute("SELECT n FROM v").fetchall() == [(710,)]
    assert [row for row in declared(database) if row[1] != "v"] == [
        row for row in before if row[1] != "v"
    ]
    count = file.read("SELECT count(*) FROM _electric_oplog")[0][0]
    fill(file.app, table.name, 710, 720)
    assert file.read("SELECT count(*) FROM _electric_oplog") == [(int(str(count)) + 10,)]
    assert left_over(database) == [aside.name]
    deque(drop(database, aside.name), maxlen=0)
    assert left_over(database) == []
    assert file.read("PRAGMA integrity_check") == [("ok",)]
    assert file.read("PRAGMA foreign_key_check") == []


def test_a_copy_is_in_nobodys_way(device: MakeDevice) -> None:
    file = device(
        "CREATE TABLE p (id TEXT PRIMARY KEY NOT NULL);"
        "CREATE TABLE c (id TEXT PRIMARY KEY NOT NULL, p TEXT REFERENCES p (id))"
    )
    file.app.execute("INSERT INTO p VALUES ('p')")
    aside = Aside(file.engine, file.schema.tables["c"])
    file.engine.execute(f"INSERT INTO {aside.name} VALUES ('c', 'p')")
    file.app.execute("DELETE FROM p")
    assert file.rows("p") == []


@pytest.mark.parametrize(
    "columns",
    [
        "p TEXT REFERENCES p",
        "p TEXT CONSTRAINT c REFERENCES p (id) NOT NULL UNIQUE",
        "p VARCHAR(10) REFERENCES p ON DELETE SET NULL ON UPDATE NO ACTION CHECK (p > 'a')",
        "p TEXT REFERENCES p MATCH FULL NOT DEFERRABLE INITIALLY IMMEDIATE DEFAULT 'x', q",
        "p TEXT REFERENCES p (id) DEFERRABLE NOT NULL",
        "p TEXT, q TEXT DEFAULT (length('REFERENCES p')), FOREIGN KEY (p) REFERENCES p (id)",
        "p TEXT, q TEXT, CONSTRAINT x FOREIGN KEY (p) REFERENCES p ON DELETE CASCADE, UNIQUE (q)",
        "p TEXT, CONSTRAINT y FOREIGN KEY(p)REFERENCES p(id)DEFERRABLE INITIALLY DEFERRED",
    ],
)
def test_a_copy_has_no_foreign_keys(tmp_path: Path, columns: str) -> None:
    database = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    database.execute("CREATE TABLE p (id TEXT PRIMARY KEY NOT NULL)")
    database.execute(f"CREATE TABLE c (id INTEGER PRIMARY KEY, {columns})")
    aside = Aside(database, Table("c", 7, (), ("id",)))
    known = database.execute("PRAGMA foreign_key_list(c)").fetchall()
    assert len(known) == 1
    assert database.execute(f"PRAGMA foreign_key_list({aside.name})").fetchall() == []
    for each in ("table_xinfo", "index_list"):
        theirs, ours = (
            [row[2:] for row in database.execute(f"PRAGMA {each}({name})")]
            for name in ("c", aside.name)
        )
        assert theirs == ours
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX own ON t (b)",
        "ALTER TABLE t ADD COLUMN c TEXT",
        "ALTER TABLE t RENAME COLUMN b TO c",
        "DROP INDEX by_a",
        "DROP TABLE t",
    ],
)
def test_a_table_that_was_altered_is_not_alike(device: MakeDevice, statement: str) -> None:
    file = device(TABLES["rowid"] + ";" + INDEXES[0].format("t"))
    aside = Aside(file.engine, file.schema.tables["t"])
    assert aside.is_alike()
    file.app.execute(statement)
    assert not aside.is_alike()


def test_an_index_of_the_apps_own_has_its_copy_too(device: MakeDevice) -> None:
    file = device(TABLES["rowid"])
    file.app.execute("CREATE INDEX own ON t (substr(b, 1, 3)) WHERE a > 5")
    aside = Aside(file.engine, file.schema.tables["t"])
    fill(file.engine, aside.name, 0, 50)
    file.engine.execute("BEGIN IMMEDIATE")
    swap(file.engine, [("t", aside.name)])
    file.engine.execute("COMMIT")
    assert file.read("PRAGMA integrity_check") == [("ok",)]
    assert (
        len(file.read("SELECT * FROM t INDEXED BY own WHERE substr(b, 1, 3) IS NULL AND a > 5"))
        == 44
    )


def test_what_can_not_be_made_twice_fails(device: MakeDevice) -> None:
    file = device(TABLES["rowid"])
    file.app.execute("CREATE INDEX own ON t (b) WHERE t.a > 5")
    with pytest.raises(sqlite3.OperationalError):
        Aside(file.engine, file.schema.tables["t"])


def test_a_sqlite_that_forbids_it_is_noticed(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    assert can_swap(database)

    def forbid(action: int, table: str | None, *_: object) -> int:
        forbidden = action == sqlite3.SQLITE_UPDATE and table in ("sqlite_master", "sqlite_schema")
        return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK

    database.set_authorizer(forbid)
    assert not can_swap(database)
    database.close()
