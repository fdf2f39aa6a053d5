"""Reading a schema back from a SQLite that ran the statements. The one place that opens a SQLite
here.

The database is in memory and empty: what is read is what the DDL made, not what its text looks
like. What can't be replicated is read like anything else: `checks` says what is wrong with it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from electricsql.schema.model import (
    BINARY,
    Column,
    ColumnType,
    Default,
    ForeignKey,
    Index,
    Schema,
    Table,
    Term,
    Value,
)
from electricsql.schema.tokens import (
    IndexParts,
    Kind,
    check_constraints,
    deferred_references,
    generated_columns,
    index_parts,
    quote,
    tokens,
)
from electricsql.schema.types import column_type

OURS: Final = "_electric_"
_LITERAL_WORDS: Final = {"NULL", "TRUE", "FALSE"}


_ColumnRow = tuple[str, str, int, str | None, int, int]
"""What `pragma table_xinfo` tells: name, type, NOT NULL, DEFAULT, place in the key, hidden."""


class _Read(NamedTuple):
    """A table as it was read: what it depends on is its own text, and that of its parents."""

    text: tuple[str, ...]
    parents: Mapping[str, str | None]
    table: Table


class Scratch:
    """An empty database to run migrations in, and to look at what they made.

    It remembers each table's number, and the tables it has read, since most migrations touch few.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.execute("PRAGMA foreign_keys = ON")
        self._numbers: dict[str, int] = {}
        self._local: set[str] = set()
        self.once_local: set[str] = set()
        """The lower-case names of all tables that local statements ever made."""
        self._read: dict[str, _Read] = {}

    def run(self, statement: str, values: Sequence[Value] = (), *, local: bool = False) -> None:
        """Run one statement. Tables that a `local` one makes are no part of the schema.

        Raises:
            sqlite3.Error: as SQLite says it.
        """
        before = self._names() if local else set()
        try:
            self._database.execute(statement, values)
        except (sqlite3.Warning, ValueError, OverflowError) as error:  # what Python makes of some
            raise sqlite3.ProgrammingError(str(error)) from error
        if local:
            names = self._names()
            self._local = (self._local & names) | (names - before)
            self.once_local |= self._local

    def is_local(self, table: str) -> bool:
        """Whether a table was made by a local statement."""
        return table.lower() in self._local

    def table_of_index(self, index: str) -> str:
        """The table that an index is of; empty if there is none."""
        found = self._database.execute(
            "SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND lower(name) = lower(?)",
            (index,),
        ).fetchone()
        return str(found[0]) if found else ""

    def copy(self) -> "Scratch":
        """Another one with the same contents."""
        copy = Scratch()
        self._database.backup(copy._database)
        copy._numbers, copy._read = dict(self._numbers), dict(self._read)
        copy._local, copy.once_local = set(self._local), set(self.once_local)
        return copy

    def holds(self, condition: str, value: Value) -> bool:
        """Whether a condition is true of a value, which it calls `?1`."""
        return bool(self._database.execute(f"SELECT {condition}", (value,)).fetchone()[0])

    def broken(self) -> Iterator[tuple[str, str]]:
        """The views that can't be read and the triggers that can't fire, each with what SQLite
        says."""
        objects = self._database.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type IN ('view', 'trigger')"
        )
        for kind, name, table, sql in objects.fetchall():
            try:
                if kind == "trigger":
                    self._database.execute(self._firing(table, sql))
                else:
                    self._database.execute(f"SELECT * FROM {quote(name)} LIMIT 0")
            except sqlite3.Error as error:
                yield name, str(error)

    def local_parents(self) -> Iterator[tuple[str, str]]:
        """The tables that are not replicated, each with the replicated ones it refers to."""
        rows = self._database.execute(
            'SELECT s.name, k."table" FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS k'
            " WHERE s.type = 'table' GROUP BY 1, 2"
        )
        for name, parent in rows.fetchall():
            if self.is_local(name) and not self.is_local(parent):
                yield name, parent

    def close(self) -> None:
        self._database.close()

    def schema(self, version: str | None = None) -> Schema:
        """What is there now."""
        texts = self._texts()
        for name in texts:
            self._numbers.setdefault(name, len(self._numbers) + 1)
        creations = {name.lower(): text[0] for name, text in texts.items()}
        tables = {}
        for name, text in texts.items():
            read = self._read.get(name)
            if read is None or read.text != text or not creations.items() >= read.parents.items():
                table = self._table(name, text[0], {each.lower(): each for each in texts})
                parents = {key.parent.lower() for key in table.foreign_keys}
                read = _Read(text, {each: creations.get(each) for each in parents}, table)
                self._read[name] = read
            tables[name] = read.table
        return Schema(tables, version)

    def _texts(self) -> dict[str, tuple[str, ...]]:
        """Each table's CREATE statement and those of its indexes, in order of creation."""
        texts: dict[str, tuple[str, ...]] = {}
        rows = self._database.execute(
            "SELECT tbl_name, sql FROM sqlite_schema WHERE type IN ('table', 'index')"
            " AND tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY rowid"
        )
        for name, sql in rows:
            if name.lower() not in self._local:
                texts[name] = (*texts.get(name, ()), sql)
        return texts

    def _names(self) -> set[str]:
        rows = self._database.execute("SELECT lower(name) FROM sqlite_schema WHERE type = 'table'")
        return {name for (name,) in rows}

    def _table(self, name: str, text: str, names: dict[str, str]) -> Table:
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
            number=self._numbers[name],
            columns=tuple(column for column in every if not column.is_generated),
            primary_key=tuple(key),
            foreign_keys=tuple(self._foreign_keys(name, text, names)),
            indexes=tuple(self._indexes(name)),
            checks=tuple(check.sql for check in check_constraints(text)),
            strict=bool(strict),
            without_rowid=bool(without_rowid),
            is_counted=bool(key) and not without_rowid and not self._has_key_index(name),
            generated=tuple(column for column in every if column.is_generated),
        )

    def _firing(self, table: str, trigger: str) -> str:
        """A statement on no rows that a trigger would fire for."""
        name, columns = quote(table), [quote(each) for each in self._column_names(table)]
        event = next(t for t in tokens(trigger) if t.is_word("INSERT", "UPDATE", "DELETE"))
        if event.is_word("INSERT"):
            listed = ", ".join(columns)
            return f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {name} WHERE false"
        if event.is_word("UPDATE"):
            same = ", ".join(f"{each} = {each}" for each in columns)
            return f"UPDATE {name} SET {same} WHERE false"
        return f"DELETE FROM {name} WHERE false"

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
                expression=generated[name] if hidden else "",
                place=place if hidden else 0,
            )

    def _collations(self, table: str, text: str, names: list[str]) -> dict[str, str]:
        """Those of the columns, where any is named: an index over all of them tells."""
        if not any(token.is_word("COLLATE") for token in tokens(text)):
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
        if not _is_literal(sql):
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

    def _foreign_keys(self, table: str, text: str, names: dict[str, str]) -> Iterator[ForeignKey]:
        rows = self._database.execute(
            'SELECT id, "table", "from", "to", on_update, on_delete'
            " FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq",
            (table,),
        ).fetchall()
        ids = dict.fromkeys(row[0] for row in rows)
        for id, deferred in zip(ids, deferred_references(text), strict=True):
            parts = [row for row in rows if row[0] == id]
            yield replace(self._foreign_key(table, names, parts), deferred=deferred)

    def _foreign_key(
        self, table: str, names: dict[str, str], parts: list[tuple[int, str, str, str, str, str]]
    ) -> ForeignKey:
        parent = names.get(parts[0][1].lower(), parts[0][1])
        key = self._primary_key(parent)
        spelled = {name.lower(): name for name in key}
        every = self._database.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        own = {name.lower(): name for (name,) in every}
        columns = tuple(own[part[2].lower()] for part in parts)
        targets = tuple(spelled.get(str(part[3]).lower(), part[3]) for part in parts)
        if None in targets:
            targets = key
        elif sorted(targets) == sorted(key):
            pairs = dict(zip(targets, columns, strict=True))
            columns, targets = tuple(pairs[name] for name in key), key
        return ForeignKey(columns, parent, targets, on_update=parts[0][4], on_delete=parts[0][5])

    def _column_names(self, table: str) -> list[str]:
        rows = self._database.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return [name for (name,) in rows]

    def _primary_key(self, table: str) -> tuple[str, ...]:
        rows = self._database.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)
        )
        return tuple(name for (name,) in rows)

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


def _is_literal(sql: str) -> bool:
    """Whether a DEFAULT is a plain value: it then means the same at every insert."""
    parts = [token for token in tokens(sql) if token.text not in "()"]
    if parts and parts[0].text in ("-", "+"):
        parts = parts[1:]
        return len(parts) == 1 and parts[0].kind is Kind.NUMBER
    if len(parts) != 1:
        return False
    (token,) = parts
    return token.kind in (Kind.NUMBER, Kind.STRING, Kind.BLOB) or token.is_word(*_LITERAL_WORDS)
