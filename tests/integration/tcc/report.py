"""Writes what `make soak` found into the tables of docs/reliability.md, and prints them.

    python -m tests.integration.tcc.report RESULTS.jsonl docs/reliability.md

A line of the results is either what came of a trial so far (`trial.Result`; of one trial the last
line counts, and the trials of one fault are added up), or of looking for a planted bug
(`simulation.Caught`). So there are tables of a soak that was broken off, too: they say what was not
run, and what was not finished. A table of which nothing was run stays as it was. What is not as it
should be is printed; the exit status is 1 then.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from electricsql.testing.planted import BUGS
from tests.integration.tcc.breakage import DISKS, FILES, LOSSES
from tests.integration.tcc.faults import FAULTS
from tests.integration.tcc.histories import HISTORIES
from tests.integration.tcc.mangling import Damage
from tests.integration.tcc.points import POINTS
from tests.integration.tcc.trial import STORM, STORMS, WIRE

Line = Mapping[str, Any]

EXPECTED: Final = {
    **dict.fromkeys((*FAULTS, *DISKS, *FILES, *HISTORIES, *LOSSES, *POINTS), 1),
    **dict.fromkeys((WIRE.format(damage) for damage in Damage if damage is not Damage.TWICE), 4),
    STORM: STORMS,
}
"""How many trials of each fault a whole soak has."""
_SUMS: Final = (
    "runs",
    "survived",
    "lost",
    "duplicated",
    "stuck",
    "invalid",
    "transactions",
)
_BAD: Final = ("lost", "duplicated", "stuck", "invalid")
_FAULT_HEAD: Final = (
    "fault",
    "devices + writers, longest",
    "runs",
    "survived",
    "lost",
    "twice",
    "stuck",
    "invalid histories",
    "transactions",
    "worst time to converge",
)
_PLANTED_HEAD: Final = ("planted bug", "what it does", "breaks the rule", "schedules")


def fault_table(results: Iterable[Line]) -> str:
    """A line for each fault."""
    rows = []
    for fault, trials in _by_fault(results).items():
        sums = [f"{sum(trial[name] for trial in trials):,}" for name in _SUMS]
        worst_s = max((trial["worst_s"] for trial in trials), default=0)
        name = f"{fault}{_lacks(trials, EXPECTED.get(fault, 0))}"
        settings = "; ".join(dict.fromkeys(trial["setting"] for trial in trials))
        rows.append([name, settings, *sums, f"{worst_s:.1f} s"])
    return _table(_FAULT_HEAD, rows, texts=2)


def _lacks(trials: Sequence[Line], expected: int) -> str:
    if not trials:
        return " (**not run**)"
    whole = len(trials) >= expected and all(trial["done"] for trial in trials)
    return "" if whole else " (**not finished**)"


def planted_table(results: Iterable[Line]) -> str:
    """A line for each planted bug: what it does, which rule it breaks, how soon that shows."""
    found = _planted(results)
    rows = []
    for name in dict.fromkeys([*BUGS, *found]):
        if name in found:
            what, rule = found[name]["what"], found[name]["rule"] or "**none**"
            rows.append([name, what, rule, f"{found[name]['schedules']:,}"])
        else:
            rows.append([name, BUGS[name].what, "**not looked for**", "0"])
    return _table(_PLANTED_HEAD, rows, texts=3)


def complaints(results: Sequence[Line]) -> Iterable[str]:
    """What is missing, not finished, or not as it should be."""
    by_fault = _by_fault(results)
    for fault, count in EXPECTED.items():
        trials = by_fault[fault]
        if len(trials) < count:
            yield f"{fault}: {len(trials)} of {count} trials were begun"
    for fault, trials in by_fault.items():
        for trial in trials:
            if not trial["done"]:
                yield f"{fault}: not finished after {trial['runs']} runs"
            yield from (f"{fault}: {trial[name]} {name}" for name in _BAD if trial[name])
    found = _planted(results)
    yield from (f"planted bug {name}: not looked for" for name in BUGS if name not in found)
    yield from (f"planted bug {name}: not found" for name in found if not found[name]["rule"])


def _planted(results: Iterable[Line]) -> dict[str, Line]:
    return {result["name"]: result for result in results if "rule" in result}


def _by_fault(results: Iterable[Line]) -> dict[str, list[Line]]:
    """The trials of each fault, of which there may be none."""
    last = {result["key"]: result for result in results if "fault" in result}
    trials: dict[str, list[Line]] = {fault: [] for fault in EXPECTED}
    for result in last.values():
        trials.setdefault(result["fault"], []).append(result)
    return trials


def with_table(page: str, name: str, table: str) -> str:
    """The page with a table between its marks `<!-- name -->` and `<!-- /name -->`."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = page.partition(start)
    _, found_too, after = rest.partition(end)
    assert found and found_too, f"the page has no marks for {name}"
    return f"{before}{start}\n{table}\n{end}{after}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> str:
    """A table whose first columns are texts; the others are numbers."""
    ruler = ["---" if column < texts else "---:" for column in range(len(head))]
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ruler, *rows))


def main(results_path: str, page_path: str) -> int:
    """The command; gives its exit status."""
    results = [json.loads(line) for line in Path(results_path).read_text().splitlines()]
    page = Path(page_path)
    text = page.read_text()
    for name, mark, table in (
        ("faults", "fault", fault_table(results)),
        ("planted bugs", "rule", planted_table(results)),
    ):
        if any(mark in result for result in results):
            print(table)
            text = with_table(text, name, table)
    page.write_text(text)
    found = list(complaints(results))
    for complaint in found:
        print(complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
