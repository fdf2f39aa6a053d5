"""A foreign key says ON UPDATE CASCADE, SET NULL or SET DEFAULT: keys are expected to change.

A row is known by its key on every device. When an app changes a key, that is a delete and an
insert: what others write meanwhile is about the old row. Rows that refer to it follow on the device
where it happens, but what is added elsewhere meanwhile refers to the old key, and brings it back.

Give the table a key that never changes, such as a UUID, and keep what may change in another column.

Warned:

    CREATE TABLE tags (name TEXT PRIMARY KEY NOT NULL);
    CREATE TABLE notes (
        id TEXT PRIMARY KEY NOT NULL, tag TEXT REFERENCES tags (name) ON UPDATE CASCADE
    );

Accepted:

    CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, name TEXT);
    CREATE TABLE notes (
        id TEXT PRIMARY KEY NOT NULL, tag TEXT REFERENCES tags (id) ON DELETE CASCADE
    );
"""

from collections.abc import Iterator
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name

_FOLLOW: Final = ("CASCADE", "SET NULL", "SET DEFAULT")


@rule(Severity.WARNING)
def find(seen: Analysis) -> Iterator[Problem]:
    """New foreign keys that follow a key."""
    for table, key, at in seen.new_foreign_keys:
        if key.on_update in _FOLLOW:
            yield Problem(
                at,
                f"{table.name} ({', '.join(key.columns)}) follows when a key of {key.parent}"
                " changes.",
                "A changed key is another row to everybody else: what they write meanwhile is"
                " about the old one.",
                fix=f"REFERENCES {name(key.parent)}",
                help="Give the parent a key that never changes, such as a UUID.",
            )
