"""What a check found: which rule, how grave, where, why it bites there, and what to write instead.

A rule yields a `Problem`, whose place is a span of the migration's text; with the rule's name and
the place as people read it that becomes a `Finding`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from electricsql.migrations import FILE, Source, Span


class Severity(StrEnum):
    """An error refuses the migration; a warning is only told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule says: where, what is wrong (one sentence that names table and column), why it
    bites here, and what to do: `fix` is SQL to paste, `help` is said where SQL does not say it."""

    at: Span
    problem: str
    why: str
    fix: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with its rule and its place. Lines and columns count from 1; the end is the place
    after the last character. `file` is relative to the migrations folder."""

    rule: str
    severity: Severity
    migration: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    excerpt: str
    problem: str
    why: str
    fix: str
    help: str

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def finding(rule: str, severity: Severity, source: Source, problem: Problem) -> Finding:
    """A rule's problem in a migration, placed."""
    line, column = _place(source.text, problem.at.start)
    end_line, end_column = _place(source.text, max(problem.at.end, problem.at.start))
    return Finding(
        rule=rule,
        severity=severity,
        migration=source.name,
        file=f"{source.name}/{FILE}",
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        excerpt="\n".join(source.text.split("\n")[line - 1 : end_line]),
        problem=problem.problem,
        why=problem.why,
        fix=problem.fix,
        help=problem.help,
    )


def _place(text: str, offset: int) -> tuple[int, int]:
    """The line and column of a character."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def counted(findings: Iterable[Finding]) -> str:
    """`2 errors and 1 warning`."""
    every = [each.severity for each in findings]
    counts = {severity: every.count(severity) for severity in Severity}
    parts = [f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items() if n]
    return " and ".join(parts) or "no problems"
