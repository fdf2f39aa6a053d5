"""A value must be unique, and two devices that are offline can both take it.

Each of them has kept the rule, and Postgres can take only one of the two rows. What becomes of the
other is for the author of the app to say, by a directive above the statement:

- `-- @unique users.email on-conflict=quarantine`: the transaction that comes later is refused
  whole, and waits in the quarantine with the reason. Its device is told, and has the rows again as
  Postgres has them. Nothing of it is lost; somebody has to decide.
- `-- @unique users.email on-conflict=keep-first`: the first row that reaches Postgres keeps the
  value. In the other one the column becomes NULL, on every device, and all the rest of its
  transaction counts. The value is gone, so this is for what a user can choose again, such as a
  nickname. Of several columns it is the last that may be NULL; if none may, the policy is refused.
  So it is for a rule that is partial, on an expression, or has a collation.

A rule over several columns is written `-- @unique seats(room, place) on-conflict=…`; one on an
expression names the columns that it reads. In both cases somebody who writes to Postgres directly
gets Postgres' own error, as ever. A rule over the primary key and more can't collide. Where the
value says which row it is, make it the key: then the two rows become one, column by column.

Refused:

    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);

Refused:

    -- @unique users.email on-conflict=keep-first
    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE);

Accepted:

    -- @unique users.email on-conflict=quarantine
    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE);

Accepted:

    CREATE TABLE seats (id TEXT PRIMARY KEY NOT NULL, room TEXT NOT NULL, place TEXT);
    -- @unique seats(room, place) on-conflict=keep-first
    CREATE UNIQUE INDEX one_each ON seats (room, place);

Accepted:

    -- @unique users.email on-conflict=quarantine
    CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE COLLATE NOCASE);

Accepted:

    CREATE TABLE votes (
        who TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (who, what), UNIQUE (what, who)
    );
"""

from collections.abc import Iterator, Sequence

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.checks.spelling import name, names
from electricsql.migrations import KEEP_FIRST, Span, given_up
from electricsql.schema import Index, Table, Unportable, index_columns, postgres_has_index


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New unique rules without a policy, or with one that can't be kept."""
    for table, index, at in seen.new_indexes:
        columns = index_columns(table, index)
        if not index.unique or _has_key(table, index) or not _is_portable(table, index):
            continue
        policy = seen.policy("unique", table.name, columns)
        if policy is None:
            yield Problem(
                at,
                f"Two devices can give {_what(table, columns)} the same value while they are"
                " offline.",
                "Both have kept the rule, and Postgres can take only one of the rows.",
                fix=f"-- @unique {_target(table, columns)} on-conflict=quarantine",
                help=_help(table, index),
            )
        elif policy.on_conflict == KEEP_FIRST and given_up(table, index) is None:
            is_plain = bool(index.columns)
            yield Problem(
                Span(policy.directive.start, policy.directive.end),
                f"No value of {_what(table, columns)} can give way: none may be NULL."
                if is_plain
                else f"The rule over {_what(table, columns)} is over more than plain columns.",
                "Under keep-first the row that comes later has NULL there.",
                fix=f"-- @unique {_target(table, columns)} on-conflict=quarantine",
                help="Or let a column be NULL." if is_plain else "",
            )


def _is_portable(table: Table, index: Index) -> bool:
    """Another rule refuses what is not."""
    try:
        return postgres_has_index(table, index)
    except Unportable:
        return False


def _has_key(table: Table, index: Index) -> bool:
    """Whether the rule is over the primary key, and maybe more: that can't collide."""
    plain = set(index.columns) or {term.column for term in index.terms if term.is_plain}
    return bool(table.primary_key) and set(table.primary_key) <= plain


def _what(table: Table, columns: Sequence[str]) -> str:
    listed = ", ".join(columns)
    return f"{table.name}.{listed}" if len(columns) == 1 else f"{table.name} ({listed})"


def _target(table: Table, columns: Sequence[str]) -> str:
    if len(columns) == 1:
        return f"{name(table.name)}.{name(columns[0])}"
    return f"{name(table.name)}({names(columns)})"


def _help(table: Table, index: Index) -> str:
    then = "Write that above the statement: the later transaction waits in the quarantine."
    column = given_up(table, index)
    if column is None:
        return then
    return f"{then} Or on-conflict=keep-first: its {column.name} becomes NULL."
