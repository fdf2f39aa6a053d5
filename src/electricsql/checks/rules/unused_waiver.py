"""A waiver waives nothing.

`-- @allow rule reason="…"` above a statement waives one rule for that statement. Where the rule
finds nothing there (any more), where it can't be waived, or where the waiver can't be read, it
would only hide what comes later.

Refused:

    -- @allow missing-primary-key reason="we are in a hurry"
    CREATE TABLE notes (body TEXT);

Refused:

    -- @allow device-local-key
    CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, all_rules, rule
from electricsql.migrations import Span


@rule(Severity.ERROR, when=When.LAST)
def find(seen: Analysis) -> Iterator[Problem]:
    """The waivers that are left when all others were used."""
    for directive in seen.idle:
        name, _, rest = directive.arguments.partition(" ")
        known = all_rules().get(name)
        if known is None:
            why, help = f"There is no rule {name or 'without a name'}.", ""
        elif not known.waivable:
            why, help = f"The rule {name} can't be waived.", "Correct what it finds."
        elif not rest.strip().startswith("reason="):
            why, help = "A waiver needs a reason.", "Say why it is right here."
        else:
            why, help = f"{name} finds nothing in this statement.", "Leave the waiver out."
        yield Problem(
            Span(directive.start, directive.end),
            "The waiver waives nothing.",
            why,
            fix=f'-- @allow {name} reason="…"' if known and known.waivable else "",
            help=help,
        )
