"""What a migration hides: columns and tables that only older versions have. Pure.

Before its DDL runs, the values of a column that goes are put where the shadows keep them, and a
table that goes is moved out of the way, with its shadow as it is. No shadow row counts as changed.
Whoever is writing to the table is waited for first: what it writes must not be missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from electricsql.hub.capture import relation, shadow_of, user_table
from electricsql.hub.selecting import join_keys
from electricsql.hub.values import default_text, kept_before
from electricsql.schema import Column, ColumnType, Schema, Table, postgres_literal, quote


@dataclass(frozen=True)
class Bases:
    """The base before and after a migration."""

    before: Schema
    after: Schema

    @cached_property
    def changed(self) -> Sequence[tuple[Table, Table]]:
        """The tables that are otherwise, as they were and as they are; hidden ones never are."""
        now = {table.number: table for table in self.after}
        pairs = [(table, now[table.number]) for table in self.before if not table.hidden]
        return [(was, now) for was, now in pairs if was is not now and was != now]

    @cached_property
    def created(self) -> Sequence[Table]:
        """The tables that are new."""
        known = {table.number for table in self.before}
        return [table for table in self.after if table.number not in known]

    @cached_property
    def names(self) -> Mapping[str, str | None]:
        """The names of the changed tables, before and after (None: it is hidden)."""
        return {was.name: None if now.hidden else now.name for was, now in self.changed}

    @property
    def reshaped(self) -> Sequence[Table]:
        """The tables that have other columns, or another name."""
        pairs = [(was, now) for was, now in self.changed if not now.hidden]
        return [now for was, now in pairs if (was.name, was.columns) != (now.name, now.columns)]

    @property
    def renamed(self) -> Sequence[tuple[Table, Table]]:
        """Those of them whose columns, or who themselves, are not called what they were."""
        pairs = [(was, now) for was, now in self.changed if not now.hidden]
        return [(was, now) for was, now in pairs if _called(was, now) != _called(now, was)]


def _called(table: Table, other: Table) -> tuple[str, ...]:
    """The names of a table, and of its columns that another state of it has, too."""
    return (table.name, *table.column_names[: len(other.columns)])


def hide(bases: Bases) -> Iterator[str]:
    """The statements for a migration, to be run before its DDL."""
    for table, now in bases.changed:
        pairs = zip(table.columns, now.columns, strict=False)
        going = [(old, new) for old, new in pairs if new.hidden and not old.hidden]
        if now.hidden or going:
            yield f"LOCK TABLE {user_table(table)}"
            yield from _move(table, now) if now.hidden else _keep(table, going)


def _keep(table: Table, going: Sequence[tuple[Column, Column]]) -> Iterator[str]:
    """Put the values of columns into the shadows. Of living rows that have in all of them what
    would be shown without it (each column's second form says what), nothing is kept."""
    columns = {old.name: f"u.{quote(old.name)}::text" for old, _ in going}
    values = [
        columns.get(column.name, kept_before(table, column) if column.hidden else "NULL")
        for column in table.columns
    ]
    differs = [f"{columns[old.name]} IS DISTINCT FROM {default_text(new)}" for old, new in going]
    yield (
        f"UPDATE {shadow_of(table)} s SET kept = ARRAY[{', '.join(values)}]\n"
        f"FROM {user_table(table)} u WHERE {join_keys(table)} AND s.deleted = 0\n"
        f"    AND ({' OR '.join(['s.kept IS NOT NULL', *differs])})"
    )
    # A tombstone that is older than a column has its default, as long as that is known.
    last = max(table.positions[old.name] for old, _ in going)
    values = [kept_before(table, column) for column in table.columns]
    yield (
        f"UPDATE {shadow_of(table)} s SET kept = ARRAY[{', '.join(values)}]\n"
        f"WHERE s.deleted <> 0 AND coalesce(cardinality(s.kept), 0) <= {last}"
    )


def _move(table: Table, now: Table) -> Iterator[str]:
    """Nothing of the users' refers to the table any more, nor is captured; and what is named after
    it gets another name, since schema electric may have the same one."""
    name = relation(now)
    aside = quote(f"~{name}")
    there = postgres_literal(user_table(table), ColumnType.TEXT)
    yield _LET_GO.format(table=there, name=name)
    yield f"ALTER TABLE {user_table(table)} RENAME TO {aside}"
    yield f"ALTER TABLE public.{aside} SET SCHEMA electric"
    yield f"ALTER TABLE electric.{aside} RENAME TO {name}"


_LET_GO = """\
DO $$
DECLARE
    t CONSTANT regclass := {table};
    o record;
BEGIN
    FOR o IN
        SELECT tgname, tgfoid::regprocedure AS called, p.pronamespace = 'electric'::regnamespace
            AS is_ours
        FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid WHERE tgrelid = t AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', o.tgname, t);
        IF o.is_ours THEN
            EXECUTE format('DROP FUNCTION %s', o.called);
        END IF;
    END LOOP;
    FOR o IN
        SELECT conname, conrelid::regclass AS child FROM pg_constraint
        WHERE contype IN ('f', 'u', 'x') AND t IN (conrelid, confrelid) AND conparentid = 0
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', o.child, o.conname);
    END LOOP;
    FOR o IN
        SELECT indexrelid::regclass AS index, indisprimary AS is_key FROM pg_index
        WHERE indrelid = t
    LOOP
        IF o.is_key THEN
            EXECUTE format('ALTER INDEX %s RENAME TO %I', o.index, '~{name}_pkey');
        ELSE
            EXECUTE format('DROP INDEX %s', o.index);
        END IF;
    END LOOP;
    FOR o IN
        SELECT row_number() OVER () AS number, c.oid::regclass AS sequence
        FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
        WHERE d.refobjid = t AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass
    LOOP
        EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', o.sequence, '~{name}_' || o.number);
    END LOOP;
END
$$"""
