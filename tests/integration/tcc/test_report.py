"""The tables of docs/reliability.md, from what a soak found."""

from dataclasses import asdict
from pathlib import Path

import pytest

from electricsql.testing.planted import BUGS
from electricsql.testing.simulation import Caught
from tests.integration.tcc.breakage import LOSSES
from tests.integration.tcc.report import (
    EXPECTED,
    complaints,
    fault_table,
    planted_table,
    with_table,
)
from tests.integration.tcc.test_wire import FRAMES
from tests.integration.tcc.trial import STORM, Result

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"


def test_what_came_of_one_fault_is_added_up() -> None:
    results = [
        asdict(Result("one", "4 + 1, 3 s", 4, survived=4, transactions=2_000, worst_s=1.25)),
        asdict(Result("one", "4 + 1, 3 s", 2, survived=1, lost=3, transactions=9, worst_s=0.5)),
    ]
    for result in results:
        result["done"] = True
    assert fault_table(results).splitlines()[-1] == (
        "| one | 4 + 1, 3 s | 6 | 5 | 3 | 0 | 0 | 0 | 2,009 | 1.2 s |"
    )


def test_of_a_trial_the_last_word_counts() -> None:
    trial = Result("devices killed", "4 + 1, 3 s", runs=1)
    results = [asdict(trial)]
    assert "| devices killed (**not finished**) | 4 + 1, 3 s | 1 | 0 |" in fault_table(results)
    trial.survived, trial.done = 1, True
    results.append(asdict(trial))
    assert "| devices killed | 4 + 1, 3 s | 1 | 1 |" in fault_table(results)


def test_a_bug_that_nobody_found_stands_out() -> None:
    results = [
        Caught("torn-apply", "half a delta", "atomic", 1_003)._asdict(),
        Caught("no-resend", "a loss is final", "", 0)._asdict(),
    ]
    table = planted_table(results).splitlines()
    assert table[1] == "| --- | --- | --- | ---: |"
    assert "| torn-apply | half a delta | atomic | 1,003 |" in table
    assert "| no-resend | a loss is final | **none** | 0 |" in table


def test_a_table_says_what_was_not_run() -> None:
    (lossy,) = LOSSES
    once = asdict(Result(STORM, "4 + 1", 4, survived=4, done=True))
    table = fault_table([once])
    assert len(table.splitlines()) == 2 + len(EXPECTED)
    assert f"| {lossy} (**not run**) |  | 0 |" in table
    assert f"| {STORM} (**not finished**) |" in table
    found = Caught("torn-apply", "half a delta", "atomic", 3)._asdict()
    assert planted_table([found]).count("**not looked for**") == len(BUGS) - 1


def test_what_a_soak_lacks_is_told() -> None:
    whole = [
        *(
            asdict(Result(fault, runs=1, done=True))
            for fault, count in EXPECTED.items()
            for _ in range(count)
        ),
        *(Caught(name, "", "atomic", 1)._asdict() for name in BUGS),
    ]
    assert list(complaints(whole)) == []
    first, *rest = whole
    assert list(complaints(rest)) == [f"{first['fault']}: 0 of 1 trials were begun"]
    late = asdict(Result(first["fault"], runs=3, stuck=1))
    assert list(complaints([late, *rest])) == [
        f"{first['fault']}: not finished after 3 runs",
        f"{first['fault']}: 1 stuck",
    ]
    *but_one, last = whole
    assert list(complaints(but_one)) == [f"planted bug {last['name']}: not looked for"]


def test_a_soak_has_a_trial_for_each_kind_of_frame() -> None:
    assert {count for fault, count in EXPECTED.items() if "frames at" in fault} == {len(FRAMES)}


@pytest.mark.parametrize("name", ["faults", "planted bugs"])
def test_the_page_has_a_place_for_each_table(name: str) -> None:
    page = with_table(PAGE.read_text(), name, "| one |\n")
    assert with_table(page, name, "| two |\n") == page.replace("| one |", "| two |")
