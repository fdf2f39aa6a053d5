"""Findings for people: where, the line itself, what is wrong with it, why, and what to write."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import Final, TypeAlias

from electricsql.checks.finding import Finding

_LINES_MAX: Final = 6


class Style(Enum):
    """What a part of the text is, for whoever has colours."""

    ERROR = auto()
    WARNING = auto()
    FRAME = auto()
    STRONG = auto()


Paint: TypeAlias = Callable[[Style, str], str]


def plain(_: Style, text: str) -> str:
    """No colours."""
    return text


def shown(findings: Iterable[Finding], paint: Paint = plain) -> str:
    """All findings, one below the other."""
    return "\n".join(line for each in findings for line in (*_finding(each, paint), ""))


def _finding(found: Finding, paint: Paint) -> Iterator[str]:
    style = Style.ERROR if found.is_error else Style.WARNING
    width = len(str(found.end_line))
    bar = paint(Style.FRAME, "|")
    yield f"{paint(style, f'{found.severity}[{found.rule}]')}: {paint(Style.STRONG, found.problem)}"
    arrow = paint(Style.FRAME, "-->")
    yield f"{' ' * width}{arrow} {found.file}:{found.line}:{found.column}"
    yield f"{' ' * width} {bar}"
    for number, line, below in _excerpt(found):
        yield f"{paint(Style.FRAME, f'{number:>{width}}')} {bar} {line}"
        yield f"{' ' * width} {bar} {paint(style, below)}"
    more = f"electric check --explain {found.rule}"
    notes = (("why", found.why), ("help", found.help), ("write", found.fix), ("see", more))
    for name, note in ((name, note) for name, note in notes if note):
        first, *rest = note.split("\n")
        equals = paint(Style.FRAME, "=")
        yield f"{' ' * width} {equals} {paint(Style.STRONG, name)}: {first}"
        yield from (f"{' ' * (width + len(name) + 5)}{line}" for line in rest)


def _excerpt(found: Finding) -> Iterator[tuple[int, str, str]]:
    """Each line with its number, and what underlines it."""
    lines = found.excerpt.split("\n")[:_LINES_MAX]
    last = found.end_line - found.line
    for place, line in enumerate(lines):
        start = found.column - 1 if place == 0 else len(line) - len(line.lstrip())
        end = found.end_column - 1 if place == last else len(line)
        yield found.line + place, line, _below(line, start, max(end, start + 1))


def _below(line: str, start: int, end: int) -> str:
    """Blanks as wide as what stands before, then carets."""
    before = "".join(each if each == "\t" else " " * _width(each) for each in line[:start])
    return before + "^" * max(1, sum(map(_width, line[start:end])))


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
