"""A CHECK that is taken means the same in Postgres's spelling; anything doubtful is refused."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electricsql.schema import (
    Mistyped,
    Unportable,
    generated_expression,
    index_columns,
    postgres_expression,
)
from tests.schema.schemas import schema, table

T = table(
    'CREATE TABLE t (i INTEGER PRIMARY KEY NOT NULL, r REAL, s TEXT, "odd "" n" NUMERIC,'
    " yes BOOLEAN, day DATE, j JSON)"
)
integers = st.sampled_from(["i", "I", '"i"', "7", "-1", "length(s)", "0.5"])
reals = st.sampled_from(["[r]", "r", "7", "0.5", "-1"])
numerics = st.sampled_from(['"odd "" n"', "7", "0.5", "-1"])
texts = st.sampled_from(
    ["s", "TRIM(s)", "replace(s, 'a', 'b')", "coalesce(s, 'x')", "trim(s, 'a''b')", "s||'b'||s"]
)
comparisons = st.sampled_from(["=", "==", "<>", "!=", "<", "<=", ">", ">="])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    """A condition of the kind that is taken."""
    if depth and draw(st.booleans()):
        one, other = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        return draw(
            st.sampled_from(
                [
                    f"{one} AND {other}",
                    f"({one}) or ({other})",
                    f"NOT ({one})",
                    f"CASE WHEN {one} THEN {other} ELSE 1 = 0 END",
                ]
            )
        )
    terms = draw(st.sampled_from([integers, reals, numerics, texts]))
    a, b, c = draw(terms), draw(terms), draw(terms)
    return draw(
        st.sampled_from(
            [
                f"{a} {draw(comparisons)} {b}",
                f"{a} BETWEEN {b} AND {c}",
                f"{a} IN ({b}, {c})",
                f"{a} IS NULL",
                f"{a} is not null",
                f"NULLIF({a}, {b}) = {c}",
            ]
        )
    )


@given(conditions(), st.tuples(st.integers(-9, 9), st.floats(-2, 2), st.sampled_from(["a", "ab"])))
def test_what_is_taken_means_what_it_meant(sql: str, row: tuple[int, float, str]) -> None:
    database = sqlite3.connect(":memory:")
    database.execute('CREATE TABLE t (i INTEGER, r REAL, s TEXT, "odd "" n" NUMERIC)')
    database.execute("INSERT INTO t VALUES (?, ?, ?, NULL)", row)
    spelled = postgres_expression(T, sql)
    ((before, after),) = database.execute(f"SELECT {sql}, {spelled} FROM t").fetchall()
    database.close()
    assert before == after
    assert postgres_expression(T, spelled) == spelled


def test_columns_are_spelled_as_they_were_created_and_booleans_are_numbers() -> None:
    assert postgres_expression(T, "YES in (0,1) and I==1") == '"yes"::int IN ( 0 , 1 ) AND "i" = 1'


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("s LIKE 'a%'", "LIKE"),
        ("s GLOB 'a*'", "GLOB"),
        ("s || i = 'aa'", "||"),
        ("s || NULL = 'aa'", "||"),
        ("'a' || 'b' < 'c'", "<"),
        ("(day) IS NULL", "day"),
        ("coalesce(day, j) IS NULL", "day"),
        ("i = day IS NULL", "="),
        ("s > 1", ">"),
        ("i", "i"),
        ("coalesce(yes, yes)", "coalesce"),
        ("(yes) AND i = 1", "("),
        ("CASE WHEN i = 1 THEN yes END OR yes", "CASE"),
        ("NOT i", "i"),
        ("i + 1 > 2", "+"),
        ("i = r", "="),
        ("i IN (1, 'a')", "IN"),
        ("'a' < 'b'", "<"),
        ("i = 1 = 1", "="),
        ('"odd "" n" = nullif(0, r)', "="),
        ("i = 9223372036854775807", "9223372036854775807"),
        ("r = 1e3", "1e3"),
        ("i IS 5", "IS"),
        ("(i, s) = (1, 'a')", "("),
        ("length(i) = 1", "length"),
        ("CASE WHEN i THEN 1 = 1 END", "i"),
        ("i = 1 OR", "OR"),
        ("(" * 60 + "i = 1" + ")" * 60, "("),
        ("i / 2 = 1", "/"),
        ("i % 2 = 1", "%"),
        ("i & 1 = 1", "&"),
        ("i = 0x1F", "0x1F"),
        ("day > '2024-01-01'", "day"),
        ("j = '1'", "j"),
        ("length (r, 1) = 1 AND upper(s) = s", "upper"),
        ("nowhere = 1", "nowhere"),
        ('"nowhere" = 1', '"nowhere"'),
        ("i(1) = 1", "i"),
        ("i = CAST(r AS INTEGER)", "CAST"),
        ("replace(s, '', s) = 'a'", "replace"),
        ("replace(replace(s, 'a', 'b'), s, 'a') = 'a'", "replace"),
        ("s COLLATE NOCASE = 'a'", "COLLATE"),
        ("s = x'00'", "x'00'"),
    ],
)
def test_the_first_thing_that_may_differ_is_named(sql: str, word: str) -> None:
    with pytest.raises(Unportable) as refused:
        postgres_expression(T, sql)
    token = refused.value.token
    assert token.text == sql[token.start : token.end] == word


def test_a_boolean_that_stands_alone_is_a_truth() -> None:
    spelled = postgres_expression(T, "yes AND NOT yes = 1 OR CASE WHEN YES THEN i = yes END")
    assert spelled == ('"yes" AND NOT "yes"::int = 1 OR CASE WHEN "yes" THEN "i" = "yes"::int END')
    assert postgres_expression(T, "NOT yes") == 'NOT "yes"'


def test_any_column_can_be_asked_whether_it_is_null() -> None:
    assert postgres_expression(T, "day is null or not j IS NOT NULL") == (
        '"day" IS NULL OR NOT "j" IS NOT NULL'
    )


def computed(type: str, sql: str) -> str:
    """How Postgres spells what computes a column of a type."""
    (made,) = schema(
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, i INTEGER, j INTEGER, r REAL, s TEXT,"
        f" c TEXT COLLATE NOCASE, m NUMERIC, yes BOOLEAN, day DATE, x {type} AS ({sql}))"
    )
    return generated_expression(made, made.generated[0])


@pytest.mark.parametrize(
    ("type", "sql", "spelled"),
    [
        ("INTEGER", "i * j - 1", '"i"::bigint * "j"::bigint - 1'),
        ("INTEGER", "i/2+ j % 10 * -3", '"i"::bigint / 2 + "j"::bigint % 10 * - 3'),
        ("INT", "coalesce(i, length(s)) + 1",
         'coalesce ( "i"::bigint , length ( ("s" COLLATE "C") ) ) + 1'),
        ("INTEGER", "CASE WHEN yes = 1 THEN i + j ELSE yes END",
         'CASE WHEN "yes"::int = 1 THEN "i"::bigint + "j"::bigint ELSE "yes"::int END'),
        ("TEXT", "c || '-' || s", '("c" COLLATE "C") || \'-\' || ("s" COLLATE "C")'),
        ("REAL", "coalesce(r, 0.5)", 'coalesce ( "r" , 0.5 )'),
        ("NUMERIC", "nullif(m, 1)", 'nullif ( "m" , 1 )'),
        ("BOOLEAN", "s < 'm' OR day IS NULL", '("s" COLLATE "C") < \'m\' OR "day" IS NULL'),
        ("INTEGER", "1", "1"),
        ("BOOLEAN", "NOT yes", 'NOT "yes"'),
        ("BOOLEAN", "yes", '"yes"'),
        ("INTEGER", "yes", '"yes"::int'),
    ],
)  # fmt: skip
def test_what_computes_a_column_is_spelled_so_that_types_and_order_are_ours(
    type: str, sql: str, spelled: str
) -> None:
    assert computed(type, sql) == spelled


@pytest.mark.parametrize(
    ("type", "sql", "word"),
    [
        ("INTEGER", "i / j", "/"),
        ("INTEGER", "i / 0", "/"),
        ("INTEGER", "i * j / 2", "/"),
        ("INTEGER", "i + 0.5", "i"),
        ("INTEGER", "2 * 3", "*"),
        ("INTEGER", "length(s) * length(c)", "*"),
        ("INTEGER", "yes + 1", "+"),
        ("INTEGER", "i + NULL", "+"),
        ("INTEGER", "coalesce(i + 1, 0)", "coalesce"),
        ("INTEGER", "CASE i + 1 WHEN 1 THEN 2 END", "CASE"),
        ("INTEGER", "i & 1", "&"),
        ("INTEGER", "-i", "-"),
        ("REAL", "r * 2", "*"),
        ("NUMERIC", "m + 1", "+"),
        ("BOOLEAN", "i + 1 > 2", ">"),
        ("BOOLEAN", "i + 1 IS NULL", "IS"),
        ("BOOLEAN", "i + 1 IN (1)", "IN"),
        ("BOOLEAN", "c = 'a'", "="),
        ("TEXT", "s || i", "||"),
        ("TEXT", "upper(s)", "upper"),
        ("TEXT", "x'00'", "x'00'"),
    ],
)
def test_what_may_be_computed_otherwise_is_named(type: str, sql: str, word: str) -> None:
    with pytest.raises(Unportable) as refused:
        computed(type, sql)
    assert refused.value.token.text == word


@pytest.mark.parametrize(
    ("type", "sql"),
    [
        *(("TEXT", "i"), ("INTEGER", "s"), ("INTEGER", "i > 1"), ("REAL", "i")),
        *(("REAL", "m"), ("NUMERIC", "r"), ("BLOB", "s"), ("DATE", "s"), ("INTEGER", "1.5")),
        *(("INTEGER", "CASE WHEN yes = 1 THEN 0.5 ELSE i END"), ("UUID", "id")),
    ],
)
def test_a_column_has_the_type_of_what_computes_it(type: str, sql: str) -> None:
    with pytest.raises(Mistyped):
        computed(type, sql)


FOLDED = table("CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, s TEXT COLLATE NOCASE)")


@pytest.mark.parametrize("sql", ["s IS NULL", "length(s) > 1", "trim(s) = 'a'", "s || 'x' = 'ax'"])
def test_a_column_with_a_collation_may_be_read(sql: str) -> None:
    postgres_expression(FOLDED, sql, folds=True)


@pytest.mark.parametrize(
    "sql",
    [
        *("s = 'a'", "'a' = s", "s = s", "s > 'a'", "s IN ('a')", "s BETWEEN 'a' AND 'b'"),
        *("nullif(s, 'a') IS NULL", "coalesce(s, 'a') = 'A'", "CASE s WHEN 'a' THEN id = 'b' END"),
    ],
)
def test_a_column_with_a_collation_may_not_be_compared(sql: str) -> None:
    with pytest.raises(Unportable):
        postgres_expression(FOLDED, sql, folds=True)
    postgres_expression(FOLDED, sql)  # as a CHECK that was applied before there was this rule


def test_an_index_is_over_the_columns_that_its_expressions_read() -> None:
    (made,) = schema(
        "CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT, y TEXT, z TEXT)",
        "CREATE INDEX i ON t (trim(y) || X, id COLLATE NOCASE) WHERE z IS NULL",
        "CREATE INDEX j ON t (y, x)",
    )
    assert [index_columns(made, index) for index in made.indexes] == [("id", "x", "y"), ("y", "x")]
