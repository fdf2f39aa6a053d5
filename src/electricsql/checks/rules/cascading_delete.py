"""A foreign key says ON DELETE CASCADE.

The rows that refer to a deleted one are deleted where that happens, and only those that are there:
it is not done again elsewhere. What somebody else adds or changes meanwhile stays, and brings back
the row that it refers to, since foreign keys never break. (docs/limitations.md has a table.)

Often that is what is wanted: nobody's new work is lost. Then waive the rule, and say so. Where a
deleted row must stay deleted, mark it as deleted instead, and leave those out in a view.

Warned:

    CREATE TABLE lists (id TEXT PRIMARY KEY NOT NULL);
    CREATE TABLE items (
        id TEXT PRIMARY KEY NOT NULL, list TEXT NOT NULL REFERENCES lists (id) ON DELETE CASCADE
    );

Accepted:

    CREATE TABLE lists (id TEXT PRIMARY KEY NOT NULL);
    -- @allow cascading-delete reason="a list with new items may come back"
    CREATE TABLE items (
        id TEXT PRIMARY KEY NOT NULL, list TEXT NOT NULL REFERENCES lists (id) ON DELETE CASCADE
    );

Accepted:

    CREATE TABLE lists (id TEXT PRIMARY KEY NOT NULL, is_deleted BOOLEAN NOT NULL DEFAULT FALSE);
    CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, list TEXT NOT NULL REFERENCES lists (id));
    CREATE VIEW shown_lists AS SELECT * FROM lists WHERE NOT is_deleted;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule


@rule(Severity.WARNING, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """New foreign keys that delete."""
    for table, key, at in seen.new_foreign_keys:
        if key.on_delete == "CASCADE":
            yield Problem(
                at,
                f"Deleting a row of {key.parent} deletes the rows of {table.name} that are there.",
                f"If somebody else adds or changes one meanwhile, it stays, and the row of"
                f" {key.parent} comes back.",
                help="Mark rows as deleted instead, or waive this if they may come back.",
            )
