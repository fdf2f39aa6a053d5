"""An app's own triggers on devices: they go on for what is written in their file, and are silent
while changes of others come in, which bring with them what such a trigger did there.

One that writes no replicated table, and refuses nothing, hears of every change: it keeps something
of its file's own, such as an index for searching.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from electricsql.migrations.capture import GUARD
from electricsql.migrations.grammar import parse
from electricsql.migrations.source import Statement
from electricsql.schema import Token, tokens

FIRING: Final = "_electric_firing"
"""Which triggers are under way: SQLite would not fire one again because of what it does itself, but
for a setting that capture needs (`recursive_triggers`)."""


def kept_trigger(text: str, replicated: Collection[str]) -> tuple[str, ...]:
    """The statements that make a trigger, given the lower-case names of all that is replicated."""
    every = list(tokens(text))
    parsed = parse(Statement(text, 0))
    assert parsed.name is not None and parsed.on is not None, "SQLite has taken it"
    written = {name.lower() for name in _written(every[_begin(every) :])}
    is_silent = not written.isdisjoint(replicated) or any(t.is_word("RAISE") for t in every)
    may_repeat = is_silent or parsed.on.name.lower() in written
    conditions = [f"NOT EXISTS (SELECT 1 FROM {GUARD})"] if is_silent else []
    if not written or not may_repeat or _ends_early(every):
        return (_with(text, every, conditions),) if conditions else (text,)
    name = parsed.name.name.replace("'", "''")
    conditions.append(f"NOT EXISTS (SELECT 1 FROM {FIRING} WHERE name = '{name}')")
    noted = (
        f"INSERT INTO {FIRING} VALUES ('{name}');",
        f"DELETE FROM {FIRING} WHERE name = '{name}';",
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {FIRING} (name)",
        _with(text, every, conditions, noted),
    )


def hears(text: str) -> bool:
    """Whether a trigger that a file has also fires for what comes from others."""
    return not any(token.name == GUARD for token in tokens(text))


def _ends_early(every: Sequence[Token]) -> bool:
    """Whether it has RAISE(IGNORE), RAISE(FAIL) or OR FAIL, after which nothing more of it is run,
    and what it wrote stays."""
    return any(
        (first.is_word("RAISE") and last.is_word("IGNORE", "FAIL"))
        or (first.is_word("OR") and second.is_word("FAIL"))
        for first, second, last in zip(every, every[1:], every[2:], strict=False)
    )


def _written(body: Sequence[Token]) -> Iterator[str]:
    """The tables that statements write, and perhaps words that are none."""
    for before, token, after in zip(body, body[1:], body[2:], strict=False):
        deletes = before.is_word("DELETE") and token.is_word("FROM")
        resolves = before.is_word("OR") and not token.is_word("INTO")
        if deletes or resolves or token.is_word("INTO", "UPDATE"):
            yield after.name


def _begin(every: Sequence[Token]) -> int:
    """Where the body begins."""
    depth = 0
    for at, token in enumerate(every):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word("BEGIN"):
            return at
    raise AssertionError("SQLite has taken it, so it has a body")


def _with(
    text: str, every: Sequence[Token], conditions: Sequence[str], noted: tuple[str, str] = ("", "")
) -> str:
    """A trigger with conditions of ours before its own, and statements around its own."""
    begin = every[_begin(every)]
    when = next((t for t in every if t.is_word("WHEN") and t.start < begin.start), None)
    condition = " AND ".join(conditions)
    if when is None:
        head = f"{text[: begin.start]}WHEN {condition}"
    else:
        head = f"{text[: when.end]} {condition} AND ({text[when.end : begin.start].strip()}\n)"
    body = text[begin.end : every[-1].start].rstrip()
    return f"{head}\nBEGIN\n  {noted[0]}{body}\n  {noted[1]}\nEND"
