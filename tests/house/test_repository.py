"""What is committed works anywhere: no registry's address, no path of one machine, no dead link."""

import re

from tests.house.tree import ROOT, tracked

TEXT = {".md", ".py", ".sql", ".toml", ".txt", ".yml", ".json", ".js", ".ts", ""}
ADDRESSES = re.compile(
    r"https?://(?:[\w.-]*\.)?(?:pypi|pythonhosted|npmjs|debian)\.(?:org|com|net)"
)
HOMES = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_no_file_names_a_registry_or_somebodys_home() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path.suffix in TEXT
        for pattern in (ADDRESSES, HOMES)
        for match in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert not found


def test_links_between_documents_lead_somewhere() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in LINK.findall(path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not dead
