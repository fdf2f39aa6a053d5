"""A column of the primary key is not NOT NULL.

SQLite, for the sake of old files, takes NULL in a primary key, and any number of rows with it. Such
rows can't be told apart, and Postgres takes none of them.

An INTEGER PRIMARY KEY and the key of a table WITHOUT ROWID are never NULL.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);

Refused:

    CREATE TABLE tags (note TEXT, tag TEXT, PRIMARY KEY (note, tag));

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);

Accepted:

    CREATE TABLE tags (note TEXT, tag TEXT, PRIMARY KEY (note, tag)) WITHOUT ROWID;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Columns of new tables' keys that take NULL."""
    for fate in seen.new_tables:
        table = fate.after
        if table is None or table.without_rowid:
            continue
        single = len(table.primary_key) == 1
        for column in fate.columns:
            key = column.after
            if key is None or key.name not in table.primary_key or key.not_null:
                continue
            if single and key.declared.upper() == "INTEGER":
                continue
            yield Problem(
                column.at,
                f"The key {table.name}.{key.name} may be NULL.",
                "SQLite takes any number of rows whose key is NULL; Postgres takes none.",
                fix=f"{name(key.name)} {key.declared}{' PRIMARY KEY' if single else ''} NOT NULL",
            )
