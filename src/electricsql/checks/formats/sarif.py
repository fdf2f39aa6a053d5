"""Findings as SARIF 2.1.0, which code-scanning services and editors read."""

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from electricsql.checks.finding import Finding
from electricsql.checks.rule import all_rules

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def shown(findings: Sequence[Finding]) -> str:
    """A SARIF log with one run."""
    names = sorted({each.rule for each in findings})
    run = {
        "tool": {"driver": {"name": "electric check", "rules": [_rule(name) for name in names]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, names.index(each.rule)) for each in findings],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(name: str) -> dict[str, Any]:
    rule = all_rules()[name]
    summary, _, _ = rule.documentation.partition("\n")
    return {
        "id": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": rule.documentation.strip()},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(found: Finding, index: int) -> dict[str, Any]:
    said = "\n".join(part for part in (found.problem, found.why, found.help, found.fix) if part)
    region = {
        "startLine": found.line,
        "startColumn": found.column,
        "endLine": found.end_line,
        "endColumn": found.end_column,
    }
    place = {"artifactLocation": {"uri": quote(found.file)}, "region": region}
    return {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": found.severity,
        "message": {"text": said},
        "locations": [{"physicalLocation": place}],
    }
