"""What a rule is, and which rules there are.

A rule is a module of the package `rules`: its name is the file's, its documentation the module's
docstring, and what it does is the function `find` with the decorator `rule`. There is no list to
add it to.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Final, TypeAlias

from electricsql.checks import rules
from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity

Find: TypeAlias = Callable[[Analysis], Iterator[Problem]]


class When(Enum):
    """When a rule looks: at new migrations; at these after all others, at what they found; or at
    those that are applied."""

    NEW = auto()
    LAST = auto()
    APPLIED = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. `waivable` if an author may know better."""

    name: str
    severity: Severity
    find: Find
    documentation: str
    waivable: bool = False
    when: When = When.NEW


def rule(
    severity: Severity, *, waivable: bool = False, when: When = When.NEW
) -> Callable[[Find], Rule]:
    """Make the function `find` of a module the rule of that name."""

    def made(find: Find) -> Rule:
        name = find.__module__.rpartition(".")[2].replace("_", "-")
        documentation = sys.modules[find.__module__].__doc__ or ""
        return Rule(name, severity, find, documentation, waivable, when)

    return made


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by its name, in alphabetical order."""
    names: Final = sorted(each.name for each in pkgutil.iter_modules(rules.__path__))
    modules = [importlib.import_module(f"{rules.__name__}.{name}") for name in names]
    found = [module.find for module in modules]
    assert all(isinstance(each, Rule) for each in found), "`find` of a rule lacks its decorator"
    return {each.name: each for each in found}
