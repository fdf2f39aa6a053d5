"""Writes what `make soak` found into the tables of docs/reliability.md, and prints them.

    python -m tests.integration.tcc.report RESULTS.jsonl docs/reliability.md

A line of the results is either what came of a fault (`trial.Result`; lines of one fault are added
up), or of looking for a planted bug (`simulation.Caught`).
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_SUMS: Final = (
    "runs",
    "survived",
    "lost",
    "duplicated",
    "stuck",
    "invalid",
    "transactions",
)
_FAULT_HEAD: Final = (
    "fault",
    "runs",
    "survived",
    "lost",
    "twice",
    "stuck",
    "invalid histories",
    "transactions",
    "worst time to converge",
)


def fault_table(results: Iterable[Mapping[str, Any]]) -> str:
    """A line for each fault."""
    sums: dict[str, dict[str, float]] = {}
    for result in results:
        if "fault" in result:
            line = sums.setdefault(result["fault"], {**dict.fromkeys(_SUMS, 0), "worst_s": 0.0})
            for name in _SUMS:
                line[name] += result[name]
            line["worst_s"] = max(line["worst_s"], result["worst_s"])
    rows = [
        [fault, *(f"{line[name]:,.0f}" for name in _SUMS), f"{line['worst_s']:.1f} s"]
        for fault, line in sums.items()
    ]
    return _table(_FAULT_HEAD, rows)


def planted_table(results: Iterable[Mapping[str, Any]]) -> str:
    """A line for each planted bug: what it does, which rule it breaks, how soon that shows."""
    rows = [
        [each["name"], each["what"], each["rule"] or "**none**", f"{each['schedules']:,}"]
        for each in results
        if "rule" in each
    ]
    return _table(("planted bug", "what it does", "breaks the rule", "schedules"), rows)


def with_table(page: str, name: str, table: str) -> str:
    """The page with a table between its marks `<!-- name -->` and `<!-- /name -->`."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = page.partition(start)
    _, found_too, after = rest.partition(end)
    assert found and found_too, f"the page has no marks for {name}"
    return f"{before}{start}\n{table}\n{end}{after}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:" for _ in head[1:]]], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(results_path: str, page_path: str) -> None:
    results = [json.loads(line) for line in Path(results_path).read_text().splitlines()]
    page = Path(page_path)
    text = page.read_text()
    for name, table in (
        ("faults", fault_table(results)),
        ("planted bugs", planted_table(results)),
    ):
        if len(table.splitlines()) > 2:
            print(table)
            text = with_table(text, name, table)
    page.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
