"""`migrations list` and `migrations revert`: what is where, and back to what was applied."""

import shutil
from pathlib import Path

from tests.cli.conftest import ITEMS, Service, Typist

MORE = "CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL);\n"


def test_the_list_shows_every_state_in_every_environment(
    deployed: Typist, service: Service
) -> None:
    deployed.well("config", "add_env", "prod", "--service", service.url)
    gone = deployed.migration("gone")
    deployed.well("sync", "--env", "prod")
    kept = deployed.migration("kept", MORE)
    deployed.well("sync")
    new = deployed.migration("new", MORE.replace("more", "newer"))
    kept.write_text(MORE + "-- changed\n")
    shutil.rmtree(gone.parent)
    assert deployed("migrations", "list", "--json").json() == [
        {"name": path.parent.name, "title": title, "environments": {"default": one, "prod": two}}
        for path, title, one, two in (
            (gone, "gone", "missing locally", "missing locally"),
            (kept, "kept", "different", "pending"),
            (new, "new", "pending", "pending"),
        )
    ]
    lines = deployed.well("migrations", "list").splitlines()
    assert lines[0].split() == ["NAME", "TITLE", "default", "prod"]
    assert lines[1].split() == [
        gone.parent.name,
        "gone",
        *["missing", "locally", "missing", "locally"],
    ]
    only = deployed("migrations", "list", "--env", "prod", "--json").json()
    assert [set(each["environments"]) for each in only] == [{"prod"}] * 3


def test_the_list_works_offline_with_a_note(notes: Typist) -> None:
    notes.well("config", "update", "--service", "http://127.0.0.1:1")
    notes.migration("items")
    said = notes("migrations", "list")
    assert said.status == 0
    assert said.out.split()[-2:] == ["items", "unknown"]
    assert "http://127.0.0.1:1 can't be reached" in said.err


def test_an_environment_that_is_not_there_yet_has_applied_nothing(deployed: Typist) -> None:
    deployed.migration("items")
    (listed,) = deployed("migrations", "list", "--json").json()
    assert listed["environments"] == {"default": "pending"}


def test_revert_brings_back_what_was_applied_and_keeps_what_was_here(deployed: Typist) -> None:
    path = deployed.migration("items")
    deployed.well("sync")
    path.write_text("my own\n")
    deployed.well("migrations", "revert", path.parent.name)
    assert path.read_text() == ITEMS
    assert path.with_name("migration.sql.orig").read_text() == "my own\n"
    deployed.well("sync")
    assert "Nothing differs" in deployed.well("migrations", "revert", path.parent.name)


def test_revert_with_force_keeps_nothing(deployed: Typist) -> None:
    path = deployed.migration("items")
    deployed.well("sync")
    path.write_bytes(b"\xff")
    deployed.well("migrations", "revert", path.parent.name, "--force")
    assert [each.name for each in path.parent.iterdir()] == ["migration.sql"]


def test_revert_all_restores_changed_and_missing_ones_and_leaves_new_ones(
    deployed: Typist,
) -> None:
    first, second = deployed.migration("items"), deployed.migration("more", MORE)
    deployed.well("sync")
    new = deployed.migration("new", "-- not applied\n")
    shutil.rmtree(first.parent)
    second.write_text("changed\n")
    said = deployed.well("migrations", "revert", "--all")
    assert said.count("Reverted") == 2
    assert [path.read_text() for path in (first, second, new)] == [ITEMS, MORE, "-- not applied\n"]


def test_revert_needs_a_name_or_all(notes: Typist) -> None:
    notes.fails("migrations", "revert", code="name-or-all", status=2)
    notes.fails("migrations", "revert", "x", "--all", code="name-or-all", status=2)


def test_revert_refuses_what_was_never_applied(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    new = deployed.migration("new", MORE)
    name = new.parent.name
    assert name in deployed.fails("migrations", "revert", name, code="unknown-migration")
    assert new.read_text() == MORE


def test_revert_never_leaves_the_migrations_folder(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    for name in ("../x", "20221116162335423_a/../../../x", "nonsense"):
        deployed.fails("migrations", "revert", name, code="bad-migration-name")
    assert not Path("../x").exists()
