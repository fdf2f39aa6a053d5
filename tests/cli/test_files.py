"""Files that are written together, while somebody else writes them too."""

from pathlib import Path

import pytest

from electricsql.cli import files
from electricsql.migrations import write_atomically


def test_two_commands_may_write_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bundle.json"

    def with_theirs(staged: Path, content: str) -> None:
        write_atomically(staged, content)
        if content == "ours":
            files.write_together({path: "theirs"})

    monkeypatch.setattr(files, "write_atomically", with_theirs)
    files.write_together({path: "ours"})
    assert path.read_text() == "ours"
    assert list(tmp_path.iterdir()) == [path]
