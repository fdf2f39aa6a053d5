"""Findings as workflow commands: GitHub shows them beside the lines of a pull request."""

from collections.abc import Sequence

from electricsql.checks.finding import Finding


def shown(findings: Sequence[Finding]) -> str:
    """One command a line."""
    return "\n".join(map(_command, findings))


def _command(found: Finding) -> str:
    said = "\n".join(part for part in (found.problem, found.why, found.help, found.fix) if part)
    properties = {
        "file": found.file,
        "line": found.line,
        "endLine": found.end_line,
        "col": found.column,
        "endColumn": found.end_column,
        "title": found.rule,
    }
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{found.severity} {listed}::{_data(said)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
