"""Policies are read, or they are not."""

import pytest

from electricsql.migrations import Directive, policies


def read(name: str, arguments: str) -> list[tuple[str, list[str], str, bool]]:
    found = policies([Directive(name, arguments, 0, 0)])
    return [(each.table, sorted(each.names), each.on_conflict, each.is_known) for each in found]


@pytest.mark.parametrize(
    ("name", "arguments", "policy"),
    [
        ("unique", "a.b on-conflict=keep-first", ("a", ["b"], "keep-first", True)),
        ("unique", "A(B)  on-conflict=quarantine", ("a", ["b"], "quarantine", True)),
        ("unique", '"a b"( c , [d e]) on-conflict=x', ("a b", ["c", "d e"], "x", False)),
        ("check", "a.c on-conflict=quarantine", ("a", ["c"], "quarantine", True)),
        ("check", "a.c on-conflict=keep-first", ("a", ["c"], "keep-first", False)),
    ],
)
def test_a_policy(name: str, arguments: str, policy: object) -> None:
    assert read(name, arguments) == [policy]


@pytest.mark.parametrize(
    "arguments",
    [
        *("", "a.b", "on-conflict=quarantine", "a on-conflict=quarantine"),
        *("a() on-conflict=quarantine", "a(b c) on-conflict=quarantine"),
        *("a.b.c on-conflict=quarantine", "a.b on-conflict=", "'a'.b on-conflict=quarantine"),
        "a.b on-conflict=quarantine please",
    ],
)
def test_what_can_not_be_read_is_none(arguments: str) -> None:
    assert read("unique", arguments) == []


def test_other_directives_are_none() -> None:
    assert read("allow", "a.b on-conflict=quarantine") == []
