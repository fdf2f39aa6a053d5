"""The tables of docs/reliability.md, from what a soak found."""

from dataclasses import asdict
from pathlib import Path

import pytest

from electricsql.testing.simulation import Caught
from tests.integration.tcc.report import fault_table, planted_table, with_table
from tests.integration.tcc.trial import Result

PAGE = Path(__file__).parents[3] / "docs" / "reliability.md"


def test_what_came_of_one_fault_is_added_up() -> None:
    results = [
        asdict(Result("devices killed", runs=4, survived=4, transactions=2_000, worst_s=1.25)),
        asdict(Result("devices killed", runs=2, survived=1, lost=3, transactions=9, worst_s=0.5)),
    ]
    (_, _, line) = fault_table(results).splitlines()
    assert line == "| devices killed | 6 | 5 | 3 | 0 | 0 | 0 | 2,009 | 1.2 s |"


def test_a_bug_that_nobody_found_stands_out() -> None:
    results = [
        Caught("torn-apply", "half a delta", "atomic", 1_003)._asdict(),
        Caught("no-resend", "a loss is final", "", 0)._asdict(),
    ]
    assert planted_table(results).splitlines()[2:] == [
        "| torn-apply | half a delta | atomic | 1,003 |",
        "| no-resend | a loss is final | **none** | 0 |",
    ]


@pytest.mark.parametrize("name", ["faults", "planted bugs"])
def test_the_page_has_a_place_for_each_table(name: str) -> None:
    page = with_table(PAGE.read_text(), name, "| one |\n")
    assert with_table(page, name, "| two |\n") == page.replace("| one |", "| two |")
