"""The lens that is inferred from a migration, and the identities of tables and columns."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electricsql.errors import MigrationError
from electricsql.lenses import Added, Dropped, Kept, Lineage, TableLens, column_uid, made
from electricsql.migrations import (
    CAPTURE_TABLES,
    BuiltMigration,
    Source,
    build,
    schema_of,
    schemas_of,
)
from tests.migrations.reshaped import History

FIRST = (
    "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, note TEXT DEFAULT 'n',"
    " size INTEGER);"
)


def built(*texts: str) -> BuiltMigration:
    names = (f"2024010{number}000000000_m" for number in range(1, 9))
    sources = [Source(name, "m", text) for name, text in zip(names, texts, strict=False)]
    return build(sources).migrations[-1]


def items(*columns: Kept | Added | Dropped, name: str = "items") -> tuple[TableLens, ...]:
    return (TableLens(name, was="items", columns=columns),)


def uid(column: str) -> str:
    return column_uid("20240102000000000_m", "items", column)


KEPT = Kept("id"), Kept("title"), Kept("note"), Kept("size")


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("ALTER TABLE items RENAME TO things", items(*KEPT, name="things")),
        (
            "ALTER TABLE items RENAME title TO note2; ALTER TABLE items RENAME note2 TO name",
            items(Kept("id"), Kept("name", was="title"), *KEPT[2:]),
        ),
        (
            "ALTER TABLE items DROP COLUMN note",
            items(Kept("id"), Kept("title"), Kept("size"), Dropped("note", "'n'")),
        ),
        (
            "-- @drop items.title down='none'\nALTER TABLE items DROP COLUMN title",
            items(Kept("id"), *KEPT[2:], Dropped("title", "'none'")),
        ),
        ("DROP TABLE items", (TableLens(was="items"),)),
        (
            "-- @rename items.note -> text\nALTER TABLE items DROP COLUMN note;"
            "ALTER TABLE items ADD COLUMN text TEXT",
            items(Kept("id"), Kept("title"), Kept("size"), Kept("text", was="note")),
        ),
        (
            "-- @down items.title = ''\nCREATE TABLE n (x REAL DEFAULT 0, size INTEGER, title TEXT,"
            " id TEXT PRIMARY KEY NOT NULL, y TEXT);"
            "INSERT INTO n SELECT 0.0, items.size, title AS t, id, NULL FROM items;"
            "DROP TABLE items; ALTER TABLE n RENAME TO items",
            items(
                *(Added("x", uid("x")), Kept("size"), Kept("title", down="''"), Kept("id")),
                *(Added("y", uid("y")), Dropped("note", "'n'")),
            ),
        ),
        (
            "ALTER TABLE items RENAME TO old; CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL,"
            " title TEXT NOT NULL, note TEXT DEFAULT 'm', size INTEGER);"
            "INSERT INTO items SELECT * FROM old; DROP TABLE old",
            items(*KEPT),
        ),
        (
            "ALTER TABLE items RENAME TO old; CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL,"
            " title TEXT NOT NULL, note TEXT DEFAULT 'm', size INTEGER);"
            "INSERT INTO items SELECT id, title, note, size FROM old; DROP TABLE old",
            items(*KEPT),
        ),
        ("CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL); DROP TABLE more", ()),
    ],
)
def test_a_lens(text: str, tables: tuple[TableLens, ...]) -> None:
    migration = built(FIRST, text)
    assert migration.lens.tables == tables
    assert migration.additive == (tables == ())


def test_a_table_that_is_dropped_and_made_again_is_another_one() -> None:
    migration = built(FIRST, "DROP TABLE items; CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL)")
    table = migration.schema.tables["items"]
    assert table.number == 2
    assert migration.lens.tables == (made(migration.source.name, table), TableLens(was="items"))


@pytest.mark.parametrize(
    ("columns", "select", "lack"),
    [
        ("id TEXT PRIMARY KEY NOT NULL, title BLOB NOT NULL", "id, title", "type"),
        ("id TEXT NOT NULL, title TEXT PRIMARY KEY NOT NULL", "id, title", "primary key"),
        ("id TEXT PRIMARY KEY NOT NULL, title TEXT", "id, title", "no NOT NULL"),
        ("id TEXT PRIMARY KEY NOT NULL, note TEXT NOT NULL", "id, note", "NOT NULL"),
        ("id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL", "id, upper(title)", "filled"),
        ("id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL", "id, 'title'", "filled"),
        (
            "id TEXT PRIMARY KEY NOT NULL, size INTEGER, a TEXT DEFAULT 'a'",
            "id, size, 'b'",
            "DEFAULT",
        ),
        ("id TEXT PRIMARY KEY NOT NULL, size INTEGER, a INT", "id, size, size + 1", "DEFAULT"),
        ("id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT", "id, note, note", "another one"),
        (
            "id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL CHECK (title <> '')",
            *("id, title", "CHECK"),
        ),
        (
            "id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL REFERENCES items",
            *("id, title", "foreign key"),
        ),
    ],
)
def test_what_has_no_complete_lens_is_not_compiled(columns: str, select: str, lack: str) -> None:
    first = FIRST.replace(" NOT NULL, note", ", note") if "title" not in columns else FIRST
    text = (
        f"CREATE TABLE n ({columns}); INSERT INTO n SELECT {select} FROM items;"
        "DROP TABLE items; ALTER TABLE n RENAME TO items"
    )
    with pytest.raises(MigrationError, match=lack) as refused:
        built(first, text)
    assert refused.value.code == "not-additive"


@pytest.mark.parametrize(
    ("text", "lack"),
    [
        ("ALTER TABLE items DROP COLUMN title", "dropped, and NOT NULL"),
        (
            "CREATE TABLE n (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL) STRICT;"
            "INSERT INTO n SELECT id, title FROM items; DROP TABLE items",
            "STRICT",
        ),
    ],
)
def test_nor_is_this(text: str, lack: str) -> None:
    with pytest.raises(MigrationError, match=lack):
        built(FIRST, text)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_tables_and_columns_stay_the_same_ones(seed: int, count: int) -> None:
    history = History.of(seed, count)
    migrations = build(history.sources).migrations
    lineage = Lineage((each.schema, each.lens) for each in migrations)
    numbers: dict[int, int] = {}
    registers: dict[int, str] = {}
    for migration, after in zip(migrations, history.after, strict=True):
        schema = migration.schema
        assert schema.tables.keys() == after.keys()
        view = lineage.view(schema.version)
        for name, (identity, columns) in after.items():
            table = schema.tables[name]
            assert numbers.setdefault(identity, table.number) == table.number
            assert set(table.column_names) == columns.keys()
            seen = view.base_of(name)
            for column, register in columns.items():
                found = seen.registers[column] if seen else column
                stored = f"{table.number}.{found}"
                assert registers.setdefault(register, stored) == stored
    assert len(set(numbers.values())) == len(numbers)
    assert len(set(registers.values())) == len(registers)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_devices_get_the_same_by_the_statements_alone(seed: int, count: int) -> None:
    migrations = build(History.of(seed, count).sources).migrations
    expected = [each.schema for each in migrations]
    assert schemas_of((each.source.name, each.statements) for each in migrations) == expected
    for n, each in enumerate(migrations, start=1):
        every = [sql for one in migrations[:n] for sql in one.statements]
        assert schema_of(every, each.source.name) == each.schema
    device = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (*CAPTURE_TABLES, *(sql for each in migrations for sql in each.statements)):
        device.execute(statement)
    made = {f"_electric_insert_{table.number}": table.name for table in expected[-1]}
    found = device.execute(
        "SELECT name, tbl_name FROM sqlite_schema WHERE name GLOB '_electric_insert_*'"
    )
    assert dict(found.fetchall()) == made
    device.close()


def test_the_oplog_is_never_widened_twice() -> None:
    wide = ", ".join(f"c{n} TEXT" for n in range(20))
    drops = "".join(f"ALTER TABLE t DROP COLUMN c{n};" for n in range(10))
    adds = "".join(f"ALTER TABLE t ADD COLUMN d{n} TEXT;" for n in range(12))
    create = f"CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, {wide});"
    names = (f"2024010{number}000000000_m" for number in range(1, 9))
    texts = (create, drops, adds)
    sources = [Source(name, "m", text) for name, text in zip(names, texts, strict=False)]
    device = sqlite3.connect(":memory:", isolation_level=None)
    every = [sql for each in build(sources).migrations for sql in each.statements]
    for statement in (*CAPTURE_TABLES, *every):
        device.execute(statement)
    device.execute("INSERT INTO t (id, d11) VALUES ('a', 'b')")
    assert device.execute("SELECT count(*) FROM _electric_oplog").fetchone() == (1,)
    device.close()
