"""Waivers: `-- @allow rule reason="…"` says that its author knows better, for one statement.

Only rules that allow it can be waived, and only with a reason. A waiver that nothing needed is an
error: it would hide what comes later.
"""

import re
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.directives import ALLOW
from electricsql.checks.finding import Problem
from electricsql.checks.rule import Rule
from electricsql.migrations import Directive

_ARGUMENTS: Final = re.compile(r'([\w-]+)\s+reason="([^"]*[^"\s][^"]*)"')


class Waived:
    """The waivers of a migration, and which of them were needed."""

    def __init__(self, seen: Analysis) -> None:
        self._seen = seen
        bound = [each for step in seen.steps for each in step.statement.directives]
        self._idle = [each for each in (*bound, *seen.unbound) if each.name == ALLOW]
        self._used: list[Directive] = []

    def waives(self, rule: Rule, problem: Problem) -> bool:
        """Whether a problem is waived, by a directive of the statement that it is in."""
        step = self._seen.step_at(problem.at.start)
        if not rule.waivable or step is None:
            return False
        for directive in step.statement.directives:
            match = _ARGUMENTS.fullmatch(directive.arguments)
            if directive.name == ALLOW and match and match[1] == rule.name:
                self._used.append(directive)
                return True
        return False

    def idle(self) -> tuple[Directive, ...]:
        """The waivers that waived nothing, or can't be read."""
        return tuple(each for each in self._idle if each not in self._used)
