"""docs/protocol.md says what the code does."""

import re
from pathlib import Path

from electricsql.protocol.hub_session import TRANSITIONS, HubState

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()


def _rows(section: str) -> list[list[str]]:
    body = PAGE.partition(f"## {section}")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_states_is_the_one_in_the_code() -> None:
    (_, *kinds), _, *rows = _rows("The states of a stream, at the service")
    documented = {
        (state, kind): after
        for state, *cells in rows
        for kind, after in zip(kinds, cells, strict=True)
        if after
    }
    assert documented == {
        (state.name.lower(), kind.__name__): after.name.lower()
        for state, cells in TRANSITIONS.items()
        for kind, after in cells.items()
    }
    assert [row[0] for row in rows] == [state.name.lower() for state in HubState]


def test_every_reason_to_end_a_stream_is_documented() -> None:
    documented = {row[0].strip("`") for row in _rows("Why a stream ends")[2:]}
    source = ROOT / "src" / "electricsql"
    files = [*(source / "service").glob("*.py"), source / "protocol" / "hub_session.py"]
    used = {code for file in files for code in re.findall(r'Bye\(\s*"([a-z-]+)"', file.read_text())}
    assert used <= documented
