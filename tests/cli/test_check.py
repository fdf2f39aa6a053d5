"""`check`: what is found, in every format, and what it exits with."""

import json
import shutil
from pathlib import Path

import pytest

from electricsql.checks import all_rules
from tests.cli.conftest import ITEMS, Typist

KEYLESS = "CREATE TABLE keyless (\n    body TEXT\n);\n"
LOCAL = "CREATE TABLE local (id INTEGER PRIMARY KEY NOT NULL);\n"


def test_findings_are_shown_with_place_reason_and_remedy(notes: Typist) -> None:
    path = notes.migration("two things", KEYLESS + LOCAL).relative_to(notes.folder)
    said = notes("check")
    assert said.status == 1
    assert "Note: default was not asked." in said.err
    assert f"error[missing-primary-key]: Table keyless has no PRIMARY KEY.\n --> {path}:1:14\n" in (
        said.out
    )
    assert "1 | CREATE TABLE keyless (\n  |              ^^^^^^^\n" in said.out
    assert "  = write: id TEXT PRIMARY KEY NOT NULL\n" in said.out
    assert "see: electric check --explain device-local-key\n" in said.out
    assert said.out.endswith("Checked 1 new migration: 2 errors.\n")


def test_what_is_fine_is_said_to_be(notes: Typist) -> None:
    notes.migration("items")
    assert notes.well("check").endswith("Checked 1 new migration: no problems.\n")
    assert json.loads(notes.well("check", "--format", "json")) == []
    assert notes.well("check", "--format", "github") == "\n"
    assert json.loads(notes.well("check", "--format", "sarif"))["runs"][0]["results"] == []


def test_a_warning_is_told_and_stops_nobody_who_is_not_strict(deployed: Typist) -> None:
    deployed.migration("upper", "CREATE TABLE Notes (id TEXT PRIMARY KEY NOT NULL);\n")
    said = deployed("check")
    assert said.status == 0
    assert "warning[identifier-case-clash]: Names with upper-case letters: Notes.\n" in said.out
    assert said.out.endswith("Checked 1 new migration: 1 warning.\n")
    assert deployed("check", "--strict").status == 1
    assert deployed("check", "--format", "json").json()[0]["severity"] == "warning"
    assert deployed.well("check", "--format", "github").startswith("::warning file=")
    (result,) = json.loads(deployed.well("check", "--format", "sarif"))["runs"][0]["results"]
    assert result["level"] == "warning"
    for command in ("build", "sync"):
        done = deployed(command)
        assert (done.status, "warning[identifier-case-clash]" in done.err) == (0, True), command
        assert "Error" not in done.err
    assert deployed.well("check", "--strict").endswith("Checked 0 new migrations: no problems.\n")


def test_a_build_tells_of_some_warnings_and_a_check_of_all(notes: Typist) -> None:
    columns = ", ".join(f"c{n} VARCHAR(9)" for n in range(7))
    notes.migration("many", f"CREATE TABLE many (id TEXT PRIMARY KEY NOT NULL, {columns});\n")
    built = notes("build")
    assert (built.status, built.err.count(" is taken for ")) == (0, 5)
    assert "And 2 more warnings: `electric check` shows them all.\n" in built.err
    checked = notes("check").out
    assert (checked.count(" is taken for "), checked.count("warning[ignored-length]")) == (7, 1)
    assert len(notes("check", "--format", "json").json()) == 7


def test_programs_read_the_same(notes: Typist) -> None:
    path = str(notes.migration("keyless", KEYLESS).relative_to(notes.folder))
    (found,) = notes("check", "--format", "json").json()
    assert (found["rule"], found["file"], found["line"], found["column"]) == (
        *("missing-primary-key", path),
        *(1, 14),
    )
    (result,) = notes("check", "--format", "sarif").json()["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], result["level"]) == ("missing-primary-key", "error")
    assert (place["artifactLocation"]["uri"], place["region"]["startColumn"]) == (path, 14)
    said = notes("check", "--format", "github")
    assert said.status == 1
    assert said.out.startswith(
        f"::error file={path},line=1,endLine=1,col=14,endColumn=21,title=missing-primary-key::"
    )
    assert "%0A" in said.out and said.out.count("\n") == 1


def test_reviews_count_paths_from_the_top_of_the_checkout(notes: Typist) -> None:
    path = notes.migration("keyless", KEYLESS).relative_to(notes.folder)
    (notes.folder.parent / ".git").mkdir()
    below = f"{notes.folder.name}/{path}"
    (result,) = notes("check", "--format", "sarif").json()["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == below
    assert notes("check", "--format", "github").out.startswith(f"::error file={below},")
    (found,) = notes("check", "--format", "json").json()
    assert found["file"] == str(path)


def test_a_build_refuses_what_the_check_finds(notes: Typist) -> None:
    notes.migration("keyless", KEYLESS)
    before = notes.files()
    for command in ("build", "sync"):
        message = notes.fails(command, code="missing-primary-key")
        assert "--> migrations/" in message
        assert "Error: 1 error in new migrations" in message
    assert notes.files() == before


def test_every_rule_is_explained(notes: Typist) -> None:
    for name, rule in all_rules().items():
        assert notes.well("check", "--explain", name).startswith(f"# {name}\n"), rule
    message = notes.fails("check", "--explain", "nonsense", code="unknown-rule", status=2)
    assert "missing-primary-key" in message


def test_what_is_applied_is_not_judged_again(
    deployed: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deployed.migration("items")
    deployed.well("sync")
    deployed.migration("keyless", KEYLESS)
    said = deployed("check")
    assert (said.status, said.err) == (1, "")
    assert said.out.endswith("Checked 1 new migration: 1 error.\n")
    monkeypatch.setenv("ELECTRIC_TOKEN", "nonsense")
    offline = deployed("check")
    assert offline.out == said.out
    assert "Note: default was not asked." in offline.err
    monkeypatch.delenv("ELECTRIC_TOKEN")
    path.write_text(ITEMS + "-- changed\n")
    assert "error[applied-migration-changed]" in deployed("check").out
    shutil.rmtree(path.parent)
    assert path.parent.name in deployed.fails("check", code="migration-missing")


def test_a_migration_that_comes_late_is_found(deployed: Typist) -> None:
    deployed.migration("items")
    deployed.well("sync")
    folder = Path("migrations/20200101000000000_late")
    folder.mkdir()
    (folder / "migration.sql").write_text(ITEMS.replace("items", "late"))
    said = deployed("check")
    assert said.status == 1
    assert "error[out-of-order]" in said.out
