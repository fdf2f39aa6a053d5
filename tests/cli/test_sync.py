"""`sync` against a real service: what is new is applied, or nothing is."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from electricsql.cli.api import EnvironmentApi
from electricsql.migrations import Source, read_bundle
from electricsql.service.bodies import Migration
from tests.cli.conftest import ITEMS, Service, Typist

MORE = "CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL);\n"


def test_a_sync_applies_what_is_new_and_writes_the_bundle(
    deployed: Typist, service: Service
) -> None:
    first = deployed.migration("items").parent.name
    assert f"Applied {first}\n" in deployed.well("sync")
    bundle = read_bundle(Path(".electric/@config"))
    assert (bundle.env, bundle.service, bundle.schema_version) == ("default", service.url, first)
    assert "Nothing new" in deployed.well("sync")
    second = deployed.migration("more", MORE).parent.name
    assert deployed("sync", "--json").json()["applied"] == [second]
    assert read_bundle(Path(".electric/@config")).schema_version == second
    assert len(json.loads(Path("migrations/manifest.json").read_text())["migrations"]) == 2


def test_a_dry_run_shows_the_sql_and_changes_nothing(deployed: Typist) -> None:
    name = deployed.migration("items").parent.name
    before = deployed.files()
    for _ in range(2):
        shown = deployed.well("sync", "--dry-run")
        assert f"-- New: {name}" in shown
        assert 'CREATE TABLE "items"' in shown
    assert deployed("sync", "--dry-run", "--json").json()["pending"] == [name]
    assert deployed.files() == before
    deployed.well("sync")
    assert "Nothing new" in deployed.well("sync", "--dry-run")


def test_a_changed_migration_is_refused_with_hashes_and_difference(deployed: Typist) -> None:
    path = deployed.migration("items")
    deployed.well("sync")
    new = deployed.migration("more", MORE)
    path.write_text(ITEMS + "-- a word more\n")
    before = deployed.files()
    message = deployed.fails("sync", code="applied-migration-changed")
    assert message.count("sha256") == 2
    assert "\n+-- a word more\n" in message
    assert f"electric migrations revert {path.parent.name}`" in message
    assert "`electric reset`" in message
    assert deployed.files() == before
    path.write_text(ITEMS)
    assert deployed("sync", "--json").json()["applied"] == [new.parent.name]


def test_a_missing_migration_is_refused_and_named(deployed: Typist) -> None:
    path = deployed.migration("items")
    deployed.well("sync")
    shutil.rmtree(path.parent)
    message = deployed.fails("sync", code="migration-missing")
    assert path.parent.name in message
    assert "`electric migrations revert --all`" in message
    assert "init --sync-down" in message


def test_a_migration_that_comes_late_is_refused_with_the_command_that_renames_it(
    deployed: Typist,
) -> None:
    applied_before = deployed.migration("items").parent.name
    deployed.well("sync")
    for name in ("20200101000000000_late", "20200101000000001_later"):
        Path("migrations", name).mkdir()
        Path("migrations", name, "migration.sql").write_text(MORE.replace("more", name[18:]))
    before = deployed.files()
    message = deployed.fails("sync", code="out-of-order")
    assert deployed.files() == before
    assert f"20200101000000000_late sorts before {applied_before}" in message
    commands = [line for line in message.splitlines() if line.startswith("  mv ")]
    for command in commands:
        subprocess.run(command, shell=True, check=True)
    applied = deployed("sync", "--json").json()["applied"]
    assert [name[18:] for name in applied] == ["late", "later"]


def test_sql_that_fails_is_refused_before_anything_is_sent(notes: Typist) -> None:
    notes.migration("items", "CREATE TABLE x (\n  id TEXT PRIMARY KYE);\n")
    message = notes.fails("sync", code="sql-error")
    assert (
        "migration.sql:2:19\n  |\n2 |   id TEXT PRIMARY KYE);\n  |                   ^^^\n"
        in message
    )


def test_a_service_that_does_not_run_is_named(notes: Typist) -> None:
    notes.well("config", "update_env", "default", "--service", "http://127.0.0.1:1")
    before = notes.files()
    message = notes.fails("sync", code="service-unreachable")
    assert "http://127.0.0.1:1" in message
    assert "`electric start`" in message
    assert notes.files() == before


def test_a_wrong_token_is_refused(deployed: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRIC_TOKEN", "nonsense")
    assert "`electric auth login`" in deployed.fails("sync", code="bad-token")
    monkeypatch.setenv("ELECTRIC_TOKEN", "a\nb")
    assert "line breaks" in deployed.fails("sync", code="bad-token")


def test_without_any_token_the_way_to_one_is_told(
    deployed: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/nonexistent")
    assert "`electric auth login`" in deployed.fails("sync", code="no-token")


def test_what_can_not_be_written_is_not_applied(
    deployed: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = deployed.migration("items").parent.name

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "No space left" in deployed.fails("sync", code="cannot-write")
    assert deployed("sync", "--json").json()["applied"] == [name]


def test_a_disk_that_fills_after_the_migrations_were_applied_is_explained(
    deployed: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = deployed.migration("items").parent.name
    apply = EnvironmentApi.apply

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    def apply_and_fill(self: EnvironmentApi, sources: Iterable[Source]) -> list[Migration]:
        patch.setattr(os, "fsync", full)
        return apply(self, sources)

    before = deployed.files()
    with monkeypatch.context() as patch:
        patch.setattr(EnvironmentApi, "apply", apply_and_fill)
        message = deployed.fails("sync", code="cannot-write")
    assert "The migrations were applied: sync again" in message
    assert deployed.files() == before
    assert "Nothing new" in deployed.well("sync")
    assert read_bundle(Path(".electric/@config")).schema_version == name


def test_init_can_start_from_the_services_migrations(
    deployed: Typist, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deployed.migration("items")
    deployed.well("sync")
    app = deployed("config", "show").json()["app"]
    other = deployed.folder.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    options = ("--service", service.url, "--sync-down")
    assert "Fetched 1 migration\n" in deployed.well("init", app, *options)
    assert (other / path.relative_to(deployed.folder)).read_text() == ITEMS
    assert read_bundle(other / ".electric/@config") == read_bundle(
        deployed.folder / ".electric/@config"
    )
    assert "Nothing new" in deployed.well("sync")


def test_init_from_a_service_that_lacks_the_environment_writes_nothing(
    deployed: Typist, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = deployed.folder.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    options = ("--service", service.url, "--sync-down")
    deployed.fails("init", "nowhere", *options, code="unknown-environment")
    assert list(other.iterdir()) == []


def test_init_from_a_service_keeps_migrations_that_are_here(deployed: Typist) -> None:
    deployed.migration("items")
    Path("electric.json").unlink()
    before = deployed.files()
    deployed.fails("init", "notes", "--sync-down", code="migrations-present")
    assert deployed.files() == before
