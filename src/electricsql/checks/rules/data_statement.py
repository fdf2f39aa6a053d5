"""A migration writes or reads rows.

A migration is run by every device. Rows that it inserts would be written by each of them anew, and
what it updates would overwrite what others wrote in the meantime.

A table that only devices have (`-- @local-only`) may be filled by INSERT, such as an index for
searching in which the rows that are there are missing.

Write the rows once: in Postgres, with `psql "$(electric database-url)"`, or in an app. They reach
every device.

Refused:

    CREATE TABLE colours (name TEXT PRIMARY KEY NOT NULL);
    INSERT INTO colours VALUES ('red'), ('green');

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN);
    -- next migration
    UPDATE notes SET done = FALSE WHERE done IS NULL;

Accepted:

    CREATE TABLE colours (name TEXT PRIMARY KEY NOT NULL);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Action, Span


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Statements on rows, but for those that fill a table which is built anew, or one that only
    devices have."""
    rebuilt = {
        table.name.lower()
        for fate in seen.fates
        if fate.rebuilt
        for table in (fate.before, fate.after)
        if table
    }
    for step in seen.did(Action.DATA, Action.COPY):
        if step.local:
            continue
        source = step.parsed.on.name if step.parsed.on else ""
        is_copy = step.parsed.action is Action.COPY
        if is_copy and (source.lower() in rebuilt or _is_new(seen, source)):
            continue
        verb = step.statement.tokens[0]
        yield Problem(
            Span.of(verb),
            f"{verb.text.upper()} in a migration concerns rows, not the schema.",
            "Every device would do it for itself, over what others wrote in the meantime.",
            help="Write the rows once, in Postgres or in an app: they reach every device.",
        )


def _is_new(seen: Analysis, name: str) -> bool:
    """Whether a table can have no rows: it was made in this migration, under that name."""
    names = {each.lower() for each in seen.before.tables}
    names |= {
        step.parsed.new_name.name.lower()
        for step in seen.did(Action.RENAME_TABLE)
        if step.parsed.new_name
    }
    replicated = {each.lower() for step in seen.steps for each in step.after.tables}
    return name.lower() in replicated - names
