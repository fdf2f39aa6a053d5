"""A table or column has a name that somebody else needs.

Names that begin with `_electric_` are those of our own tables and triggers, which share the file
with the app's. Postgres has columns of its own in every table: `oid`, `tableoid`, `xmin`, `cmin`,
`xmax`, `cmax` and `ctid`.

A table that was on devices only leaves its name behind when it is dropped: triggers that write it
go by what it was, and hear of what comes from others.

Names that begin with `~` are those of what older versions have, and newer ones do not.

Words that are keywords in Postgres (`user`, `order`, `desc`) are no problem: every name is quoted
there.

Refused:

    CREATE TABLE _electric_notes (id TEXT PRIMARY KEY NOT NULL);

Refused:

    CREATE TABLE spans (id TEXT PRIMARY KEY NOT NULL, xmin INTEGER, xmax INTEGER);

Refused:

    -- @local-only
    CREATE TABLE drafts (body TEXT);
    -- next migration
    DROP TABLE drafts;
    CREATE TABLE drafts (id TEXT PRIMARY KEY NOT NULL, body TEXT);

Accepted:

    CREATE TABLE "user" (id TEXT PRIMARY KEY NOT NULL, "order" INTEGER, x_min INTEGER);
"""

from collections.abc import Iterator
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.lenses import HIDDEN
from electricsql.schema import OURS

_SYSTEM_COLUMNS: Final = frozenset(("oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"))


@rule(Severity.ERROR)
def find(seen: Analysis) -> Iterator[Problem]:
    """New names that are taken."""
    for at, shown, name in (*seen.new_names, *seen.new_local_names):
        if name.lower().startswith(OURS):
            yield Problem(
                at,
                f"{shown} has a name that starts with {OURS}.",
                "Such names are those of the system's own tables and triggers in the same file.",
                help="Choose another name.",
            )
        elif name.startswith(HIDDEN):
            yield Problem(
                at,
                f"{shown} has a name that starts with {HIDDEN}.",
                "Such names are those of tables and columns that only older versions have.",
                help="Choose another name.",
            )
    for fate in seen.new_tables:
        if fate.after and fate.after.name.lower() in seen.once_local:
            yield Problem(
                fate.at,
                f"Table {fate.after.name} was on devices only.",
                "Triggers that write it go by that, and hear of what comes from others.",
                help="Choose another name: the app can then copy rows from the one to the other.",
            )
    for table, column, place in seen.named_columns:
        if column.name.lower() in _SYSTEM_COLUMNS:
            yield Problem(
                place.at,
                f"Column {table.name}.{column.name} has the name of a system column in Postgres.",
                "Every Postgres table has a column of that name already.",
                help=f"Choose another name, for example {column.name.lower()}_value.",
            )
