"""A migration changes the primary key of a table that is there.

The key says which row a change is about, on every device and in the hub's whole history. With
another key nobody could tell which rows the old ones were.

Create a new table with the new key beside the old one.

Refused:

    CREATE TABLE tags (note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (note));
    -- next migration
    CREATE TABLE new_tags (note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (note, tag));
    INSERT INTO new_tags (note, tag) SELECT note, tag FROM tags;
    DROP TABLE tags;
    ALTER TABLE new_tags RENAME TO tags;

Accepted:

    CREATE TABLE tags (note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (note));
    -- next migration
    CREATE TABLE labels (note TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (note, tag));
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.migrations import Span
from electricsql.schema import Table


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Kept tables whose key is made of other columns than before, or of other types."""
    for before, after, fate in seen.kept_tables:
        now = {c.before.name: c.after.name for c in fate.columns if c.before and c.after}
        if tuple(now.get(name) for name in before.primary_key) != after.primary_key:
            old, new = (", ".join(key) for key in (before.primary_key, after.primary_key))
            yield _problem(fate.at, after, f"({old})", f"({new})")
            continue
        for column in fate.columns:
            if column.before and column.after and column.before.name in before.primary_key:
                then, to = column.before.type, column.after.type
                if then != to:
                    yield _problem(column.at, after, then, to)


def _problem(at: Span, table: Table, old: str, new: str) -> Problem:
    return Problem(
        at,
        f"The primary key of {table.name} changes from {old} to {new}.",
        "The key says which row a change is about; changes that are under way, and all of the"
        " hub's history, have the old one.",
        help=f"Leave {table.name} as it is, and create a new table with the new key.",
    )
