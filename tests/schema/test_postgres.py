"""What Postgres is told: names and values quoted, and a migration's DDL in an order that works.

That every Postgres takes it is shown in tests/integration/test_schema_on_postgres.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.schema import (
    ColumnType,
    Schema,
    Unportable,
    Value,
    additions,
    postgres_literal,
    quote,
)
from electricsql.schema import postgres_has_index as has_index
from electricsql.schema import postgres_plan as plan
from tests.schema.schemas import histories, schema


def plan_of(*after: str, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    return plan(additions(schema(*before), schema(*before, *after)))


@given(st.text())
def test_a_quoted_name_holds_no_quote_that_ends_it(name: str) -> None:
    quoted = quote(name)
    assert quoted[0] == quoted[-1] == '"'
    assert quoted[1:-1].replace('""', "") == name.replace('"', "")


@given(st.text())
def test_text_is_a_literal_that_means_itself(text: str) -> None:
    literal, _, type = postgres_literal(text, ColumnType.TEXT).rpartition("::")
    assert type == "text"
    escaped = literal.startswith("E")
    inner = literal.removeprefix("E")[1:-1]
    assert "'" not in inner.replace("''", "")
    assert escaped == ("\\" in text)
    if escaped:
        assert "\\" not in inner.replace("\\\\", "")
        inner = inner.replace("\\\\", "\\")
    assert inner.replace("''", "'") == text


@pytest.mark.parametrize(
    ("type", "value", "literal"),
    [
        (ColumnType.TEXT, None, "NULL"),
        (ColumnType.INTEGER, -(2**63), "'-9223372036854775808'::bigint"),
        (ColumnType.REAL, -0.0, "'-0.0'::double precision"),
        (ColumnType.REAL, float("inf"), "'inf'::double precision"),
        (ColumnType.NUMERIC, 0.1, "'0.1'::numeric"),
        (ColumnType.BLOB, b"\x00\xff", r"'\x00ff'::bytea"),
        (ColumnType.BOOLEAN, 0, "false"),
        (ColumnType.BOOLEAN, 1, "true"),
        (ColumnType.JSON, '{"a": "\\n"}', 'E\'{"a": "\\\\n"}\'::json'),
    ],
)
def test_literals(type: ColumnType, value: Value, literal: str) -> None:
    assert postgres_literal(value, type) == literal


@given(histories(), st.data())
def test_a_plan_has_a_statement_for_each_thing_that_is_new(
    statements: list[str], data: st.DataObject
) -> None:
    before = schema(*statements[: data.draw(st.integers(0, len(statements)))])
    difference = additions(before, schema(*statements))
    made = plan(difference)
    assert made == plan(difference)
    assert sum(sql.startswith("CREATE TABLE") for sql in made) == len(difference.tables)
    assert sum("ADD COLUMN" in sql for sql in made) == len(difference.columns)
    indexes = [(table, index) for table in difference.tables for index in table.indexes]
    indexes = [each for each in (*indexes, *difference.indexes) if has_index(*each)]
    assert sum(" INDEX " in sql for sql in made) == len(indexes)
    assert plan(additions(before, before)) == ()


def test_a_table_in_full() -> None:
    ddl = (
        'CREATE TABLE "T" (id TEXT PRIMARY KEY, yes BOOLEAN NOT NULL DEFAULT TRUE,'
        " r REAL DEFAULT 1 CHECK (r > 0))"
    )
    (made,) = plan_of(ddl)
    assert made.splitlines() == [
        'CREATE TABLE "T" (',
        '    "id" text COLLATE "C" NOT NULL,',
        '    "yes" boolean NOT NULL DEFAULT true,',
        "    \"r\" double precision DEFAULT '1.0'::double precision CHECK (\"r\" <> 'NaN'),",
        '    PRIMARY KEY ("id"),',
        '    CHECK ("r" > 0)',
        ")",
    ]


@pytest.mark.parametrize(
    ("type", "default", "spelled"),
    [
        ("TEXT", "CURRENT_TIMESTAMP", "to_char(date_trunc('second', timezone('utc', now()))"),
        ("DATE", "CURRENT_DATE", "::date"),
        ("TIMESTAMPTZ", "CURRENT_TIMESTAMP", "DEFAULT date_trunc('second', now())"),
        ("DATETIME", "current_timestamp", "::timestamp"),
    ],
)
def test_clocks_are_those_of_sqlite(type: str, default: str, spelled: str) -> None:
    (made,) = plan_of(f"CREATE TABLE t (id TEXT PRIMARY KEY, at {type} DEFAULT {default})")
    assert spelled in made


@pytest.mark.parametrize(
    ("type", "default"),
    [("DATE", "CURRENT_TIMESTAMP"), ("TEXT", "(hex(randomblob(4)))"), ("TEXT", "NULL")],
)
def test_a_default_that_postgres_can_not_compute_is_left_out(type: str, default: str) -> None:
    (made,) = plan_of(f"CREATE TABLE t (id TEXT PRIMARY KEY, at {type} DEFAULT {default})")
    assert "DEFAULT" not in made


def test_foreign_keys_come_after_all_tables_and_wait_for_the_commit() -> None:
    child = "CREATE TABLE a (id TEXT PRIMARY KEY, b TEXT REFERENCES b ON DELETE RESTRICT)"
    parent = "CREATE TABLE b (id TEXT PRIMARY KEY)"
    made = plan_of(child, parent)
    assert [sql.split("(")[0].strip() for sql in made[:2]] == [
        'CREATE TABLE "a"',
        'CREATE TABLE "b"',
    ]
    assert made[2] == (
        'ALTER TABLE "a" ADD CONSTRAINT "a_b_fkey" FOREIGN KEY ("b") REFERENCES "b" ("id")'
        " ON DELETE NO ACTION ON UPDATE NO ACTION DEFERRABLE INITIALLY DEFERRED"
    )
    later = plan_of("ALTER TABLE b ADD COLUMN a TEXT REFERENCES a", before=(child, parent))
    assert ['ADD COLUMN "a" text' in later[0], '"b_a_fkey"' in later[1]] == [True, True]


def test_indexes_are_made_where_they_can_be_the_same() -> None:
    table = "CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT UNIQUE, y INT)"
    nocase = "CREATE INDEX i ON t (x COLLATE NOCASE)"
    first, second, third = plan_of(
        table,
        "CREATE INDEX by_y ON t (y DESC, x)",
        "CREATE INDEX some ON t (trim(x) DESC, y) WHERE y == 1",
        nocase,
    )[1:]
    assert first == 'CREATE UNIQUE INDEX "t_x_key" ON "t" ("x")'
    assert second == 'CREATE INDEX "by_y" ON "t" ("y" DESC, "x")'
    some = 'CREATE INDEX "some" ON "t" ((trim ( "x" )) DESC, "y") WHERE "y" = 1'
    assert third == some
    indexed = (table, "CREATE INDEX by_y ON t (y)", nocase)
    dropped = plan_of("DROP INDEX by_y", "DROP INDEX i", before=indexed)
    assert dropped == ('DROP INDEX IF EXISTS "by_y"',)


def test_a_unique_index_is_the_same_or_none() -> None:
    table = "CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT UNIQUE COLLATE NOCASE, y UUID)"
    assert plan_of(table)[1] == 'CREATE UNIQUE INDEX "t_x_key" ON "t" (lower("x" COLLATE "C"))'
    for term in ("y COLLATE NOCASE", "x COLLATE RTRIM", "lower(x)", "1", "trim(x) COLLATE NOCASE"):
        with pytest.raises(Unportable):
            plan_of(table, f"CREATE UNIQUE INDEX i ON t ({term})")


def test_generated_columns_come_where_they_are_declared_and_after_what_they_read() -> None:
    table = "CREATE TABLE t (g INT AS (y) VIRTUAL, id TEXT PRIMARY KEY, y INT, h INT AS (y) STORED)"
    (created,) = plan_of(table)
    assert [line.split()[0] for line in created.split("\n")[1:5]] == ['"g"', '"id"', '"y"', '"h"']
    added = plan_of(
        "ALTER TABLE t ADD COLUMN z TEXT",
        "ALTER TABLE t ADD COLUMN zz TEXT AS (trim(z))",
        before=(table,),
    )
    assert added[:2] == (
        'ALTER TABLE "t" ADD COLUMN "z" text COLLATE "C"',
        'ALTER TABLE "t" ADD COLUMN "zz" text COLLATE "C"'
        ' GENERATED ALWAYS AS (trim ( ("z" COLLATE "C") )) STORED',
    )


def test_columns_come_in_the_order_of_the_file_whether_written_or_computed() -> None:
    added = plan_of(
        "ALTER TABLE t ADD COLUMN g INT AS (y)",
        "ALTER TABLE t ADD COLUMN z INT",
        "ALTER TABLE t ADD COLUMN h INT AS (z)",
        before=("CREATE TABLE t (id TEXT PRIMARY KEY, y INT)",),
    )
    assert [sql.split('"')[3] for sql in added] == ["g", "z", "h"]


def test_names_that_postgres_would_cut_stay_apart() -> None:
    def name(column: str) -> str:
        table = f"CREATE TABLE t (id TEXT PRIMARY KEY, {column} TEXT UNIQUE)"
        return plan_of(table)[1].split('"')[1]

    long = "ä" * 30
    one, other = name(long + "x"), name(long + "y")
    assert one != other
    assert max(len(one.encode()), len(other.encode())) <= 63
    assert name("short") == "t_short_key"


def test_nothing_new_needs_nothing() -> None:
    assert plan(additions(Schema({}), Schema({}))) == ()
