"""Reading what tables a Postgres has, from its catalog."""

from collections import defaultdict
from typing import Final, TypeAlias

from electricsql.hub.connection import Connection, Fresh
from electricsql.schema import CatalogColumn, CatalogTable, ForeignKey, Index

Asked: TypeAlias = "Connection | Fresh"

_COLUMNS: Final = """
SELECT c.relname,
    CASE WHEN c.relispartition OR i.inhrelid IS NOT NULL THEN 'i' ELSE c.relkind::text END,
    a.attname, CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'b' THEN t.typname ELSE '' END,
    a.atttypmod, a.attnotnull,
    CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END,
    a.attgenerated <> '',
    ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
    format_type(a.atttypid, a.atttypmod),
    CASE WHEN o.collisdeterministic THEN a.attcollation::regcollation::text ELSE '' END
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation o ON o.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f')
    AND ($1::text[] IS NULL OR c.relname = ANY($1::text[]))
ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS: Final = """
SELECT c.relname, k.conname, k.contype::text, pg_get_constraintdef(k.oid),
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY n(num, at)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.num ORDER BY at),
    CASE WHEN p.relnamespace = 'public'::regnamespace THEN p.relname END,
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY n(num, at)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.num ORDER BY at),
    k.confdeltype::text, k.confupdtype::text, k.condeferrable
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_class p ON p.oid = k.confrelid
WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('p', 'f', 'c', 'x')
    AND ($1::text[] IS NULL OR c.relname = ANY($1::text[]))
ORDER BY c.relname, k.conname
"""
_INDEXES: Final = """
SELECT c.relname, n.relname, i.indisunique,
    CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL THEN
        ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY n(num, at)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n.num
            WHERE at <= i.indnkeyatts ORDER BY at)
    ELSE '{}' END,
    ARRAY(SELECT o & 1 = 1 FROM unnest(i.indoption) WITH ORDINALITY u(o, at) ORDER BY at)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary
    AND ($1::text[] IS NULL OR c.relname = ANY($1::text[]))
ORDER BY c.relname, n.relname
"""
_ACTIONS: Final = {
    "a": "NO ACTION",
    "r": "RESTRICT",
    "c": "CASCADE",
    "n": "SET NULL",
    "d": "SET DEFAULT",
}


async def read_catalog(
    connection: Asked, names: list[str] | None = None
) -> dict[str, CatalogTable]:
    """The tables of schema public, by name; those of these names."""
    columns: defaultdict[tuple[str, str], list[CatalogColumn]] = defaultdict(list)
    for name, kind, *column in await connection.fetch(_COLUMNS, names):
        *rest, labels, type_name, collation = column
        more = {"labels": tuple(labels), "type_name": type_name, "collation": collation}
        columns[name, kind].append(CatalogColumn(*rest, **more))
    keys: dict[str, tuple[str, ...]] = {}
    foreign: defaultdict[str, list[tuple[str, ForeignKey, bool]]] = defaultdict(list)
    checks: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, constraint, kind, definition, own, *reference in await connection.fetch(
        _CONSTRAINTS, names
    ):
        if kind == "p":
            keys[name] = tuple(own)
        elif kind == "f":
            foreign[name].append((constraint, *_foreign_key(own, reference)))
        else:
            checks[name].append((constraint, definition))
    indexes: defaultdict[str, list[Index]] = defaultdict(list)
    for name, index, unique, parts, descending in await connection.fetch(_INDEXES, names):
        indexes[name].append(Index(index, tuple(parts), unique, tuple(descending[: len(parts)])))
    return {
        name: CatalogTable(
            name,
            tuple(columns[name, kind]),
            primary_key=keys.get(name, ()),
            foreign_keys=tuple(foreign[name]),
            indexes=tuple(indexes[name]),
            checks=tuple(checks[name]),
            kind=kind,
        )
        for name, kind in columns
    }


def _foreign_key(own: list[str], reference: list[object]) -> tuple[ForeignKey, bool]:
    parent, there, on_delete, on_update, deferrable = reference
    assert isinstance(there, list)
    key = ForeignKey(
        tuple(own),
        str(parent or ""),
        tuple(there),
        _ACTIONS[str(on_delete)],
        _ACTIONS[str(on_update)],
    )
    return key, bool(deferrable)
