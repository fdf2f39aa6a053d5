"""A rule's documentation, as a page; and the examples in it, which the tests run.

An example is the indented SQL below a line `Refused:`, `Warned:` or `Accepted:`. A comment
`-- next migration` parts it into migrations; only the last one is new.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Final

from electricsql.checks.rule import Rule

_EXAMPLE: Final = re.compile(r"^(Refused|Warned|Accepted):\n\n((?:(?:    .*)?\n)+)", re.M)
_NEXT: Final = "-- next migration\n"


@dataclass(frozen=True, slots=True)
class Example:
    """Migrations of which the last one is new, and whether the rule finds something in it."""

    found: bool
    migrations: tuple[str, ...]


def examples(rule: Rule) -> Iterator[Example]:
    """The examples of a rule."""
    for match in _EXAMPLE.finditer(rule.documentation + "\n"):
        sql = dedent(match[2]).strip() + "\n"
        yield Example(match[1] != "Accepted", tuple(sql.split(_NEXT)))


def page(rule: Rule) -> str:
    """The page of a rule, in Markdown."""
    summary, _, body = rule.documentation.strip().partition("\n")
    waived = "can be waived for a statement" if rule.waivable else "can't be waived"
    head = f"# {rule.name}\n\n{summary}\n\n*{rule.severity.capitalize()}; {waived}.*\n"
    fenced = _EXAMPLE.sub(_fenced, body + "\n")
    return f"{head}{fenced.rstrip()}\n"


def _fenced(match: re.Match[str]) -> str:
    return f"{match[1]}:\n\n```sql\n{dedent(match[2]).strip()}\n```\n\n"


def index(rules: Iterable[Rule]) -> str:
    """The page that lists all of them."""
    rows = [
        f"| [{rule.name}]({rule.name}.md) | {rule.severity} | {'yes' if rule.waivable else ''} |"
        f" {rule.documentation.strip().partition(chr(10))[0].rstrip('.')} |"
        for rule in rules
    ]
    return "\n".join([_INDEX, *rows, ""])


_INDEX: Final = """\
# The rules

`electric check` judges every migration that is not applied yet by these rules. `electric build` and
`electric sync` do the same, and so does the service before it applies anything. An error refuses
the migration; a warning is only told (`electric check --strict` fails at warnings too).
`electric check --explain RULE` shows a rule's page in the terminal.

A rule that can be waived is waived for one statement, with a reason, by a comment above it:

```sql
-- @allow device-local-key reason="ids are those of the catalogue"
CREATE TABLE products (id INTEGER PRIMARY KEY NOT NULL, title TEXT);
```

These pages are made from the rules' own documentation (`src/electricsql/checks/rules`), and every
example on them is run by the tests.

| rule | severity | can be waived | finds |
|---|---|---|---|"""
