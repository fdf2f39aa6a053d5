"""Every migration of the corpus is judged as it says."""

import pytest

from electricsql.migrations import build
from tests.checks.corpus import CASES, Case


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 150
    assert sum(case.is_accepted for case in CASES) >= 50


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_is_judged_as_it_says(case: Case) -> None:
    assert case.judged == case.expected
    assert case.is_accepted != any(each.is_error for each in case.findings)
    if case.is_accepted:
        build(case.sources)
