"""Capture at the hub: the SQL of each table's shadow and of the triggers that keep it. Pure.

A trigger stamps the shadow rows of what a Postgres client wrote, the way `change_row` does it for
an author that has observed everything. One statement of the client is one statement of ours,
whatever its size: the rows come as transition tables, and go into the shadow by INSERT … ON
CONFLICT DO UPDATE.

Rule 1: no statement here joins a transition table by nested loops. Its plan is made at the first
        call of a session, perhaps for one row, and kept for calls with a million. A FULL JOIN can't
        be one.
Rule 2: nothing in the transition tables is trusted to be in order: an update that moves keys is
        looked at by key, so that rows which swap their keys are two updates.
Rule 3: what a statement did is not trusted to last until our trigger (`_where_it_lasted`).
Rule 4: our variables are named `here.…` in full, since the user's columns may have any name.
Rule 5: a merge stamps its own rows; what the users' triggers write because of it is captured (it
        happens one trigger deeper).

Not here: how rows get out of the shadows (`reading.py`), and the merge (`merging.py`).
"""

from collections.abc import Mapping
from typing import Final

from electricsql.hub.values import default_of, distinct, kept_before, kept_text
from electricsql.schema import POSTGRES_TYPES, Table, quote

MERGING: Final = "electric.merging"
"""The setting that keeps the triggers silent in the merge's own transactions."""

BYTEWISE: Final = '"C"'
_OURS: Final[Mapping[str, str]] = {}
_SAFE: Final = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
_SPELLING: Final = (
    " SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC' SET bytea_output = 'hex'"
    " SET extra_float_digits = 1"
)
"""How the values that tombstones keep are written. An insert keeps none, and settings cost time."""


def shadow_of(table: Table) -> str:
    """The qualified name of a table's shadow."""
    return f"electric.shadow_{table.number}"


def relation(table: Table) -> str:
    """The name of the table itself; one that is hidden has been moved out of the way."""
    return f"hidden_{table.number}" if table.hidden else table.name


def user_table(table: Table) -> str:
    """The qualified name of the table itself."""
    return f"{'electric' if table.hidden else 'public'}.{quote(relation(table))}"


def create_capture(table: Table, collations: Mapping[str, str] = _OURS) -> tuple[str, ...]:
    """The statements for a new table, or for one that was there, with its keys' `collations`."""
    return (*_create_shadow(table, collations), *replace_functions(table), *_create_triggers(table))


def adopt_rows(table: Table) -> tuple[str, ...]:
    """The statements that give shadows to the rows of a table that was there: they were written by
    the transaction that runs this."""
    keys = ", ".join(f"n.{quote(key)}" for key in table.primary_key)
    xid = "pg_current_xact_id()"
    return (
        f"INSERT INTO {shadow_of(table)}"
        f" ({_keys(table)}, xid, incarnation, deleted, touched, touched_before, writers, kept)\n"
        f"SELECT {keys}, here.xid, 1, 0, here.id, 0, {_fresh_writers(table)}, NULL\n"
        f"FROM {user_table(table)} n,"
        f" (SELECT {xid} AS xid, {xid}::text::bigint << 10 AS id) here",
        f"INSERT INTO electric.touched VALUES ({xid}, {table.number}) ON CONFLICT DO NOTHING",
    )


def replace_functions(table: Table) -> tuple[str, ...]:
    """The statements for a table that has other columns. Its shadow rows stay as they are."""
    inserted = _stamp(table, _inserted(table)) + _where_it_lasted(table)
    updated = _stamp(table, _updated(table)) + _where_it_lasted(table)
    deleted = _stamp(table, _deleted(table, "old_rows")) + _where_it_lasted(table)
    truncated = _stamp(table, _deleted(table, user_table(table))) + "\nWHERE s.deleted = 0"
    return (
        _function(table, "insert", inserted),
        _function(table, "update", updated),
        _function(table, "delete", deleted),
        _function(table, "truncate", truncated),
    )


def _create_shadow(table: Table, collations: Mapping[str, str]) -> tuple[str, ...]:
    name = shadow_of(table)
    columns = [_key_column(table, key, collations) for key in table.primary_key]
    columns += [
        "xid xid8 NOT NULL",
        "incarnation int NOT NULL",
        "deleted bigint NOT NULL",
        "touched bigint NOT NULL",
        "touched_before bigint NOT NULL",
        "writers bigint[] NOT NULL",
        "kept text[]",
        f"PRIMARY KEY ({_keys(table)})",
    ]
    lines = ",\n    ".join(columns)
    index = name.partition(".")[2] + "_xid"
    return (
        f"CREATE TABLE {name} (\n    {lines}\n)",
        f"CREATE INDEX {index} ON {name} (xid)",
        f"CREATE INDEX {name.partition('.')[2]}_dead ON {name} (xid) WHERE deleted <> 0",
    )


def _key_column(table: Table, key: str, collations: Mapping[str, str]) -> str:
    """Our own columns have names that a key column may have too: keys are renamed by position. It
    has the collation that the table's own index has, so that the two are compared by it."""
    type = POSTGRES_TYPES[table.by_name[key].type]
    collation = f" COLLATE {collations.get(key, BYTEWISE)}" if type == "text" else ""
    return f"{key_name(table, key)} {type}{collation} NOT NULL"


def key_name(table: Table, key: str) -> str:
    """A key column's name in the shadow."""
    return f"k{table.primary_key.index(key)}"


def _create_triggers(table: Table) -> tuple[str, ...]:
    old, new = "OLD TABLE AS old_rows", "NEW TABLE AS new_rows"
    return (
        _trigger(table, "insert", f"AFTER INSERT ON {{}} REFERENCING {new}"),
        _trigger(table, "update", f"AFTER UPDATE ON {{}} REFERENCING {old} {new}"),
        _trigger(table, "delete", f"AFTER DELETE ON {{}} REFERENCING {old}"),
        _trigger(table, "truncate", "BEFORE TRUNCATE ON {}"),
    )


def _trigger(table: Table, event: str, when: str) -> str:
    return (
        f"CREATE TRIGGER electric_{event} {when.format(user_table(table))}\n"
        "FOR EACH STATEMENT\n"
        "WHEN (pg_trigger_depth() > 0"
        f" OR current_setting('{MERGING}', true) IS DISTINCT FROM 'on')\n"
        f"EXECUTE FUNCTION {_function_name(table, event)}()"
    )


def _function_name(table: Table, event: str) -> str:
    return f"electric.{event}_{table.number}"


def _function(table: Table, event: str, stamp: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {_function_name(table, event)}() RETURNS trigger\n"
        f"LANGUAGE plpgsql {_SAFE}{'' if event == 'insert' else _SPELLING}\n"
        "AS $electric$\n"
        "<<here>>\n"
        "DECLARE\n"
        "    xid CONSTANT xid8 := pg_current_xact_id();\n"
        "    id CONSTANT bigint := xid::text::bigint << 10;\n"
        "BEGIN\n"
        f"{stamp};\n"
        "IF FOUND THEN\n"
        f"    INSERT INTO electric.touched VALUES (here.xid, {table.number})\n"
        "    ON CONFLICT DO NOTHING;\n"
        "END IF;\n"
        "RETURN NULL;\n"
        "END\n"
        "$electric$"
    )


def _stamp(table: Table, source: str) -> str:
    """Bring the rows of `source` (key, deleted, writers, kept) into the shadow.

    A row that comes back to life starts a new one. `writers` is 0 where the column was not written.
    Hidden columns stay as the shadow has them, for as long as the row lives, and in its tombstone.
    """
    positions = range(1, len(table.columns) + 1)
    merged = ", ".join(
        f"coalesce(nullif(excluded.writers[{p}], 0), s.writers[{p}], 0)" for p in positions
    )
    return f"""\
INSERT INTO {shadow_of(table)} AS s
    ({_keys(table)}, xid, incarnation, deleted, touched, touched_before, writers, kept)
{source}
ON CONFLICT ({_keys(table)}) DO UPDATE SET
    xid = here.xid,
    incarnation = s.incarnation + (s.deleted <> 0)::int,
    deleted = excluded.deleted,
    touched = CASE WHEN excluded.deleted <> 0 THEN s.touched ELSE here.id END,
    touched_before = CASE WHEN excluded.deleted <> 0 THEN s.touched_before
        WHEN s.deleted <> 0 THEN 0
        WHEN s.touched & 1023 <> 0 THEN s.touched
        ELSE s.touched_before END,
    writers = CASE WHEN s.deleted <> 0 THEN excluded.writers ELSE ARRAY[{merged}] END,
    kept = {_kept_after(table)}"""


def _where_it_lasted(table: Table) -> str:
    """A user's row trigger comes before ours, and may have undone what its statement did."""
    same = " AND ".join(
        f"u.{quote(key)} = excluded.{key_name(table, key)}" for key in table.primary_key
    )
    return f"""
WHERE CASE
    WHEN s.deleted = 0 AND (excluded.deleted = 0 OR s.xid <> here.xid) THEN true
    WHEN s.deleted <> 0 AND excluded.deleted <> 0 THEN false
    ELSE (excluded.deleted = 0) = EXISTS (SELECT FROM {user_table(table)} u WHERE {same})
END"""


def _inserted(table: Table) -> str:
    keys = ", ".join(f"n.{quote(key)}" for key in table.primary_key)
    return (
        f"SELECT {keys}, here.xid, 1, 0, here.id, 0, {_fresh_writers(table)}, NULL\nFROM new_rows n"
    )


def _deleted(table: Table, rows: str) -> str:
    keys = ", ".join(f"o.{quote(key)}" for key in table.primary_key)
    return (
        f"SELECT {keys}, here.xid, 1, here.id, 0, 0, {_nobody(table)}, {_kept(table)}\n"
        f"FROM {rows} o"
    )


def _updated(table: Table) -> str:
    """Rows found under the same key before and after have changed columns; of the others the old
    ones are gone and the new ones are new."""
    first = quote(table.primary_key[0])
    keys = ", ".join(f"coalesce(n.{quote(key)}, o.{quote(key)})" for key in table.primary_key)
    same = " AND ".join(f"n.{quote(key)} = o.{quote(key)}" for key in table.primary_key)
    rest = [column for column in table.visible if column.name not in table.primary_key]
    changed = " OR ".join([f"n.{first} IS NULL", f"o.{first} IS NULL", *map(distinct, rest)])
    writers = ", ".join(
        f"CASE WHEN {distinct(column)} THEN here.id ELSE 0 END" if column in rest else "0"
        for column in table.columns
    )
    return f"""\
SELECT {keys}, here.xid, 1, CASE WHEN n.{first} IS NULL THEN here.id ELSE 0 END, here.id, 0,
    CASE WHEN n.{first} IS NULL THEN {_nobody(table)}
        WHEN o.{first} IS NULL THEN {_fresh_writers(table)}
        ELSE ARRAY[{writers}]::bigint[] END,
    CASE WHEN n.{first} IS NULL THEN {_kept(table)} END
FROM old_rows o FULL JOIN new_rows n ON {same}
WHERE {changed}"""


def _fresh_writers(table: Table) -> str:
    """The writers of an inserted row: a value that is the column's default counts as made up."""
    writers = []
    for column in table.columns:
        if column.hidden:
            writers.append("0")
            continue
        made_up = None if column.name in table.primary_key else default_of(column)
        if made_up is None:
            writers.append("here.id")
        else:
            writers.append(f"CASE WHEN {made_up} THEN -here.id ELSE here.id END")
    return f"ARRAY[{', '.join(writers)}]"


def _nobody(table: Table) -> str:
    return f"ARRAY[{', '.join('0' for _ in table.columns)}]::bigint[]"


def _kept(table: Table) -> str:
    return "ARRAY[" + ", ".join(kept_text(column) for column in table.columns) + "]"


def _kept_after(table: Table) -> str:
    if not table.hidden_columns:
        return "excluded.kept"
    values = ", ".join(
        kept_before(table, column) if column.hidden else f"excluded.kept[{place}]"
        for place, column in enumerate(table.columns, start=1)
    )
    return f"""CASE WHEN excluded.deleted <> 0 THEN ARRAY[{values}]
        WHEN s.deleted = 0 THEN s.kept END"""


def _keys(table: Table) -> str:
    return ", ".join(key_name(table, key) for key in table.primary_key)
