"""What all sessions did, as one history, and what the checkers say of it."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from electricsql.testing import checker
from electricsql.testing.history import read_history

Line = dict[str, Any]

SECOND_CHECKER: Final = Path(__file__).parents[4] / "shared" / "tools" / "tcc_checker.py"
"""One that others have written; asked only where it is there."""


def transactions(session: str, path: Path) -> Iterator[Line]:
    """A session's transactions from its file. One whose outcome the session did not live to write
    down is `info`."""
    begun: Line | None = None
    for line in path.read_text().splitlines():
        if not line.endswith("}"):
            continue  # killed while it was written: its transaction was not committed yet
        entry: Line = json.loads(line)
        if entry["type"] == "invoke":
            if begun is not None:
                yield _transaction(session, begun, "info")
            begun = entry
        elif begun is not None and entry["index"] == begun["index"]:
            yield _transaction(session, begun, entry["type"])
            begun = None
    if begun is not None:
        yield _transaction(session, begun, "info")


def _transaction(session: str, begun: Line, type: str) -> Line:
    final = {"final": True} if begun.get("final") and type == "ok" else {}
    return {
        "session": session,
        "index": begun["index"],
        "type": type,
        "ops": begun["ops"],
        **final,
    }


def write_history(path: Path, sessions: Mapping[str, Path], more: Iterable[Line]) -> int:
    """Write all sessions' transactions into one file; gives their number."""
    count = 0
    with path.open("w") as file:
        for session, history in sessions.items():
            for line in transactions(session, history):
                file.write(json.dumps(line) + "\n")
                count += 1
        for line in more:
            file.write(json.dumps(line) + "\n")
    return count


def check(path: Path) -> list[str]:
    """What the checkers have against a history; nothing if it is valid."""
    return [*map(str, checker.check(read_history(path))), *second_opinion(path)]


def second_opinion(path: Path) -> list[str]:
    """What the other checker has against it; nothing, too, where there is no other checker."""
    if not SECOND_CHECKER.exists():
        return []
    done = subprocess.run(
        [sys.executable, str(SECOND_CHECKER), "--unordered", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return [] if done.returncode == 0 else [done.stdout + done.stderr]
