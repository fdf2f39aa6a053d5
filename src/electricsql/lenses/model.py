"""Lenses, as values: how two neighbouring schema versions read each other.

A lens says, for each table that a migration changed, which register each column of the new version
is, and what becomes of the old version's other ones. It is made by the build, and is kept with its
migration: what a name means never depends on who reads it. Tables that a lens does not mention are
as they were.

A register is what is stored of a row: one for each column that there ever was. It has a uid, the
migration that made it and its path there, which it keeps whatever it is called later.

Expressions are SQLite's. Not here: what changes and rows become by a lens (`view.py`), and how
lenses are inferred from a migration (`migrations`).
"""

from typing import Final

import msgspec

from electricsql.schema import Table

FORMAT_VERSION: Final = 1
NULL: Final = "NULL"
HOLD: Final = "hold"


class Kept(msgspec.Struct, frozen=True, tag="kept", omit_defaults=True):
    """A column that was there, under the name `was` (empty: this one).

    Where a NULL does not do for the old version, `down` is what it shows in its place: an
    expression without columns (empty: NULL does).
    """

    name: str
    was: str = ""
    down: str = ""

    @property
    def old_name(self) -> str:
        return self.was or self.name


class Added(msgspec.Struct, frozen=True, tag="added"):
    """A new column: a register of its own. Rows for which nobody has written it have its
    default."""

    name: str
    uid: str


class Dropped(msgspec.Struct, frozen=True, tag="dropped", omit_defaults=True):
    """A column that the new version does not have: its register stays. `down` is what the old
    version shows for rows of the new one, an expression without columns."""

    was: str
    down: str = NULL


class Converted(msgspec.Struct, frozen=True, tag="converted", omit_defaults=True):
    """A column whose values are other ones: a register of its own, beside that of the column it
    `was` (empty: of the same name), which stays.

    `up` computes the new value from the old one, by the old name, and `down` the old value from the
    new one, by the new name. `on_error` says what the new version shows where `up` fails: what it
    had (hold), NULL, or the value of an expression without columns.
    """

    name: str
    uid: str
    up: str
    down: str
    was: str = ""
    on_error: str = HOLD

    @property
    def old_name(self) -> str:
        return self.was or self.name


ColumnLens = Kept | Added | Dropped | Converted


class TableLens(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one table: `name` in the new version (empty: dropped), `was` in the old one
    (empty: it is new, and has this `uid`). All its columns are there, in the new version's order,
    and then those that were dropped; none if the table was."""

    name: str = ""
    was: str = ""
    uid: str = ""
    columns: tuple[ColumnLens, ...] = ()


class Lens(msgspec.Struct, frozen=True):
    """The lens between a schema version and the one before it."""

    tables: tuple[TableLens, ...] = ()
    format_version: int = FORMAT_VERSION


def table_uid(version: str, table: str) -> str:
    """The uid of a table that a migration makes."""
    return f"{version}:{table}"


def column_uid(version: str, table: str, column: str) -> str:
    """The uid of a column that a migration makes."""
    return f"{version}:{table}.{column}"


def made(version: str, table: Table) -> TableLens:
    """The lens of a new table."""
    columns = (Added(name, column_uid(version, table.name, name)) for name in table.column_names)
    return TableLens(table.name, uid=table_uid(version, table.name), columns=tuple(columns))


def lens_json(lens: Lens) -> str:
    """A lens as it is kept: the same text for the same lens."""
    return msgspec.json.encode(lens).decode()


def read_lens(text: str) -> Lens:
    """The inverse of `lens_json`.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: it isn't one.
        ValueError: a later version of this program made it.
    """
    lens = msgspec.json.decode(text, type=Lens)
    if lens.format_version != FORMAT_VERSION:
        raise ValueError(f"a lens of format {lens.format_version}")
    return lens
