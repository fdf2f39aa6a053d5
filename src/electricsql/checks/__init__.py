"""What may go wrong with a new migration, and what to write instead: one rule, one file. Pure."""

from electricsql.checks.check import Checked, Refused, check, checked_build
from electricsql.checks.finding import Finding, Severity, counted
from electricsql.checks.rule import Rule, all_rules

__all__ = [
    "Checked",
    "Finding",
    "Refused",
    "Rule",
    "Severity",
    "all_rules",
    "check",
    "checked_build",
    "counted",
]
