"""Files that earlier versions made: they are brought up to date, and work on with all they had."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from electricsql.device.apply import Arrived, apply_delta
from electricsql.device.file import connect, prepare, transaction
from electricsql.device.format import FORMATS, check_format, upgrade
from electricsql.device.meta import read_meta
from electricsql.device.replica import Replica
from electricsql.errors import DeviceError
from electricsql.replication import Op
from electricsql.schema import Schema
from tests.device.files import NOTES, NOW_MS, DeviceFile, bundle
from tests.device.hubs import MemoryHub, insert

FORMATS_FOLDER = Path(__file__).with_name("formats")
EARLIER = sorted(FORMATS_FOLDER.glob("format_*.sql"))
MORE = "ALTER TABLE notes ADD COLUMN tag TEXT DEFAULT 'none'"


def restored(script: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script.read_text())
    return path


def tables(path: Path) -> dict[str, str]:
    """Our own tables and indexes, as they are declared."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(
            "SELECT name, sql FROM sqlite_schema WHERE name LIKE '\\_electric\\_%' ESCAPE '\\'"
            " AND type <> 'trigger' AND sql IS NOT NULL"
        ).fetchall()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in found}


def hub_of(schema: Schema) -> MemoryHub:
    """What the hub had when the files were made: two rows, at xid 7."""
    hub = MemoryHub(schema)
    hub.xid = 5
    for id in ("old", "gone"):
        hub.write(insert(schema.tables["notes"], id=id, body="from the hub"))
    return hub


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
def test_an_older_file_gets_the_tables_of_a_new_one(script: Path, tmp_path: Path) -> None:
    path = restored(script, tmp_path / "old.db")
    for each in (path, tmp_path / "new.db"):
        DeviceFile(each, NOTES).close()
    assert tables(path) == tables(tmp_path / "new.db")


@pytest.mark.parametrize("between", range(1, len(FORMATS)))
def test_it_may_have_been_opened_by_each_version_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: int
) -> None:
    path = restored(EARLIER[0], tmp_path / "old.db")
    with closing(connect(path, engine=True)) as database:
        for formats in (FORMATS[:between], FORMATS):
            monkeypatch.setattr("electricsql.device.format.FORMATS", formats)
            with transaction(database):
                upgrade(database)
            assert check_format(database) == len(formats)
    DeviceFile(tmp_path / "new.db", NOTES).close()
    assert tables(path) == tables(tmp_path / "new.db")


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
def test_an_older_file_loses_nothing_and_works_on(script: Path, tmp_path: Path) -> None:
    one = DeviceFile(restored(script, tmp_path / "old.db"), NOTES)
    hub = hub_of(one.schema)
    one.app.execute("UPDATE notes SET done = 1 WHERE id = 'n1'")
    one.seal(NOW_MS + 100)
    sent = one.unsent()
    assert [sealed.number for sealed in sent] == [4, 5, 6, 7]
    assert [[(f.op, f.key, *f.values.values()) for f in sealed.rows] for sealed in sent] == [
        [(Op.INSERT, ("n1",), "n1", "first", 0)],
        [(Op.UPDATE, ("old",), "changed here"), (Op.DELETE, ("gone",))],
        [(Op.INSERT, ("gone",), "gone", "back again", 0)],
        [(Op.UPDATE, ("n1",), 1)],
    ]
    has_seals = int(script.stem.removeprefix("format_")) >= 6
    unsealed = [sealed.transaction().mark == sealed.hlc for sealed in sent]
    assert unsealed == [not has_seals] * 2 + [False] * 2
    hub.skip(1, 3)
    for sealed in sent:
        assert hub.receive(1, sealed.transaction()) is None
    delta = hub.delta(1, read_meta(one.engine).cursor)
    apply_delta(one.engine, one.schemas, Arrived(*delta), NOW_MS)
    assert one.unsent() == []
    assert one.rows("notes") == [
        ("gone", "back again", 0),
        ("n1", "first", 1),
        ("old", "changed here", 0),
    ]
    assert hub.alive("notes").keys() == {("gone",), ("n1",), ("old",)}
    assert one.read("SELECT number, code FROM _electric_quarantine") == [(2, "postgres-refused")]
    counted = "SELECT number, acknowledged, unsent, waiting, holds FROM _electric_fates"
    assert one.read(counted) == [(7, 7, 0, 1, 1)]
    one.close()


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
def test_an_older_file_gets_the_triggers_of_a_new_one(script: Path, tmp_path: Path) -> None:
    path = restored(script, tmp_path / "old.db")
    one, new = DeviceFile(path, NOTES), DeviceFile(tmp_path / "new.db", NOTES)
    texts = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"
    assert one.read(texts) == new.read(texts)
    with pytest.raises(sqlite3.OperationalError, match="row-too-large"):
        one.app.execute("INSERT INTO notes VALUES ('big', hex(zeroblob(17000000)), 0)")
    one.close()
    new.close()


def test_a_migration_that_an_older_version_compiled_gets_them_too(tmp_path: Path) -> None:
    made = bundle(NOTES)
    old = tuple(sql for sql in made.migrations[0].statements if not sql.startswith("CREATE TRIG"))
    with closing(connect(tmp_path / "a.db")) as database:
        migration = replace(made.migrations[0], statements=old)
        prepare(tmp_path / "a.db", database, replace(made, migrations=(migration,)))
        found = database.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    assert {sql for (sql,) in found} == set(made.migrations[0].statements) - set(old)


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
def test_an_older_file_takes_a_migration(script: Path, tmp_path: Path) -> None:
    one = DeviceFile(restored(script, tmp_path / "old.db"), NOTES, MORE)
    assert ("old", "changed here", 0, "none") in one.rows("notes")
    versions = [sealed.schema_version for sealed in one.unsent()]
    assert versions == [bundle(NOTES).schema_version] * 3
    one.close()


def test_who_finds_a_newer_format_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    DeviceFile(path, NOTES).close()
    with closing(connect(path, engine=True)) as database:
        replica = Replica(path)
        replica.opened()
        database.execute(
            "UPDATE _electric_meta SET value = ? WHERE key = 'format'", (len(FORMATS) + 1,)
        )
        for open_ in (replica.opened, lambda: prepare(path, database, bundle(NOTES, MORE))):
            with pytest.raises(DeviceError) as refused:
                open_()
            assert refused.value.code == "newer-format"
        assert database.execute("SELECT count(*) FROM _electric_migrations").fetchone() == (1,)
        replica.close()
