"""A directive says of a change what can't be read, or of one that the migration does not make.

- `-- @rename notes.body -> content`: the column that goes and the one that comes are the same.
- `-- @drop notes.body`, `-- @drop notes`: it is meant that the column, or the table, goes. With
  `down='…'` also what older versions show for rows of newer ones.
- `-- @down notes.body = '…'`: what older versions show where newer ones have NULL.

Each stands above a statement of the migration that does it. What older versions show is a constant
of the column's type.

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
    -- next migration
    -- @drop notes.title
    -- @drop notes.body
    ALTER TABLE notes DROP COLUMN body;

Refused:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL);
    -- next migration
    -- @drop notes.size down='large'
    ALTER TABLE notes DROP COLUMN size;

Accepted:

    CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL);
    -- next migration
    -- @drop notes.size down=0 reason="nobody looks at it"
    ALTER TABLE notes DROP COLUMN size;
"""

from collections.abc import Iterator

from electricsql.checks.analysis import Analysis
from electricsql.checks.directives import FORMS
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.lenses import constant
from electricsql.migrations import DOWN, DROP, RENAME, ColumnFate, Directive, Intent, Span
from electricsql.schema import Column, fold


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """Such directives that nothing comes of."""
    bound = [each for step in seen.steps for each in step.statement.directives]
    for directive in (*bound, *seen.unbound):
        if directive.name in (RENAME, DROP, DOWN):
            why = _why(seen, directive) if directive in bound else "No statement follows it."
            if why:
                yield Problem(
                    Span.of(directive),
                    f"The directive @{directive.name} does nothing.",
                    why,
                    help=f"It is written {FORMS[directive.name]}, above the statement that"
                    " changes that.",
                )


def _why(seen: Analysis, directive: Directive) -> str:
    """What is wrong with a directive; empty if nothing is."""
    intent = next((each for each in seen.said.every if each.directive == directive), None)
    if intent is None:
        return "It can't be read."
    if not intent.column:
        gone = [fate.before.name for fate in seen.fates if fate.before and not fate.after]
        return "" if intent.table in map(fold, gone) else "This migration drops no such table."
    found = [each for each in _columns(seen, intent) if _is_heeded(intent, each)]
    if not found:
        return "This migration makes no such change."
    column = found[0].before
    if intent.down and column and not _fits(seen, intent.down, column):
        return f"{intent.down} is no value of {column.name}, which is {column.type}."
    return ""


def _columns(seen: Analysis, intent: Intent) -> Iterator[ColumnFate]:
    for before, after, fate in seen.kept_tables:
        if intent.table in (fold(before.name), fold(after.name)):
            yield from (
                each
                for each in fate.columns
                if each.before and fold(each.before.name) == intent.column
            )


def _is_heeded(intent: Intent, fate: ColumnFate) -> bool:
    then, now = fate.before, fate.after
    match intent.directive.name:
        case "rename":
            return now is not None and fold(now.name) == intent.to
        case "drop":
            return now is None
        case _:
            return then is not None and then.not_null and (now is None or not now.not_null)


def _fits(seen: Analysis, down: str, column: Column) -> bool:
    value = constant(down)
    return not column.not_null if value is None else seen.fits(column.type, value)
