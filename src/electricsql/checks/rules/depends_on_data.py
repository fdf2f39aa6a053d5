"""A statement works on some files, and fails on others.

Each new migration is run on an empty database and on one with rows: the largest and the smallest
values of every type, NULL where it is allowed. What SQLite takes on the one and refuses on the
other would stop the devices whose rows are in the way, in the middle of their history.

Rows can't show everything. So a rule over what was there before is refused even if these rows keep
it: a CHECK or NOT NULL that reads only older columns, and a UNIQUE index over an expression, for
some rows, or with a collation. Over a new column that is NULL in all of them it is fine.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 0 CHECK (stars > 0);

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT);
    -- next migration
    -- @unique notes.title on-conflict=quarantine
    CREATE UNIQUE INDEX one_index ON notes (title) WHERE title = 'Index';

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL);
    -- next migration
    ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 1 CHECK (stars > 0);
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import When, rule
from electricsql.migrations import Action, Span
from electricsql.schema import Index, Table, columns_read, sources

_WHY = "Whether a device gets past this migration would depend on the rows that it has."


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
                _WHY,
                help="Write it so that it holds for any rows.",
            )
            return
    for at, what in _over_what_was_there(seen):
        if seen.step_at(at.start) not in explained:
            yield Problem(
                at,
                f"{what} is a rule over what was there before: rows may have broken it already.",
                _WHY,
                help="Make it a rule over new columns, or leave it out.",
            )


def _over_what_was_there(seen: Analysis) -> Iterator[tuple[Span, str]]:
    """The rules of tables that were there which rows could break, though ours don't."""
    for table, check, at in seen.new_checks:
        if _is_old(seen, table, columns_read(table, check.sql)):
            yield at, f"A CHECK of {table.name}"
    for table, column, fate in seen.added_columns:
        if column.is_generated and column.not_null and _is_old(seen, table, {column.name}):
            yield fate.at, f"NOT NULL of {table.name}.{column.name}"
    for table, index, at in seen.new_indexes:
        if index.unique and index.terms and _is_any_old(seen, table, index):
            yield at, f"The unique index {index.name}"


def _is_old(seen: Analysis, table: Table, names: frozenset[str] | set[str]) -> bool:
    """Whether columns come to nothing but what was there."""
    pair = seen.pair(table)
    read = sources(table, names)
    return pair is not None and bool(read) and read <= set(pair.columns.values())


def _is_any_old(seen: Analysis, table: Table, index: Index) -> bool:
    """Whether two rows that were there can be in each other's way: not if they have NULL, or their
    keys, in it."""
    pair = seen.pair(table)
    if pair is None:
        return False
    plain = {term.column for term in index.terms if term.is_plain}
    new = [column for column in pair.added if column.name in plain & table.by_name.keys()]
    has_key = bool(table.primary_key) and set(table.primary_key) <= plain
    return not has_key and all(column.default_value is not None for column in new)
