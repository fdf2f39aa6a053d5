"""A name has upper-case letters.

Every name is quoted in the DDL that Postgres gets, so it is kept as it is written. But Postgres
takes what is typed without quotes for lower case: in psql, `SELECT * FROM Notes` looks for a table
`notes` that is not there, and everybody has to write `"Notes"`.

Two names that differ only in their case are refused by SQLite itself.

Warned:

    CREATE TABLE Notes (Id TEXT PRIMARY KEY NOT NULL);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, created_at TIMESTAMP);
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span
from electricsql.schema import OURS, quote

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Any other name has to be quoted in SQLite, too."""


@rule(Severity.WARNING)
def find(seen: Analysis) -> Iterator[Problem]:
    """New names with upper-case letters: one finding for each statement."""
    found: defaultdict[int, list[tuple[Span, str]]] = defaultdict(list)
    for at, _, name in seen.new_names:
        is_plain = _PLAIN.fullmatch(name) and not name.lower().startswith(OURS)
        if is_plain and name != name.lower():
            step = seen.step_at(at.start)
            found[step.span.start if step else 0].append((at, name))
    for each in found.values():
        names = [name for _, name in each]
        listed = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
        yield Problem(
            each[0][0],
            f"Names with upper-case letters: {listed}.",
            f"Postgres finds such a name only in quotes: {quote(names[0])}.",
            fix=_lower(names[0]),
        )


def _lower(name: str) -> str:
    """In the spelling of Postgres: createdAt is created_at."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
