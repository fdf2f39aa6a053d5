"""A directive has no such name, can't be read, or states a policy about nothing.

A directive is a comment that begins with `@`: it says something about the statement below it. A
misspelled one would be passed over in silence, and the statement would be taken for something else
than its author meant.

A policy (`@unique`, `@check`) names a constraint that the same migration makes; the table has the
name that it has after the migration.

Refused:

    -- @unique users.email on-conflict=merge
    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);

Refused:

    -- @unique users.name on-conflict=quarantine
    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, name TEXT);

Refused:

    -- @alow device-local-key reason="ids are those of the catalogue"
    CREATE TABLE products (id TEXT PRIMARY KEY NOT NULL, title TEXT);

Accepted:

    -- @allow device-local-key reason="ids are those of the catalogue"
    CREATE TABLE products (id INTEGER PRIMARY KEY NOT NULL, title TEXT);
"""

import difflib
from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.directives import FORMS
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import ON_CONFLICT, Policy, Span, policies
from electricsql.schema import index_columns


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Directives of any other name, and policies that nothing comes of."""
    bound = [each for step in seen.steps for each in step.statement.directives]
    for directive in (*bound, *seen.unbound):
        if directive.name not in FORMS:
            alike = difflib.get_close_matches(directive.name.lower(), FORMS, n=1)
            yield Problem(
                Span(directive.start, directive.end),
                f"There is no directive @{directive.name}.",
                "It would be passed over, whatever it is to say about the statement.",
                fix=FORMS[alike[0]] if alike else "",
                help=f"There are {', '.join(FORMS.values())}. A comment does not begin with @.",
            )
        elif directive.name in ON_CONFLICT:
            policy = next(policies([directive]), None)
            why = _why(seen, policy, is_bound=directive in bound)
            if why is not None:
                yield Problem(
                    Span(directive.start, directive.end),
                    f"The directive @{directive.name} states no policy.",
                    why,
                    help=f"It is written {FORMS[directive.name]}, above the statement that makes"
                    f" the constraint; there is {' and '.join(ON_CONFLICT[directive.name])}.",
                )


def _why(seen: Analysis, policy: Policy | None, *, is_bound: bool) -> str | None:
    """What is wrong with a policy."""
    if policy is None:
        return "It can't be read."
    if not policy.is_known:
        return f"There is no policy {policy.on_conflict}."
    if not is_bound:
        return "No statement follows it."
    if policy.directive.name == "unique":
        is_idle = not any(
            index.unique and policy.is_about("unique", table.name, index_columns(table, index))
            for table, index, _ in seen.new_indexes
        )
    else:
        is_idle = not any(
            check.name and policy.is_about("check", table.name, [check.name])
            for table, check, _ in seen.new_checks
        )
    return "This migration makes no such constraint." if is_idle else None
