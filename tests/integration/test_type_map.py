"""The type map: what each kind of value becomes on its way from a device through Postgres to
another one, or that the device refuses it. docs/types.md says the same."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from electricsql.hub import Submitted
from electricsql.schema import POSTGRES_TYPES, ColumnType, Value
from electricsql.schema.types import DECLARED
from tests.device.files import DeviceFile
from tests.integration.hub.hubs import World, opened

pytestmark = pytest.mark.anyio
REFUSED = "refused"
INF = float("inf")
UUID = "6b9bf3c4-32d1-4f1c-8a6f-1d8a1f0d5a1e"


class Case(NamedTuple):
    """A value as SQL writes it, and what everybody shows then."""

    declared: str
    written: str
    shown: Value


MAP = [
    # INTEGER: SQLite's affinity first, then 64 bits
    Case("INTEGER", "9223372036854775807", 9223372036854775807),
    Case("BIGINT", "-9223372036854775808", -9223372036854775808),
    Case("INTEGER", "9223372036854775808", REFUSED),  # SQLite makes a real of it
    Case("TINYINT", "1000", 1000),  # the word's size is not looked at
    Case("SMALLINT", "'7'", 7),
    Case("INT UNSIGNED", "-1", -1),
    Case("INT8", "2.0", 2),
    Case("INTEGER", "2.5", REFUSED),
    Case("INTEGER", "'seven'", REFUSED),
    Case("INTEGER", "''", REFUSED),
    Case("INTEGER", "x'07'", REFUSED),
    Case("INTEGER", "TRUE", 1),
    # REAL
    Case("REAL", "0.1", 0.1),
    Case("DOUBLE", "7", 7.0),
    Case("DOUBLE PRECISION", "1.7976931348623157e308", 1.7976931348623157e308),
    Case("FLOAT", "5e-324", 5e-324),
    Case("REAL", "9e999", INF),
    Case("REAL", "-9e999", -INF),
    Case("REAL", "9e999 - 9e999", None),  # SQLite has no NaN
    Case("REAL", "9007199254740993", 9007199254740992.0),  # SQLite makes the nearest real of it
    Case("REAL", "'0.5'", 0.5),
    Case("REAL", "'half'", REFUSED),
    # TEXT, of any length whatever is declared
    Case("TEXT", "''", ""),
    Case(
        "TEXT",
        "'it''s \\ ' || char(127, 128, 55296 - 1, 65533, 128512)",
        "it's \\ \x7f\x80\ud7ff\ufffd😀",
    ),
    Case("TEXT", "'a' || char(0) || 'b'", REFUSED),
    Case("TEXT", "7", "7"),
    Case("VARCHAR(3)", "'abcdef'", "abcdef"),
    Case("CHAR(5)", "'ab'", "ab"),
    Case("CHAR(5)", "'ab '", "ab "),
    Case("NVARCHAR(160)", "'ß'", "ß"),
    Case("CLOB", "007", "7"),
    Case("TEXT", "x'616263'", REFUSED),
    Case("TEXT", "CAST(x'61ff' AS TEXT)", "a\ufffd"),  # no UTF-8: for everybody else
    # BLOB
    Case("BLOB", "x''", b""),
    Case("BLOB", "x'00ff5c'", b"\x00\xff\\"),
    Case("VARBINARY(2)", "x'010203'", b"\x01\x02\x03"),
    Case("BLOB", "'text'", REFUSED),
    Case("BLOB", "7", REFUSED),
    # BOOLEAN
    Case("BOOLEAN", "TRUE", 1),
    Case("BOOL", "0", 0),
    Case("BOOLEAN", "'1'", 1),
    Case("BOOLEAN", "2", REFUSED),
    Case("BOOLEAN", "'true'", REFUSED),
    Case("BOOLEAN", "0.5", REFUSED),
    # DATE
    Case("DATE", "'2024-02-29'", "2024-02-29"),
    Case("DATE", "'0001-01-01'", "0001-01-01"),
    Case("DATE", "'9999-12-31'", "9999-12-31"),
    Case("DATE", "'2023-02-29'", REFUSED),
    Case("DATE", "'0000-12-31'", REFUSED),
    Case("DATE", "'10000-01-01'", REFUSED),
    Case("DATE", "'2024-2-9'", REFUSED),
    Case("DATE", "'2024-02-29 10:00:00'", REFUSED),
    Case("DATE", "'today'", REFUSED),
    Case("DATE", "20240229", REFUSED),
    # TIME
    Case("TIME", "'00:00'", "00:00:00"),
    Case("TIME", "'23:59:59.999999'", "23:59:59.999999"),
    Case("TIME", "'23:59:59.5'", "23:59:59.500000"),
    Case("TIME", "'24:00'", REFUSED),
    Case("TIME", "'23:59:60'", REFUSED),
    Case("TIME", "'1:30'", REFUSED),
    Case("TIME", "'23:59:59.1234567'", REFUSED),
    # TIMESTAMP
    Case("DATETIME", "'2024-02-29 23:59:59'", "2024-02-29 23:59:59"),
    Case("TIMESTAMP", "'2024-02-29T23:59'", "2024-02-29 23:59:00"),
    Case("TIMESTAMP", "CURRENT_TIMESTAMP IS NOT NULL", REFUSED),
    Case("TIMESTAMP", "'2024-02-29'", REFUSED),
    Case("TIMESTAMP", "'2024-02-29 23:59:59Z'", REFUSED),
    Case("TIMESTAMP", "1700000000", REFUSED),
    Case("TIMESTAMP", "'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
    # TIMESTAMPTZ
    Case("TIMESTAMPTZ", "'2024-02-29 23:30:00-01:00'", "2024-03-01 00:30:00+00:00"),
    Case("TIMESTAMPTZ", "'2024-02-29T23:30Z'", "2024-02-29 23:30:00+00:00"),
    Case("TIMESTAMPTZ", "'2024-02-29 23:30'", "2024-02-29 23:30:00+00:00"),
    Case("TIMESTAMPTZ", "'2024-02-29 23:30+24:00'", REFUSED),
    Case("TIMESTAMPTZ", "'0001-01-01 00:00'", REFUSED),  # in another zone it is before year 1
    # UUID
    Case("UUID", f"'{UUID}'", UUID),
    Case("UUID", f"upper('{UUID}')", UUID),
    Case("GUID", f"replace('{UUID}', '-', '')", UUID),
    Case("UUID", f"'{{{UUID}}}'", REFUSED),
    Case("UUID", "'00000000000000000000000000000000'", REFUSED),  # SQLite makes the number 0 of it
    Case("UUID", "'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"),
    Case("UUID", "'7'", REFUSED),
    # JSON
    Case("JSON", """' {"b": 1, "a":[null, 1e2]} '""", ' {"b": 1, "a":[null, 1e2]} '),
    Case("JSON", "'null'", "null"),
    Case("JSON", "'\"\\u0000\\ud800\"'", '"\\u0000\\ud800"'),
    Case("JSON", "'12'", 12),  # SQLite makes a number of it
    Case("JSON", "'{'", REFUSED),
    Case("JSON", "'{a: 1}'", REFUSED),
    Case("JSON", "''", REFUSED),
    Case("JSON", "'[1]' || char(0)", REFUSED),
    Case("JSON", "x'7b7d'", REFUSED),
    # NUMERIC
    Case("NUMERIC", "1.5", 1.5),
    Case("DECIMAL(10,2)", "1.005", 1.005),  # precision and scale are not looked at
    Case("DECIMAL(4,2)", "123456.7", 123456.7),
    Case("NUMERIC", "'12.50'", 12.5),
    Case("NUMERIC", "3.0", 3),
    Case("NUMERIC", "9223372036854775807", 9223372036854775807),
    Case("NUMERIC", "1e300", 1e300),
    Case("NUMERIC", "9e999", INF),
    Case("NUMERIC", "'a lot'", REFUSED),
    Case("NUMERIC", "x'01'", REFUSED),
    # CHECKs that stand for an ENUM, and NOT NULL
    Case("TEXT CHECK (v IN ('new', 'old'))", "'new'", "new"),
    Case("TEXT CHECK (v IN ('new', 'old'))", "'odd'", REFUSED),
    Case("INTEGER CHECK (v BETWEEN 1 AND 5)", "6", REFUSED),
    Case("TEXT NOT NULL CHECK (length(v) <= 3)", "'abcd'", REFUSED),
    Case("TEXT NOT NULL CHECK (length(v) <= 3)", "'äöü'", "äöü"),
    Case("TEXT NOT NULL", "NULL", REFUSED),
    *(Case(str(type), "NULL", None) for type in ColumnType),
]
DDL = ";\n".join(
    f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY NOT NULL, v {case.declared})"
    for n, case in enumerate(MAP)
)


def written(file: DeviceFile, place: int) -> bool:
    """Whether the device takes a case's value."""
    try:
        file.app.execute(f"INSERT INTO t{place} VALUES (1, {MAP[place].written})")
    except (sqlite3.IntegrityError, sqlite3.OperationalError):
        return False
    return True


@pytest.fixture
def file(tmp_path: Path) -> Iterator[DeviceFile]:
    file = DeviceFile(tmp_path / "a.db", DDL)
    yield file
    file.close()


def elsewhere(case: Case, arrived: Value) -> Value:
    """What another device shows of what it received."""
    with closing(sqlite3.connect(":memory:")) as other:
        other.execute(f"CREATE TABLE t (v {case.declared})")
        other.execute("INSERT INTO t VALUES (?)", (arrived,))
        (shown,) = other.execute("SELECT v FROM t").fetchone()
    value: Value = shown
    return value


async def send(world: World, file: DeviceFile) -> None:
    file.seal()
    device = await world.hub.register("a")
    for sealed in file.unsent():
        submitted = Submitted(device.origin, sealed.transaction(), b"", device.session)
        await world.hub.merge([submitted])


async def test_the_type_map(any_database: str, file: DeviceFile) -> None:
    taken = {place for place in range(len(MAP)) if written(file, place)}
    wrong = [MAP[n] for n in range(len(MAP)) if (n in taken) == (MAP[n].shown is REFUSED)]
    assert wrong == []
    async with opened(any_database, DDL) as world:
        await send(world, file)
        refused = await world.client.fetch("SELECT message FROM electric.quarantine")
        assert refused == []
        arrived = {id.table: row["v"] for id, row in (await world.shown()).items()}
        for place in sorted(taken):
            case, shown = MAP[place], arrived[f"t{place}"]
            (stored,) = file.engine.execute(f"SELECT v FROM t{place}").fetchone()
            for each in (stored, elsewhere(case, shown)):
                assert (type(each), each) == (type(case.shown), case.shown), case


async def test_every_word_is_declared_and_kept_by_postgres(any_database: str) -> None:
    words = sorted(DECLARED)
    columns = ", ".join(f"c{n} {word}" for n, word in enumerate(words))
    async with opened(
        any_database, f"CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, {columns})"
    ) as world:
        kept = await world.client.fetch(
            "SELECT attname, format_type(atttypid, atttypmod), collname FROM pg_attribute"
            " LEFT JOIN pg_collation c ON c.oid = attcollation"
            " WHERE attrelid = 't'::regclass AND attnum > 1 ORDER BY attnum"
        )
    for word, (_, type, collation) in zip(words, kept, strict=True):
        expected = POSTGRES_TYPES[DECLARED[word]]
        spelled = {"timestamp": "timestamp without time zone", "time": "time without time zone"}
        spelled["timestamptz"] = "timestamp with time zone"
        assert type == spelled.get(expected, expected), word
        assert (collation == "C") == (expected == "text"), word
