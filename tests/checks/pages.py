"""Writes docs/rules from the rules' documentation: `python -m tests.checks.pages`."""

from electricsql.checks import all_rules
from electricsql.checks.pages import index, page
from tests.house.tree import ROOT

FOLDER = ROOT / "docs" / "rules"


def pages() -> dict[str, str]:
    """File name -> what it holds."""
    rules = all_rules().values()
    return {"index.md": index(rules), **{f"{rule.name}.md": page(rule) for rule in rules}}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.md"):
        stale.unlink()
    for name, content in pages().items():
        (FOLDER / name).write_text(content)
