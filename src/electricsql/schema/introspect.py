"""Reading a schema back from a SQLite that ran the statements. The one place that opens a SQLite
here.

The database is in memory and empty: what is read is what the DDL made, not what its text looks
like.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from electricsql.errors import MigrationError
from electricsql.schema.model import Column, Default, ForeignKey, Index, Schema, Table, Value
from electricsql.schema.tokens import Kind, check_expressions, tokens
from electricsql.schema.types import column_type

OURS: Final = "_electric_"
_LITERAL_WORDS: Final = {"NULL", "TRUE", "FALSE"}


class Scratch:
    """An empty database to run migrations in, and to look at what they made.

    It remembers each table's number, and the tables it has read, since most migrations touch few.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.execute("PRAGMA foreign_keys = ON")
        self._numbers: dict[str, int] = {}
        self._read: dict[str, tuple[tuple[str, ...], Table]] = {}

    def run(self, statement: str) -> None:
        """Run one statement.

        Raises:
            sqlite3.Error: as SQLite says it.
        """
        self._database.execute(statement)

    def holds(self, condition: str, value: Value) -> bool:
        """Whether a condition is true of a value, which it calls `?1`."""
        return bool(self._database.execute(f"SELECT {condition}", (value,)).fetchone()[0])

    def close(self) -> None:
        self._database.close()

    def schema(self, version: str | None = None) -> Schema:
        """What is there now.

        Raises:
            MigrationError: something that can't be replicated: `unknown-type`,
            `missing-primary-key`,
                `foreign-key-target`, `generated-column`, `unportable-unique`.
        """
        texts = self._texts()
        for name in texts:
            self._numbers.setdefault(name, len(self._numbers) + 1)
        names = {name.lower(): name for name in texts}
        tables = {}
        for name, text in texts.items():
            read = self._read.get(name)
            if read is None or read[0] != text:
                read = self._read[name] = (text, self._table(name, text[0], names))
            tables[name] = read[1]
        return Schema(tables, version)

    def _texts(self) -> dict[str, tuple[str, ...]]:
        """Each table's CREATE statement and those of its indexes, in order of creation."""
        texts: dict[str, tuple[str, ...]] = {}
        rows = self._database.execute(
            "SELECT tbl_name, sql FROM sqlite_schema WHERE type IN ('table', 'index')"
            " AND tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY rowid"
        )
        for name, sql in rows:
            texts[name] = (*texts.get(name, ()), sql)
        return texts

    def _table(self, name: str, text: str, names: dict[str, str]) -> Table:
        strict, without_rowid = self._database.execute(
            "SELECT strict, wr FROM pragma_table_list(?) WHERE schema = 'main'", (name,)
        ).fetchone()
        rows = self._database.execute(
            'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
            (name,),
        ).fetchall()
        key = [row[0] for row in sorted(rows, key=lambda row: row[4]) if row[4]]
        if not key:
            raise MigrationError(
                "missing-primary-key",
                f"Table {name} has no PRIMARY KEY, so its rows can't be told apart on devices.",
                "Declare one, for example: id TEXT PRIMARY KEY NOT NULL",
            )
        return Table(
            name=name,
            number=self._numbers[name],
            columns=tuple(self._column(name, row) for row in rows),
            primary_key=tuple(key),
            foreign_keys=tuple(self._foreign_keys(name, names)),
            indexes=tuple(self._indexes(name)),
            checks=check_expressions(text),
            strict=bool(strict),
            without_rowid=bool(without_rowid),
        )

    def _column(self, table: str, row: tuple[str, str, int, str | None, int, int]) -> Column:
        name, declared, not_null, default, _, hidden = row
        if hidden:
            raise MigrationError(
                "generated-column",
                f"Column {table}.{name} is generated, which is not supported yet.",
                "Let the app store the value, or compute it in queries.",
            )
        type = column_type(declared, table=table, column=name)
        found = None if default is None else self._default(declared, default)
        return Column(name, type, declared, bool(not_null), found)

    def _default(self, declared: str, sql: str) -> Default:
        """A DEFAULT, with the value that a column of this type really stores for it."""
        if not _is_literal(sql):
            return Default(sql, constant=False)
        self._database.execute(f"CREATE TEMP TABLE {OURS}default (x {declared} DEFAULT ({sql}))")
        try:
            self._database.execute(f"INSERT INTO {OURS}default DEFAULT VALUES")
            (value,) = self._database.execute(f"SELECT x FROM {OURS}default").fetchone()
        finally:
            self._database.execute(f"DROP TABLE {OURS}default")
        stored: Value = value
        return Default(sql, constant=True, value=stored)

    def _foreign_keys(self, table: str, names: dict[str, str]) -> Iterator[ForeignKey]:
        rows = self._database.execute(
            'SELECT id, "table", "from", "to", on_update, on_delete'
            " FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq",
            (table,),
        ).fetchall()
        for id in dict.fromkeys(row[0] for row in rows):
            parts = [row for row in rows if row[0] == id]
            yield self._foreign_key(table, names, parts)

    def _foreign_key(
        self, table: str, names: dict[str, str], parts: list[tuple[int, str, str, str, str, str]]
    ) -> ForeignKey:
        parent = names.get(parts[0][1].lower())
        if parent is None:
            raise MigrationError(
                "foreign-key-target",
                f"Table {table} refers to table {parts[0][1]}, which does not exist.",
                "Create that table in this migration or an earlier one.",
            )
        key = self._primary_key(parent)
        spelled = {name.lower(): name for name in key}
        own = {name.lower(): name for name in self._column_names(table)}
        columns = [own[part[2].lower()] for part in parts]
        targets = [part[3] for part in parts]
        if None in targets:
            targets = list(key)
        pairs = {
            spelled.get(to.lower()): column for to, column in zip(targets, columns, strict=False)
        }
        if set(pairs) != set(key) or len(targets) != len(columns):
            raise MigrationError(
                "foreign-key-target",
                f"A foreign key of {table} refers to {parent} ({', '.join(map(str, targets))}),"
                f" which is not its primary key ({', '.join(key)}).",
                "Refer to the primary key: it is what rows are known by on every device.",
            )
        return ForeignKey(
            columns=tuple(pairs[name] for name in key),
            parent=parent,
            parent_columns=key,
            on_update=parts[0][4],
            on_delete=parts[0][5],
        )

    def _column_names(self, table: str) -> list[str]:
        rows = self._database.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return [name for (name,) in rows]

    def _primary_key(self, table: str) -> tuple[str, ...]:
        rows = self._database.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)
        )
        return tuple(name for (name,) in rows)

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
                'SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE key', (name,)
            ).fetchall()
            portable = not partial and all(
                column is not None and collation == "BINARY" for column, _, collation in parts
            )
            if unique and not portable:
                raise MigrationError(
                    "unportable-unique",
                    f"The unique index {name} of {table} is partial, on an expression, or has a"
                    " collation: Postgres could not keep the same rule.",
                    "Make it unique over plain columns, or make the index not unique.",
                )
            yield Index(
                name=name,
                columns=tuple(column for column, _, _ in parts) if portable else (),
                unique=bool(unique),
                descending=tuple(bool(descending) for _, descending, _ in parts),
                sql=sql,
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
