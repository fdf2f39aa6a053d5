"""Every example in a rule's documentation is judged as it says; the pages are up to date."""

import pytest

from electricsql.checks import Rule, all_rules, check
from electricsql.checks.pages import Example, examples
from electricsql.migrations import build
from tests.checks.pages import FOLDER, pages
from tests.checks.sources import sources

EXAMPLES = [(rule, example) for rule in all_rules().values() for example in examples(rule)]


@pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{rule.name}-{e.found}" for rule, e in EXAMPLES]
)
def test_an_example_is_judged_as_it_says(rule: Rule, example: Example) -> None:
    migrations = sources(*example.migrations)
    found = check(migrations, [each.name for each in migrations[:-1]])
    if example.found:
        assert (rule.name, rule.severity) in {(each.rule, each.severity) for each in found}
        assert all(each.why and (each.fix or each.help) for each in found)
    else:
        assert [each for each in found if each.is_error] == []
        assert rule.name not in {each.rule for each in found}
        build(migrations)


NAMES_TO_KEEP = {
    *("missing-primary-key", "nullable-primary-key", "device-local-key", "primary-key-changed"),
    *("required-new-column", "nondeterministic-default", "unique-can-collide"),
    *("check-spans-columns", "foreign-key-cycle", "data-statement", "transaction-control"),
    *("trigger-on-replicated-table", "unportable-expression", "unknown-type", "ignored-length"),
    *("identifier-too-long", "identifier-case-clash", "reserved-name", "qualified-name"),
    *("drop-table", "drop-column", "rename-or-drop", "narrowing-type"),
    *("applied-migration-changed", "out-of-order", "unused-waiver"),
}
"""Waivers, scripts and links say them."""


def test_names_that_others_rely_on_are_kept() -> None:
    assert all_rules().keys() >= NAMES_TO_KEEP


OF_ENVIRONMENTS = {"applied-migration-changed", "out-of-order"}
"""Rules that compare with an environment; `test_check.py` has their examples."""

TOO_LONG = {"wide-row"}
"""Rules whose examples nobody wants to read; the corpus has them."""


@pytest.mark.parametrize("rule", all_rules().values(), ids=all_rules())
def test_a_rule_has_examples_of_both_kinds(rule: Rule) -> None:
    kinds = set() if rule.name in OF_ENVIRONMENTS | TOO_LONG else {True, False}
    assert {each.found for each in examples(rule)} == kinds
    assert rule.documentation.split("\n")[0].endswith(".")


def test_the_pages_are_up_to_date() -> None:
    there = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    assert there == pages(), "run `python -m tests.checks.pages`"
