"""`keep-first`: a value that must be unique and is taken gives way to the row that has it. Pure.

The author of a migration may say so of a UNIQUE rule (`-- @unique … on-conflict=keep-first`). Then
a trigger clears the column in what a merge writes, before Postgres sees it, and the difference to
what was meant is a write of the hub's, like that of any trigger (`effects.py`): every device gets
it, the author too. Who writes Postgres directly gets Postgres' error, as ever.
"""

from collections.abc import Collection, Iterator
from typing import Final

from electricsql.hub.capture import MERGING, user_table
from electricsql.migrations import KEEP_FIRST, BuiltMigration, given_up, policies, statements
from electricsql.schema import Index, Schema, Table, index_columns, quote

NAME: Final = "electric_keep_first"
"""How the triggers' names begin."""


def keep_first(migration: BuiltMigration, before: Schema, after: Schema) -> Iterator[str]:
    """The statements for a migration's new UNIQUE rules, and for those that it drops, given the
    bases before and after it."""
    difference = migration.difference
    for table, index in difference.dropped_indexes:
        if index.unique and index.columns:
            name = _name(before.tables[table.name], index)
            yield f"DROP TRIGGER IF EXISTS {name} ON {user_table(table)}"
    new = [(table, index) for table in difference.tables for index in table.indexes]
    every = [each for one in statements(migration.source) for each in one.directives]
    stated = [each for each in policies(every) if each.on_conflict == KEEP_FIRST]
    for table, index in (*new, *difference.indexes):
        names = index_columns(table, index)
        if index.unique and any(each.is_about("unique", table.name, names) for each in stated):
            yield from _trigger(after.tables[table.name], index)


def keep_first_again(table: Table, names: Collection[str]) -> Iterator[str]:
    """The statements for those of a table's UNIQUE rules that had triggers of these names, which
    have gone since columns or the table are called otherwise now."""
    for index in table.indexes:
        if index.unique and index.columns and _name(table, index) in names:
            yield from _trigger(table, index)


def _name(table: Table, index: Index) -> str:
    """By position, which never changes."""
    places = [str(table.positions[name]) for name in index.columns]
    return "_".join([NAME, *places])


def _trigger(table: Table, index: Index) -> Iterator[str]:
    column = given_up(table, index)
    assert column is not None, "a rule refuses that"
    name = _name(table, index)
    function = f"electric.keep_first_{table.number}_{name.removeprefix(f'{NAME}_')}"
    taken = " AND ".join(f"u.{quote(each)} = NEW.{quote(each)}" for each in index.columns)
    itself = " AND ".join(f"u.{quote(key)} = NEW.{quote(key)}" for key in table.primary_key)
    columns = ", ".join(map(quote, index.columns))
    yield (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger\n"
        "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp\n"
        "AS $electric$\n"
        "BEGIN\n"
        f"IF EXISTS (SELECT FROM {user_table(table)} u WHERE {taken} AND NOT ({itself})) THEN\n"
        f"    NEW.{quote(column.name)} := NULL;\n"
        "END IF;\n"
        "RETURN NEW;\n"
        "END\n"
        "$electric$"
    )
    yield (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE INSERT OR UPDATE OF {columns}\n"
        f"ON {user_table(table)} FOR EACH ROW\n"
        f"WHEN (current_setting('{MERGING}', true) = 'on')\n"
        f"EXECUTE FUNCTION {function}()"
    )
