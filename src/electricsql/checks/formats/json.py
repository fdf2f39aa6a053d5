"""Findings as JSON, one object each."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from electricsql.checks.finding import Finding


def shown(findings: Sequence[Finding]) -> str:
    """A JSON array."""
    return json.dumps([asdict(each) for each in findings], indent=2, ensure_ascii=False)
