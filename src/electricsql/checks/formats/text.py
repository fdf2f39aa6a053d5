"""Findings for people: where, the line itself, what is wrong with it, why, and what to write."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final, TypeAlias

from electricsql.checks.finding import Finding

_LINES_MAX: Final = 6
_ALIKE_MAX: Final = 3


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
    """All findings, one below the other. Where a rule has more than a few warnings, its first one
    is shown in full, and the others in a line each."""
    every = list(findings)
    alike = {rule: each for rule, each in _warnings(every).items() if len(each) > _ALIKE_MAX}
    lines: list[str] = []
    for found in every:
        first, *others = alike.get(found.rule, (found,))
        if found is first or found.is_error:
            lines += (*_finding(found, paint, others if found is first else ()), "")
    return "\n".join(lines)


def _warnings(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Those of each rule."""
    warnings: defaultdict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        if not each.is_error:
            warnings[each.rule].append(each)
    return warnings


def _finding(found: Finding, paint: Paint, others: Sequence[Finding] = ()) -> Iterator[str]:
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
    also = "\n".join(f"{each.file}:{each.line}:{each.column}: {each.problem}" for each in others)
    notes = (
        *(("why", found.why), ("help", found.help), ("write", found.fix), ("see", more)),
        ("also", f"{len(others)} more:\n{also}" if others else ""),
    )
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
