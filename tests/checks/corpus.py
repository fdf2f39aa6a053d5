"""The corpus: migrations in `tests/corpus`, each with what has to be found in it.

The first line of a file says what it shows. `--- migration N` parts migrations, only the last one
is new. `-- expect: rule [warning]` stands before a statement: these findings it has, and no others.
`--- row` is SQL that writes to what an accepted migration made.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from electricsql.checks import Finding, Severity
from electricsql.migrations import Source, statements
from tests.checks.sources import found, sources

FOLDER: Final = Path(__file__).parents[1] / "corpus"
_PART: Final = re.compile(r"^--- (migration \d+|row)\n", re.M)
_EXPECTED: Final = re.compile(r"^-- expect: ([\w-]+)( warning)?$", re.M)

Placed = tuple[str, Severity, int]
"""A rule, how grave, and the number of the statement that it is found in."""


@dataclass(frozen=True)
class Case:
    """One file."""

    name: str
    migrations: tuple[str, ...]
    row: str

    @property
    def is_accepted(self) -> bool:
        return self.name.startswith(("fine_", "warned_"))

    @property
    def sources(self) -> list[Source]:
        return sources(*self.migrations)

    @cached_property
    def expected(self) -> Counter[Placed]:
        return Counter(
            (match[1], Severity.WARNING if match[2] else Severity.ERROR, self._number(match.end()))
            for match in _EXPECTED.finditer(self.migrations[-1])
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        return found(*self.migrations)

    @property
    def judged(self) -> Counter[Placed]:
        text = self.sources[-1].text
        starts = [0]
        starts += [place + 1 for place, letter in enumerate(text) if letter == "\n"]
        return Counter(
            (each.rule, each.severity, self._number(starts[each.line - 1] + each.column - 1))
            for each in self.findings
        )

    def _number(self, offset: int) -> int:
        """Which statement is at a place, or the first one after it."""
        every = statements(self.sources[-1])
        return next((n for n, each in enumerate(every) if offset <= each.end), len(every))


def read(path: Path) -> Case:
    """A file of the corpus."""
    _, *parts = _PART.split(path.read_bytes().decode())
    named = list(zip(parts[::2], parts[1::2], strict=True))
    return Case(
        path.stem,
        tuple(text for name, text in named if name != "row"),
        "".join(text for name, text in named if name == "row"),
    )


CASES: Final = tuple(map(read, sorted(FOLDER.glob("*.sql"))))
