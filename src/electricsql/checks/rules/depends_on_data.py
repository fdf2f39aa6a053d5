"""A statement works on some files, and fails on others.

Each new migration is run on an empty database and on one with rows: the largest and the smallest
values of every type, NULL where it is allowed. What SQLite takes on the one and refuses on the
other would stop the devices whose rows are in the way, in the middle of their history.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 0 CHECK (stars > 0);

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 1 CHECK (stars > 0);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, rule
from electricsql.migrations import Action


@rule(Severity.ERROR, when=When.LAST)
def find(seen: Analysis) -> Iterator[Problem]:
    """Statements that fail on rows, and where no other rule has said why."""
    explained = [seen.step_of(each) for each in seen.findings if each.is_error]
    for step in seen.steps:
        if step.filled_failure is None or step in explained or step.parsed.action is Action.COPY:
            continue
        if step.failure is None:
            yield Problem(
                step.span,
                "SQLite takes this on an empty file, and refuses it on one with rows:"
                f" {step.filled_failure}.",
                "Whether a device gets past this migration would depend on the rows that it has.",
                help="Write it so that it holds for any rows.",
            )
            return
