"""All rules on all new migrations."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from electricsql.checks.analysis import Analyser, Analysis
from electricsql.checks.finding import Finding, counted, finding
from electricsql.checks.formats import text
from electricsql.checks.rule import When, all_rules
from electricsql.checks.waivers import Waived
from electricsql.errors import MigrationError
from electricsql.migrations import Build, Source, build


class Refused(MigrationError):
    """New migrations that rules found errors in. The code is the first one's rule."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = next(each for each in findings if each.is_error)
        super().__init__(
            first.rule,
            f"{text.shown(findings)}\n{counted(findings)}.",
            f"Correct them; `electric check --explain {first.rule}` tells more.",
        )
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Checked:
    """Migrations that are built, and the warnings about the new ones."""

    build: Build
    warnings: tuple[Finding, ...]


def check(
    sources: Sequence[Source],
    known: Collection[str] = (),
    applied: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """What the rules find in migrations (in order), but for those whose names are known: what is
    done is done. With those that an environment has `applied`, each with its sha256, also whether
    the others go with them.

    Raises:
        MigrationError: `sql-error`: a known one is not SQL.
    """
    analyser = Analyser()
    try:
        findings: list[Finding] = []
        for source in sources:
            is_known = source.name in known
            seen = analyser.replay(source) if is_known else analyser.analyse(source)
            seen = replace(seen, applied=applied or {})
            findings += _run(seen, When.APPLIED) if is_known else judge(seen)
        return tuple(findings)
    finally:
        analyser.close()


def checked_build(sources: Sequence[Source], known: Collection[str] = ()) -> Checked:
    """Check and compile migrations.

    Raises:
        Refused: the rules found errors.
        MigrationError: what `build` raises.
    """
    findings = check(sources, known)
    if any(each.is_error for each in findings):
        raise Refused(findings)
    return Checked(build(sources), findings)


def judge(seen: Analysis) -> tuple[Finding, ...]:
    """What the rules find in one new migration, by place."""
    waived = Waived(seen)
    findings = _run(seen, When.NEW, waived)
    last = replace(seen, findings=tuple(findings), idle=waived.idle())
    findings += _run(last, When.LAST, waived)
    return tuple(sorted(findings, key=lambda each: (each.line, each.column)))


def _run(seen: Analysis, when: When, waived: Waived | None = None) -> list[Finding]:
    return [
        finding(rule.name, rule.severity, seen.source, problem)
        for rule in all_rules().values()
        if rule.when is when
        for problem in rule.find(seen)
        if waived is None or not waived.waives(rule, problem)
    ]
