"""What a build makes: schemas, statements, bundles that Python and Node read."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from electricsql.errors import ProjectError
from electricsql.lenses import Added, Kept, Lens, TableLens, column_uid, made
from electricsql.migrations import (
    Bundle,
    Source,
    build,
    bundle_json,
    bundled,
    index_js,
    make_bundle,
    read_bundle,
    read_folder,
    schema_of,
    write_atomically,
)
from electricsql.schema import ColumnType

SMALLEST = "CREATE TABLE IF NOT EXISTS items (value TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;"
FIRST = Source("20240101000000000_items", "items", SMALLEST)
SECOND = Source(
    "20240102000000000_more", "more", "ALTER TABLE items ADD COLUMN note TEXT DEFAULT ';'"
)


def test_the_smallest_migration_works() -> None:
    (built,) = build([FIRST]).migrations
    assert built.statements[0] == SMALLEST.rstrip(";")
    assert built.postgres == (
        'CREATE TABLE "items" (\n    "value" text COLLATE "C" NOT NULL,\n'
        '    PRIMARY KEY ("value")\n)',
    )
    assert built.schema.tables["items"].without_rowid


def test_a_later_migration_makes_the_triggers_of_what_it_touched() -> None:
    built = build([FIRST, SECOND])
    assert built.migrations[1].postgres == (
        'ALTER TABLE "items" ADD COLUMN "note" text COLLATE "C" DEFAULT \';\'::text',
        'ALTER TABLE "items" DROP CONSTRAINT IF EXISTS "electric_row_at_most_32_MiB",'
        ' ADD CONSTRAINT "electric_row_at_most_32_MiB"'
        ' CHECK (coalesce(octet_length("note"::text), 0) <= 33554432) NOT VALID',
    )
    assert sum("CREATE TRIGGER" in sql for sql in built.migrations[1].statements) == 4
    note = built.schema.tables["items"].by_name["note"]
    assert (note.type, note.default_value) == (ColumnType.TEXT, ";")


def test_tables_keep_their_numbers() -> None:
    third = Source("20240103000000000_z", "z", "CREATE TABLE aaa (id INTEGER PRIMARY KEY)")
    numbers = {table.name: table.number for table in build([FIRST, SECOND, third]).schema}
    assert numbers == {"items": 1, "aaa": 2}


def test_compiled_statements_tell_the_same_schema() -> None:
    wide = ", ".join(f"c{n} TEXT" for n in range(40))
    third = Source("20240103000000000_z", "z", f"CREATE TABLE wide (id INT PRIMARY KEY, {wide})")
    built = build([FIRST, SECOND, third])
    compiled = [sql for migration in built.migrations for sql in migration.statements]
    again = schema_of(compiled, built.schema.version)
    assert again == built.schema


def test_names_are_spelled_as_they_were_created() -> None:
    source = Source(
        "20240101000000000_x",
        "x",
        "CREATE TABLE Artist (Id INTEGER PRIMARY KEY);"
        "CREATE TABLE Album (Id INTEGER PRIMARY KEY, By INTEGER,"
        " FOREIGN KEY (BY) REFERENCES ARTIST (ID))",
    )
    (foreign_key,) = build([source]).schema.tables["Album"].foreign_keys
    assert (foreign_key.columns, foreign_key.parent) == (("By",), "Artist")
    assert foreign_key.parent_columns == ("Id",)


def bundle() -> Bundle:
    built = build([FIRST, SECOND])
    return make_bundle("notes", "local", map(bundled, built.migrations))


def test_a_bundle_is_read_back_from_file_folder_and_object(tmp_path: Path) -> None:
    made = bundle()
    write_atomically(tmp_path / "bundle.json", bundle_json(made))
    assert read_bundle(tmp_path) == read_bundle(tmp_path / "bundle.json") == made
    assert read_bundle(json.loads(bundle_json(made))) == made
    assert json.loads(bundle_json(made))["schemaVersion"] == SECOND.name


@pytest.mark.parametrize("content", ["{", "[]", '{"app": 5}'])
def test_a_bad_bundle_is_no_traceback(tmp_path: Path, content: str) -> None:
    (tmp_path / "bundle.json").write_text(content)
    with pytest.raises(ProjectError) as bad:
        read_bundle(tmp_path)
    assert bad.value.code == "bad-bundle"
    with pytest.raises(ProjectError) as missing:
        read_bundle(tmp_path / "nowhere")
    assert missing.value.code == "bundle-not-found"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_node_imports_the_module(tmp_path: Path) -> None:
    odd = Source(
        "20240101000000000_x", "x", "CREATE TABLE t (id TEXT PRIMARY KEY DEFAULT '\u2028`${\\')"
    )
    made = make_bundle("notes", "local", map(bundled, build([odd]).migrations))
    (tmp_path / "index.mjs").write_text(index_js(made))
    script = "import('./index.mjs').then(m => console.log(JSON.stringify(m.default)))"
    printed = subprocess.run(
        ["node", "-e", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(printed) == json.loads(bundle_json(made))


def test_the_folders_are_the_truth(tmp_path: Path) -> None:
    for name in ("20240102000000000_b", "20240101_000000_000_a"):
        write_atomically(tmp_path / name / "migration.sql", "-- nothing yet\n")
    (tmp_path / "manifest.json").write_text("not read")
    assert [source.name for source in read_folder(tmp_path)] == [
        "20240101_000000_000_a",
        "20240102000000000_b",
    ]
    (tmp_path / "stray").mkdir()
    with pytest.raises(ProjectError) as stray:
        read_folder(tmp_path)
    assert stray.value.code == "bad-migration-name"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "bundle.json"
    write_atomically(target, "old")
    with pytest.raises(ProjectError) as refused:
        write_atomically(target / "below", "new")
    assert refused.value.code == "cannot-write"
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.json"]


def test_a_view_is_on_devices_only() -> None:
    view = Source("20240103000000000_v", "v", "CREATE VIEW v AS SELECT * FROM items;")
    gone = Source("20240104000000000_g", "g", "DROP VIEW v;")
    built = build([FIRST, view, SECOND, gone])
    assert [each.postgres for each in built.migrations][1::2] == [(), ()]
    assert built.migrations[1].statements == (
        "-- @local-only\nCREATE VIEW v AS SELECT * FROM items",
    )
    compiled = [sql for migration in built.migrations for sql in migration.statements]
    assert schema_of(compiled, built.schema.version) == built.schema


def test_a_migration_has_a_lens_and_keeps_it_in_the_bundle() -> None:
    first, second = build([FIRST, SECOND]).migrations
    assert first.lens == Lens((made(FIRST.name, first.schema.tables["items"]),))
    uid = column_uid(SECOND.name, "items", "note")
    columns = (Kept("value"), Added("note", uid))
    assert second.lens == Lens((TableLens("items", was="items", columns=columns),))
    assert second.additive
    (_, again) = read_bundle(json.loads(bundle_json(bundle()))).migrations
    assert (again.lens, again.additive) == (second.lens, True)
