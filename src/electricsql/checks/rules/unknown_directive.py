"""A comment looks like a directive, and there is none of that name.

A directive is a comment that begins with `@`: it says something about the statement below it. A
misspelled one would be passed over in silence, and the statement would be taken for something else
than its author meant.

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
from electricsql.checks.finding import Problem, Severity, Span
from electricsql.checks.rule import rule


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Directives of any other name."""
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
