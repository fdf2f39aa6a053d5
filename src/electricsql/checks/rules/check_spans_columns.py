"""A CHECK reads several columns, and merging can break it.

Concurrent writes are merged column by column. One device moves the first day of a span, another one
the last: each has kept the rule, and the row that has both does not. (Columns of the primary key
never change, so they don't count; a generated column counts as those that it is computed from.)

Give the CHECK a name, and say what is to become of that, by a directive above the statement:

- `-- @check spans.in_order on-conflict=quarantine`: the transaction that comes later is refused
  whole, and waits in the quarantine. Its device is told, and has the row again as Postgres has it.

Or keep what belongs together in one column, which only ever changes as a whole: a JSON, or a text.

Refused:

    CREATE TABLE spans (
        id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER, CHECK (first <= last)
    );

Refused:

    CREATE TABLE spans (
        id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER CHECK (last >= first)
    );

Accepted:

    -- @check spans.in_order on-conflict=quarantine
    CREATE TABLE spans (
        id TEXT PRIMARY KEY NOT NULL, first INTEGER, last INTEGER,
        CONSTRAINT in_order CHECK (first <= last)
    );

Accepted:

    CREATE TABLE pairs (
        one TEXT NOT NULL, other TEXT NOT NULL, since INTEGER CHECK (since > 0),
        PRIMARY KEY (one, other), CHECK (one <> other)
    );
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name
from electricsql.schema import columns_read, sources


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New CHECKs over several columns without a policy."""
    for table, check, at in seen.new_checks:
        columns = sources(table, columns_read(table, check.sql)) - set(table.primary_key)
        if len(columns) < 2:
            continue
        if check.name and seen.policy("check", table.name, [check.name]):
            continue
        named = check.name or "in_order"
        listed = " and ".join(each for each in table.column_names if each in columns)
        yield Problem(
            at,
            f"A CHECK of {table.name} reads {listed}.",
            "Two devices can change one of them each: both have kept the rule, and the row with"
            " both changes does not.",
            fix=f"-- @check {name(table.name)}.{name(named)} on-conflict=quarantine",
            help="Write that above the statement"
            + ("." if check.name else f", and CONSTRAINT {named} before the CHECK.")
            + " Or keep what belongs together in one column.",
        )
