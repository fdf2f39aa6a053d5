"""Reading one table back from a SQLite that has it: what its DDL made, not what its text is like.

What SQLite's pragmas don't tell is found in the text. What can't be replicated is read like
anything else.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from electricsql.schema.model import (
    BINARY,
    Column,
    ColumnType,
    Default,
    ForeignKey,
    Index,
    Table,
    Term,
    Value,
    fold,
)
from electricsql.schema.tokens import (
    IndexParts,
    Kind,
    check_constraints,
    deferred_references,
    generated_columns,
    index_parts,
    names_collation,
    quote,
    tokens,
)
from electricsql.schema.types import column_type

OURS: Final = "_electric_"
_LITERAL_WORDS: Final = {"NULL", "TRUE", "FALSE"}


_ColumnRow = tuple[str, str, int, str | None, int, int]
"""What `pragma table_xinfo` tells: name, type, NOT NULL, DEFAULT, place in the key, hidden."""


class Parent(NamedTuple):
    """What a foreign key needs to know of the table it refers to: how it is spelled, its key."""

    name: str
    key: tuple[str, ...]


def primary_key(database: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """The columns of a table's primary key, in its order."""
    rows = database.execute("SELECT name FROM pragma_table_xinfo(?) WHERE pk ORDER BY pk", (table,))
    return tuple(name for (name,) in rows)


class Reader:
    """A table in a database that may have no other. `text` is its CREATE statement, `parents` all
    tables that there are, by their names as SQLite compares them."""

    def __init__(
        self,
        database: sqlite3.Connection,
        name: str,
        text: str,
        parents: Mapping[str, Parent],
    ) -> None:
        self._database = database
        self._name = name
        self._text = text
        self._parents = parents

    def table(self, number: int) -> Table:
        """What it is; `number` is its place in the order of creation."""
        name, text = self._name, self._text
        strict, without_rowid = self._database.execute(
            "SELECT strict, wr FROM pragma_table_list(?) WHERE schema = 'main'", (name,)
        ).fetchone()
        rows = self._database.execute(
            'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
            (name,),
        ).fetchall()
        key = [row[0] for row in sorted(rows, key=lambda row: row[4]) if row[4]]
        every = list(self._columns(name, text, rows))
        return Table(
            name=name,
            number=number,
            columns=tuple(column for column in every if not column.is_generated),
            primary_key=tuple(key),
            foreign_keys=tuple(self._foreign_keys(name, text)),
            indexes=tuple(self._indexes(name)),
            checks=tuple(check.sql for check in check_constraints(text)),
            strict=bool(strict),
            without_rowid=bool(without_rowid),
            is_counted=bool(key) and not without_rowid and not self._has_key_index(name),
            generated=tuple(column for column in every if column.is_generated),
        )

    def _columns(self, table: str, text: str, rows: list[_ColumnRow]) -> Iterator[Column]:
        collations = self._collations(table, text, [row[0] for row in rows])
        is_any_generated = any(hidden for *_, hidden in rows)
        generated = dict(generated_columns(text)) if is_any_generated else {}
        for place, (name, declared, not_null, default, _, hidden) in enumerate(rows):
            yield Column(
                name,
                column_type(declared) or ColumnType.BLOB,  # as SQLite takes a column without a type
                declared,
                bool(not_null),
                None if default is None else self._default(declared, default),
                collation=collations.get(name, BINARY),
                expression=generated.get(name, ""),
                place=place if hidden else 0,
            )

    def _collations(self, table: str, text: str, names: list[str]) -> dict[str, str]:
        """Those of the columns, where any is named: an index over all of them tells."""
        if not names_collation(text):
            return {}
        index = f"{OURS}collations"
        columns = ", ".join(map(quote, names))
        self._database.execute(f"CREATE INDEX {index} ON {quote(table)} ({columns})")
        try:
            query = "SELECT name, upper(coll) FROM pragma_index_xinfo(?) WHERE key"
            return dict(self._database.execute(query, (index,)).fetchall())
        finally:
            self._database.execute(f"DROP INDEX {index}")

    def _default(self, declared: str, sql: str) -> Default:
        """A DEFAULT, with the value that a column of this type really stores for it."""
        if not is_literal(sql):
            return Default(sql, constant=False)
        type = quote(declared) if declared else ""
        self._database.execute(f"CREATE TEMP TABLE {OURS}default (x {type} DEFAULT ({sql}))")
        try:
            self._database.execute(f"INSERT INTO {OURS}default DEFAULT VALUES")
            (value,) = self._database.execute(f"SELECT x FROM {OURS}default").fetchone()
        finally:
            self._database.execute(f"DROP TABLE {OURS}default")
        stored: Value = value
        return Default(sql, constant=True, value=stored)

    def _foreign_keys(self, table: str, text: str) -> Iterator[ForeignKey]:
        rows = self._database.execute(
            'SELECT id, "table", "from", "to", on_update, on_delete'
            " FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq",
            (table,),
        ).fetchall()
        ids = dict.fromkeys(row[0] for row in rows)
        for id, deferred in zip(ids, deferred_references(text), strict=True):
            parts = [row for row in rows if row[0] == id]
            yield replace(self._foreign_key(table, parts), deferred=deferred)

    def _foreign_key(
        self, table: str, parts: list[tuple[int, str, str, str, str, str]]
    ) -> ForeignKey:
        spelling = parts[0][1]
        parent, key = self._parents.get(fold(spelling)) or Parent(spelling, ())
        spelled = {fold(name): name for name in key}
        own = {fold(name): name for name in self._column_names(table)}
        columns = tuple(own[fold(part[2])] for part in parts)
        targets = tuple(spelled.get(fold(str(part[3])), part[3]) for part in parts)
        if None in targets:
            targets = key
        elif sorted(targets) == sorted(key):
            pairs = dict(zip(targets, columns, strict=True))
            columns, targets = tuple(pairs[name] for name in key), key
        return ForeignKey(columns, parent, targets, on_update=parts[0][4], on_delete=parts[0][5])

    def _column_names(self, table: str) -> list[str]:
        rows = self._database.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        return [name for (name,) in rows]

    def _has_key_index(self, table: str) -> bool:
        """Whether the primary key is something else than the rowid."""
        return bool(
            self._database.execute(
                "SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'", (table,)
            ).fetchone()
        )

    def _indexes(self, table: str) -> Iterator[Index]:
        """All but the primary key's own, in order of creation."""
        rows = self._database.execute(
            'SELECT i.name, i."unique", i.partial, s.sql FROM pragma_index_list(?) AS i'
            " LEFT JOIN sqlite_schema AS s ON s.name = i.name"
            " WHERE i.origin <> 'pk' ORDER BY i.seq DESC",
            (table,),
        ).fetchall()
        for name, unique, partial, sql in rows:
            parts = self._database.execute(
                'SELECT name, "desc", upper(coll) FROM pragma_index_xinfo(?) WHERE key', (name,)
            ).fetchall()
            written = index_parts(sql) if sql else IndexParts((), "")
            terms = tuple(
                Term(written.terms[place] if column is None else quote(column), column or "", coll)
                for place, (column, _, coll) in enumerate(parts)
            )
            is_plain = not partial and all(term.is_plain for term in terms)
            yield Index(
                name=name,
                columns=tuple(term.column for term in terms) if is_plain else (),
                unique=bool(unique),
                descending=tuple(bool(descending) for _, descending, _ in parts),
                sql=sql,
                terms=() if is_plain else terms,
                where=written.where,
            )


def is_literal(sql: str) -> bool:
    """Whether a DEFAULT is a plain value: it then means the same at every insert."""
    parts = [token for token in tokens(sql) if token.text not in "()"]
    if parts and parts[0].text in ("-", "+"):
        parts = parts[1:]
        return len(parts) == 1 and parts[0].kind is Kind.NUMBER
    if len(parts) != 1:
        return False
    (token,) = parts
    return token.kind in (Kind.NUMBER, Kind.STRING, Kind.BLOB) or token.is_word(*_LITERAL_WORDS)
