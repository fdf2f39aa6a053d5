"""The first migration of an app whose tables are there already, as it is being written: SQL, and a
finding for everything that could not stay as it was."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import wrap
from typing import Final, NamedTuple

from electricsql.checks import Finding as Problem
from electricsql.checks import check
from electricsql.migrations import Source

_WIDTH: Final = 100


class Found(NamedTuple):
    """An object of a file's schema, as `sqlite_schema` has it."""

    kind: str
    name: str
    table: str
    sql: str


class Outcome(StrEnum):
    """What became of something that can't be replicated as it is."""

    CORRECTED = "Corrected"
    LEFT_OUT = "Left out"
    MIND = "Mind"
    """It stays, and somebody has to know: told, not written down."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One such thing: `what` it is, `why` it can't be as it was, and what to do."""

    outcome: Outcome
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.outcome}: {self.what}. {self.why}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement of the draft with its findings, and lines for the build to read; `original`
    instead, as a comment, of what is left out."""

    findings: Sequence[Finding]
    sql: str | None = None
    directives: Sequence[str] = ()
    original: str | None = None

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for finding in self.findings:
            if finding.outcome is not Outcome.MIND:
                yield from _comment(str(finding))
        yield from self.directives
        if self.sql is not None:
            yield f"{self.sql};"
        elif self.original is not None:
            yield from (f"--   {line}".rstrip() for line in self.original.splitlines())


@dataclass(frozen=True, slots=True)
class Draft:
    """A migration, and what has to be said about it."""

    heading: str
    pieces: Sequence[Piece]

    @property
    def sql(self) -> str:
        """The migration's text."""
        heading = "\n".join(_comment(self.heading))
        return "\n\n".join([heading, *map(str, self.pieces)]) + "\n"

    def findings(self) -> list[Finding]:
        """All of them, by what became of the things; one for all with the same reason."""
        alike: dict[tuple[Outcome, str], list[str]] = {}
        for finding in (finding for piece in self.pieces for finding in piece.findings):
            alike.setdefault((finding.outcome, finding.why), []).append(finding.what)
        every = [Finding(outcome, listed(what), why) for (outcome, why), what in alike.items()]
        return sorted(every, key=lambda finding: list(Outcome).index(finding.outcome))


def left_out(found: Found, why: str) -> Piece:
    """The piece that says why something is not there."""
    what = f"{found.kind} {found.name}"
    return Piece([Finding(Outcome.LEFT_OUT, what, why)], original=f"{found.sql};")


def trial(pieces: Iterable[Piece]) -> Source:
    """The pieces as a migration, to see what comes of it."""
    return Source("20000101000000000_trial", "trial", "\n\n".join(map(str, pieces)))


def problem(pieces: Iterable[Piece]) -> Problem | None:
    """Why they are no migration together, if they are none."""
    return next((each for each in check([trial(pieces)]) if each.is_error), None)


def parents_first(names: Sequence[str], parents: dict[str, set[str]]) -> list[str]:
    """Tables after those that they refer to, as far as that goes; else in the order given."""
    ordered: dict[str, None] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        for parent in names:
            if parent in parents.get(name, ()) and parent not in above and parent not in ordered:
                visit(parent, above | {parent})
        ordered.setdefault(name)

    for name in names:
        visit(name, frozenset({name}))
    return list(ordered)


def listed(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _comment(text: str) -> list[str]:
    lines = wrap(text, _WIDTH - 3, break_long_words=False, break_on_hyphens=False)
    return [f"-- {line}" for line in lines]
