"""What a migration that does more than to add makes of what was there, as lines to read."""

from collections.abc import Iterator

from electricsql.lenses import NULL, Added, ColumnLens, Converted, Dropped, Kept, TableLens
from electricsql.migrations import BuiltMigration

_Line = tuple[str, str, str]
"""What it is about, what becomes of it, and what is to be said of that."""


def changes_of(migration: BuiltMigration) -> str:
    """The migration's name, and a line for each table and column that it changes; empty if it only
    adds."""
    if migration.additive:
        return ""
    every = [line for each in migration.lens.tables for line in _of_table(each)]
    widths = [max((len(line[place]) for line in every), default=0) for place in (0, 1)]
    lines = (
        f"  {about:<{widths[0]}}   {what:<{widths[1]}}   {more}".rstrip()
        for about, what, more in every
    )
    return "\n".join((migration.source.name, *lines))


def _of_table(table: TableLens) -> Iterator[_Line]:
    if not table.name:
        yield table.was, "drop", ""
    elif not table.was:
        yield table.name, "add", ""
    else:
        if table.name != table.was:
            yield f"{table.was} -> {table.name}", "rename", ""
        for column in table.columns:
            yield from _of_column(table.name, column)


def _of_column(table: str, column: ColumnLens) -> Iterator[_Line]:
    match column:
        case Added(name):
            yield f"{table}.{name}", "add", ""
        case Dropped(was, down):
            yield f"{table}.{was}", "drop", _shown(down)
        case Kept(name, was, down):
            if was:
                yield f"{table}.{was} -> {name}", "rename", ""
            if down:
                yield f"{table}.{name}", "may be NULL", _shown(down)
        case Converted():
            yield f"{table}.{column.old_name} -> {column.name}", "convert", ""


def _shown(down: str) -> str:
    return f"older versions show {down}" if down != NULL else ""
