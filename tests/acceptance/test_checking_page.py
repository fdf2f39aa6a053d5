"""docs/checking.md: git's own hook as the page has it, and what pre-commit is told."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEYLESS = "CREATE TABLE keyless (body TEXT);\n"
KEYED = "CREATE TABLE keyed (id TEXT PRIMARY KEY NOT NULL);\n"


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    names = {
        f"GIT_{who}_{what}": "a@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environ = {**os.environ, **names, "PATH": path}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_a_commit_with_a_dangerous_migration_is_refused(tmp_path: Path) -> None:
    (hook,) = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "docs/checking.md").read_text(), re.M | re.S
    )
    assert _run(tmp_path, "git", "init", "-q").returncode == 0
    assert _run(tmp_path, "electric", "init", "notes").returncode == 0
    assert _run(tmp_path, "sh", "-ec", hook).returncode == 0
    migration = tmp_path / "migrations" / "20260101000000000_one" / "migration.sql"
    migration.parent.mkdir()
    for text, status in ((KEYLESS, 1), (KEYED, 0)):
        migration.write_text(text)
        assert _run(tmp_path, "git", "add", "-A").returncode == 0
        said = _run(tmp_path, "git", "commit", "-m", "one")
        assert (said.returncode, "missing-primary-key" in said.stderr + said.stdout) == (
            status,
            bool(status),
        )


def test_pre_commit_runs_the_check_where_a_migration_is_part_of_the_commit() -> None:
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "\n  entry: electric check\n" in hook
    (files,) = re.findall(r"^  files: (.*)$", hook, re.M)
    assert re.search(files, "app/migrations/20260101000000000_one/migration.sql")
    assert not re.search(files, "app/readme.md")
