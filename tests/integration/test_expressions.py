"""Conditions of the portable subset, made by chance, are asked of both engines, on edge values."""

import asyncio
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import asyncpg
import pytest

from electricsql.schema import (
    POSTGRES_TYPES,
    Column,
    ColumnType,
    Scratch,
    Table,
    Unportable,
    Value,
    generated_expression,
    postgres_expression,
)
from electricsql.schema import postgres_literal as literal

CREATE = """CREATE TABLE t (
    n INTEGER PRIMARY KEY NOT NULL, i INTEGER, r REAL, m NUMERIC, s TEXT, b BOOLEAN, d DATE
)"""
INTEGERS = (0, 1, -1, 2, 3, 7, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), None)
REALS = (0.0, -0.0, 1.0, 0.1, 0.5, -1.5, 5e-324, 1e300, -1e300, float("inf"), 2.0**53, None)
NUMERICS = (0, 1, -1, 0.1, 0.5, 2**53 + 1, 2**63 - 1, 1e300, 123456789012345, None)
TEXTS = ("", " ", "a", "A", "b", "ab", "ba", " a ", "é", "Z", "ß", "🙂", "a\\b", "it's", "1", None)
BOOLEANS = (0, 1, None)
DATES = ("2024-02-29", None)
ROWS = 60
VALUES = (INTEGERS, REALS, NUMERICS, TEXTS, BOOLEANS, DATES)


def rows() -> Iterator[tuple[Value, ...]]:
    """Each edge value beside others."""
    for n in range(ROWS):
        yield n, *(each[n % len(each)] for each in VALUES)


class Grammar:
    """Conditions by chance; some of them have types that do not fit."""

    def __init__(self, random: Random) -> None:
        self._pick = random.choice

    def condition(self, depth: int = 3) -> str:
        if depth and self._pick((True, False)):
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            joined = (
                f"{one} AND {other}", f"({one} OR {other})", f"{one} OR {other}", f"NOT {one}",
                f"({one}) IS NULL", f"CASE WHEN {one} THEN {other} ELSE i > 0 END",
                f"CASE {self.value()} WHEN {self.value()} THEN {one} END",
                f"{one} = {other}", f"{one} < {other}",
            )  # fmt: skip
            return self._pick(joined)
        a, b, c = self.value(), self.value(), self.value()
        compared = self._pick(("=", "==", "<>", "!=", "<", "<=", ">", ">="))
        forms = (
            f"{a} {compared} {b}", f"{a} {compared} {b}", f"{a} BETWEEN {b} AND {c}",
            f"{a} NOT BETWEEN {b} AND {c}", f"{a} IN ({b}, {c})", f"{a} NOT IN ({b})",
            f"{a} IS NULL", f"{a} IS NOT NULL", f"{a} {compared} {b} IS NULL", a,
            "d IS NOT NULL", "b", "NOT b",
            f"{a} || {b} {compared} {c}", f"{a} {compared} d IS NULL",
        )  # fmt: skip
        return self._pick(forms)

    def value(self, depth: int = 2) -> str:
        if depth and self._pick((True, False, False)):
            a, b, c = (self.value(depth - 1) for _ in range(3))
            forms = (
                f"coalesce({a}, {b})", f"nullif({a}, {b})", f"length({a})", f"trim({a})",
                f"ltrim({a}, {b})", f"rtrim({a})", f"replace({a}, {b}, {c})", f"({a})",
                f"CASE WHEN {a} = {b} THEN {c} ELSE {a} END", f"{a} + {b}", f"-{a}",
                f"{a} || {b}", f"{a} || {b} || {c}",
            )  # fmt: skip
            return self._pick(forms)
        columns = ("i", "r", "m", "s", "b", "s", "i")
        literals = (
            "0", "1", "-1", "2", "0.1", "1.50", "123456789012345", "9007199254740993", "1e3",
            "''", "'a'", "' '", "'é'", "'a\\b'", "'it''s'", "'1'", "NULL",
        )  # fmt: skip
        return self._pick(self._pick((columns, literals)))


def taken(table: Table, seed: int, count: int) -> Iterator[tuple[str, str]]:
    """So many conditions of the subset, each with how Postgres spells it."""
    grammar = Grammar(Random(seed))
    while count:
        sql = grammar.condition()
        try:
            yield sql, postgres_expression(table, sql)
        except Unportable:
            continue
        count -= 1


def differences(url: str, seed: int, count: int) -> list[tuple[Any, ...]]:
    """The conditions of which the two say different things, each with what they say."""
    scratch = Scratch()
    scratch.run(CREATE)
    table = scratch.schema().tables["t"]
    scratch.close()
    conditions = list(taken(table, seed, count))
    ours, theirs = of_sqlite([sql for sql, _ in conditions]), of_postgres(url, table, conditions)
    return [
        (*both, one, other)
        for both, one, other in zip(conditions, ours, theirs, strict=True)
        if one != other
    ]


def of_sqlite(conditions: list[str]) -> list[Any]:
    database = sqlite3.connect(":memory:")
    database.execute(CREATE)
    database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
    said = [
        [None if each is None else bool(each) for (each,) in database.execute(query)]
        for query in (f"SELECT {sql} FROM t ORDER BY n" for sql in conditions)
    ]
    database.close()
    return said


def of_postgres(
    url: str, table: Table, conditions: list[tuple[str, str]], where: str = ""
) -> list[Any]:
    async def asked() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(
                "CREATE TABLE t (n bigint, i bigint, r double precision, m numeric,"
                ' s text COLLATE "C", b boolean, d date)'
            )
            for row in rows():
                values = (literal(v, c.type) for v, c in zip(row, table.columns, strict=True))
                await connection.execute(f"INSERT INTO t VALUES ({', '.join(values)})")
            said: list[Any] = []
            for start in range(0, len(conditions), 20):
                some = conditions[start : start + 20]
                columns = ", ".join(f"array_agg(({sql}) ORDER BY n)" for _, sql in some)
                try:
                    said += await connection.fetchrow(f"SELECT {columns} FROM t{where}") or ()
                except asyncpg.PostgresError as error:
                    said += [str(error)] * len(some)
            return said
        finally:
            await connection.close()

    return asyncio.run(asked())


def test_what_is_taken_means_the_same_on_both(database: str) -> None:
    assert differences(database, seed=1, count=500) == []


@pytest.mark.soak
def test_what_is_taken_means_the_same_on_both_over_and_over(any_database: str) -> None:
    assert differences(any_database, seed=2, count=20_000) == []


def computed(table: Table, type: ColumnType, seed: int, count: int) -> Iterator[tuple[str, str]]:
    """So many expressions that may compute a column of a type, each as Postgres spells it."""
    random = Random(seed)
    grammar = Grammar(random)
    while count:
        a, b, c = grammar.value(), grammar.value(), grammar.value()
        forms = (
            a, f"{a} || {b}", f"{a} + {b}", f"{a} * {b} - {c}", f"{a} / 7", f"{a} % 3 * {b}",
            f"coalesce({a}, {b}) * {c}", grammar.condition(),
            f"CASE WHEN {grammar.condition(1)} THEN {a} - {b} ELSE {c} END",
        )  # fmt: skip
        sql = random.choice(forms)
        try:
            spelled = generated_expression(table, Column("x", type, type, expression=sql))
            yield sql, f"({spelled})::{POSTGRES_TYPES[type]}"
        except Unportable:
            continue
        count -= 1


def computed_otherwise(url: str, type: ColumnType, count: int) -> list[tuple[Any, ...]]:
    """The expressions of which the two come to different values, on integers that are not large:
    what is too large is refused by both."""
    small = [row for row in rows() if not row[1] or abs(int(row[1])) < 100]
    scratch = Scratch()
    scratch.run(CREATE)
    table = scratch.schema().tables["t"]
    scratch.close()
    expressions = list(computed(table, type, 3, count))
    ours = sqlite3.connect(":memory:")
    ours.execute(CREATE)
    ours.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", small)
    numbers = ", ".join(str(row[0]) for row in small)
    found = of_postgres(url, table, expressions, f" WHERE n IN ({numbers})")
    different = []
    for both, theirs in zip(expressions, found, strict=True):
        of_ours = [value for (value,) in ours.execute(f"SELECT {both[0]} FROM t ORDER BY n")]
        if of_ours != [_number(value) for value in theirs]:
            different.append((*both, of_ours, theirs))
    ours.close()
    return different


def _number(value: object) -> object:
    """A value of Postgres as a device has it."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == int(value) and abs(value) < 2**63 else float(value)


COMPUTED = [ColumnType[name] for name in ("INTEGER", "REAL", "NUMERIC", "TEXT", "BOOLEAN")]


@pytest.mark.parametrize("type", COMPUTED)
def test_what_computes_a_column_computes_the_same_on_both(database: str, type: ColumnType) -> None:
    assert computed_otherwise(database, type, 100) == []


@pytest.mark.soak
@pytest.mark.parametrize("type", COMPUTED)
def test_what_computes_a_column_computes_the_same_over_and_over(
    any_database: str, type: ColumnType
) -> None:
    assert computed_otherwise(any_database, type, 1_000) == []


def test_what_is_the_same_without_regard_to_case_is_so_on_both(database: str) -> None:
    letters = [*map(chr, range(1, 0x180)), "\u212a", "\uff21", "\u01c5", "SS"]
    same = "SELECT a.s, b.s FROM t a JOIN t b ON {} ORDER BY a.s, b.s"
    ours = sqlite3.connect(":memory:")
    ours.execute("CREATE TABLE t (s TEXT)")
    ours.executemany("INSERT INTO t VALUES (?)", [(each,) for each in letters])

    async def asked() -> list[Any]:
        connection = await asyncpg.connect(database)
        try:
            await connection.execute('CREATE TABLE t (s text COLLATE "C")')
            await connection.executemany("INSERT INTO t VALUES ($1)", [(s,) for s in letters])
            return [
                tuple(record)
                for record in await connection.fetch(
                    same.format('lower(a.s COLLATE "C") = lower(b.s COLLATE "C")')
                )
            ]
        finally:
            await connection.close()

    pairs = ours.execute(same.format("a.s = b.s COLLATE NOCASE")).fetchall()
    ours.close()
    assert asyncio.run(asked()) == pairs
    assert len(pairs) == len(letters) + 2 * 26
