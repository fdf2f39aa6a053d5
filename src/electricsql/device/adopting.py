"""Adopting tables that a file had before it took part, with their rows.

A migration that creates a table which is there already takes it over. If the two have the same text
the table stays where it is; else it is set aside, made anew by the migration, and filled from what
was set aside. Then all rows go into the oplog, as the device's first transactions: as offers
without a clock (`replication.Op.OFFER`), so that what anybody writes later wins, however late this
device comes, and two devices with the same rows have one row, not two.

All of it is part of the one SQLite transaction that prepares the file: it has happened, or it has
not. What is uploaded are pieces of a bounded size, each after those that it refers to.

What the migrations make on devices only comes when all rows are in their tables: a trigger does not
hear of rows that were there before, and an index for searching finds them. What of it the file has
already stays as it is, with its contents.

Not here: the order of the rows (`adopted_order.py`), and the app's triggers (`app_triggers.py`).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from electricsql.device.adopted_order import Run, in_order
from electricsql.device.app_triggers import keep_triggers, triggers_of
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.schemas import Schemas
from electricsql.device.unsent import new_seal
from electricsql.errors import DeviceError
from electricsql.limits import (
    ADOPTED_BYTES_MAX,
    ADOPTED_ROWS_MAX,
    ADOPTED_UNIQUE_ROWS_MAX,
    ROW_BYTES_MAX,
    TRANSACTION_CHANGES_MAX,
)
from electricsql.migrations import GUARD, OPLOG, created, fills, fits, is_marked, row_bytes
from electricsql.replication import NO_HLC, Op
from electricsql.schema import SPELLED, Column, Schema, Table, canonical, chained, quote, tokens

_ASIDE: Final = "_electric_aside_"
_SHOWN: Final = 3
_COMPUTED: Final = (2, 3)
"""What `pragma table_xinfo` says of generated columns."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the app's: under which name it is set aside (None: it stays), and its triggers."""

    name: str
    aside: str | None
    triggers: Sequence[str]


class Adoption:
    """The tables of one file that its new migrations would create, and are there already.

    The caller has a write transaction open, and foreign keys off.
    """

    def __init__(self, path: Path, database: sqlite3.Connection, statements: Iterable[str]) -> None:
        self._path = path
        self._database = database
        self._schemas = Schemas()
        self._tables: list[_Table] = []
        self._kept: set[str] = set()
        self.present: set[str] = set()
        """The statements that need not be run, or not yet."""
        self.later: list[str] = []
        """Those that are to be run when the rows are there."""
        local = []
        for statement in statements:
            self._meet(statement)
            if is_marked(statement) and statement not in self.present:
                local.append(statement)
        if self._tables:
            self.later = local
            self.present.update(local)

    def bring_in(self) -> None:
        """The migrations are applied: fill what was made anew.

        Raises:
            DeviceError: `unfit-rows`, `columns-missing`.
        """
        adopted = self._adopted()
        self._database.execute(f"INSERT INTO {GUARD} VALUES (1)")
        for each, table in adopted:
            if each.aside is not None:
                self._fill(table, each.aside)
        for _, table in adopted:
            self._refuse_unfit(table)
            self._spell(table)
        self._refuse_orphans(table for _, table in adopted)
        self._database.execute(f"DELETE FROM {GUARD}")

    def offer(self) -> None:
        """What was to come later is there, too: make the app's triggers again, and log all
        rows."""
        adopted = self._adopted()
        if adopted:
            schema = self._schema()
            for each, table in adopted:
                keep_triggers(self._database, each.triggers, table, schema)
            self._log(schema, [table for _, table in adopted])

    def _schema(self) -> Schema:
        return self._schemas.at(self._database, schema_version(self._database))

    def _adopted(self) -> list[tuple[_Table, Table]]:
        """The tables, as they were found and as they are."""
        if not self._tables:
            return []
        names = {name.lower(): table for name, table in self._schema().tables.items()}
        return [(each, names[each.name.lower()]) for each in self._tables]

    def _meet(self, statement: str) -> None:
        kind, name = created(statement)
        if self._kept and fills(statement) in self._kept:
            self.present.add(statement)
        row = self._database.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = ? AND lower(name) = lower(?)",
            (kind, name),
        ).fetchone()
        if row is None:
            return
        found, sql = row
        same = _spoken(sql) == _spoken(statement)
        if same:
            self.present.add(statement)
        if kind == "table" and is_marked(statement):
            if same:
                self._kept.add(name.lower())
            elif _spoken(sql)[1] == _spoken(statement)[1] == "VIRTUAL":
                self._database.execute(f"DROP TABLE {quote(found)}")
        elif kind == "table":
            self._tables.append(self._take(found, aside=not same))
        elif not same:
            self._database.execute(f"DROP {kind} {quote(found)}")

    def _take(self, name: str, *, aside: bool) -> _Table:
        triggers = triggers_of(self._database, name)
        for trigger, _ in triggers:
            self._database.execute(f"DROP TRIGGER {quote(trigger)}")
        kept = [sql for _, sql in triggers]
        if not aside:
            return _Table(name, None, kept)
        indexes = self._database.execute(
            "SELECT name FROM sqlite_schema"
            " WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
            (name,),
        ).fetchall()
        for (index,) in indexes:
            self._database.execute(f"DROP INDEX {quote(index)}")
        other = f"{_ASIDE}{len(self._tables)}"
        # Other tables, views and triggers go on referring to it by its old name.
        self._database.execute("PRAGMA legacy_alter_table = ON")
        self._database.execute(f"ALTER TABLE {quote(name)} RENAME TO {other}")
        self._database.execute("PRAGMA legacy_alter_table = OFF")
        return _Table(name, other, kept)

    def _fill(self, table: Table, aside: str) -> None:
        """Bring the rows over, with their rowids, which indexes of the app's may refer to."""
        found = self._database.execute(
            "SELECT name, hidden FROM pragma_table_xinfo(?)", (aside,)
        ).fetchall()
        known = {name.lower(): name for name in table.column_names}
        lost = [n for n, hidden in found if n.lower() not in known and hidden not in _COMPUTED]
        if lost:
            raise DeviceError(
                "columns-missing",
                f"{self._path} has the column {table.name}.{lost[0]}, and the app's migrations"
                " have not: its values would be lost.",
                "Add the column to the migrations, or drop it in the file.",
            )
        columns = [known[n.lower()] for n, _ in found if n.lower() in known]
        names = [quote(name) for name in columns]
        if "rowid" not in known and _has_rowid(self._database, aside) and not table.without_rowid:
            names.append("rowid")
        listed = ", ".join(names)
        try:
            self._database.execute(
                f"INSERT INTO {quote(table.name)} ({listed}) SELECT {listed} FROM {aside}"
            )
        except sqlite3.IntegrityError as error:
            raise self._unfit(table, f"break a rule of the app's migrations: {error}") from error
        self._database.execute(f"DROP TABLE {aside}")

    def _refuse_unfit(self, table: Table) -> None:
        unfit = {column.name: f"NOT ({_holds(table, column)})" for column in table.columns}
        name, size = quote(table.name), row_bytes(table)
        too_large = f"SELECT max({size}) FROM {name}"
        (largest,) = self._database.execute(too_large).fetchone()
        if (largest or 0) > ROW_BYTES_MAX:
            most = f"{ROW_BYTES_MAX >> 20} MiB is the most that a row may have"
            raise self._unfit(table, f"have up to {largest} bytes of text and blobs: {most}")
        any_unfit = f"SELECT EXISTS (SELECT 1 FROM {name} WHERE {' OR '.join(unfit.values())})"
        if self._database.execute(any_unfit).fetchone() == (0,):
            return
        for column in table.columns:
            rows = self._database.execute(
                f"SELECT substr(quote({quote(column.name)}), 1, 80) FROM {name}"
                f" WHERE {unfit[column.name]} LIMIT {_SHOWN}"
            ).fetchall()
            if rows:
                shown = ", ".join(text for (text,) in rows)
                what = f"have values in {column.name} that {column.type} cannot hold: {shown}"
                raise self._unfit(table, what)

    def _refuse_orphans(self, tables: Iterable[Table]) -> None:
        for table in tables:
            rows = self._database.execute(
                'SELECT DISTINCT "parent" FROM pragma_foreign_key_check(?)', (table.name,)
            ).fetchall()
            if rows:
                raise self._unfit(table, f"refer to rows of {rows[0][0]} that do not exist")

    def _unfit(self, table: Table, what: str) -> DeviceError:
        return DeviceError(
            "unfit-rows",
            f"{self._path} could not be adopted, and was left as it was: rows of {table.name}"
            f" {what}.",
            "Correct these rows in the file, or have the migrations take them (see"
            " docs/adopting.md).",
        )

    def _spell(self, table: Table) -> None:
        """Bring dates, times and UUIDs into their canonical spelling."""
        for column in table.columns:
            if column.type in SPELLED and column.name not in table.primary_key:
                name = quote(column.name)
                rows = self._database.execute(
                    f"SELECT DISTINCT {name} FROM {quote(table.name)}"
                    f" WHERE {name} IS NOT NULL AND NOT ({fits(column.type, name)})"
                ).fetchall()
                self._database.executemany(
                    f"UPDATE {quote(table.name)} SET {name} = ? WHERE {name} = ?",
                    [(canonical(column.type, value), value) for (value,) in rows],
                )

    def _log(self, schema: Schema, tables: Sequence[Table]) -> None:
        """Log all rows in order, and cut them into transactions."""
        cutting = _Cutting(self._database, schema.version)
        for batch in in_order(self._database, schema, tables):
            for run in batch.runs:
                self._log_run(run)
            unique = any(index.unique for run in batch.runs for index in run.table.indexes)
            rows_max = ADOPTED_UNIQUE_ROWS_MAX if unique else ADOPTED_ROWS_MAX
            width = max(len(run.table.columns) for run in batch.runs)
            cutting.cut(width, TRANSACTION_CHANGES_MAX if batch.together else rows_max)

    def _log_run(self, run: Run) -> None:
        table = run.table
        columns = ", ".join(map(quote, table.column_names))
        places = ", ".join(f"c{place}" for place in range(len(table.columns)))
        insert = (
            f"INSERT INTO {OPLOG} (tbl, op, at, {places})"
            f" SELECT {table.number}, {Op.OFFER}, 0, {columns} FROM {quote(table.name)}"
        )
        if run.keys is None:
            self._database.execute(f"{insert} ORDER BY {', '.join(map(quote, table.primary_key))}")
        else:
            equal = " AND ".join(f"{quote(name)} = ?" for name in table.primary_key)
            self._database.executemany(f"{insert} WHERE {equal}", run.keys)


class _Cutting:
    """Makes transactions of what was logged, of a bounded size."""

    def __init__(self, database: sqlite3.Connection, version: str | None) -> None:
        self._database = database
        self._version = version
        (self._first,) = database.execute(
            f"SELECT coalesce(max(seq), 0) + 1 FROM {OPLOG}"
        ).fetchone()

    def cut(self, width: int, rows_max: int) -> None:
        """What was logged since the last time: rows of so many columns at most."""
        size = chained([f"coalesce(length(c{place}), 0)" for place in range(width)], "+")
        logged = self._database.execute(
            f"SELECT seq, {size} FROM {OPLOG} WHERE seq >= ? ORDER BY seq", (self._first,)
        )
        rows = bytes = last = 0
        for seq, length in logged.fetchall():
            if rows == rows_max or (
                rows and rows_max <= ADOPTED_ROWS_MAX and bytes + length > ADOPTED_BYTES_MAX
            ):
                self._seal(last)
                rows = bytes = 0
            rows, bytes, last = rows + 1, bytes + length, seq
        if rows:
            self._seal(last)

    def _seal(self, last: int) -> None:
        meta = read_meta(self._database)
        self._database.execute(
            "INSERT INTO _electric_transactions"
            " (number, first_seq, last_seq, hlc, cursor, schema_version, seal)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(meta.number + 1, self._first, last, NO_HLC),
                *(str(meta.cursor) if meta.cursor else None, self._version, new_seal()),
            ),
        )
        write_meta(self._database, number=meta.number + 1)
        self._first = last + 1


def _holds(table: Table, column: Column) -> str:
    """The condition under which a column's value can be replicated."""
    value, is_key = quote(column.name), column.name in table.primary_key
    fit = f"({fits(column.type, value, canonical=is_key)})"
    return f"{value} IS NOT NULL AND {fit}" if is_key else f"{value} IS NULL OR {fit}"


def _spoken(sql: str) -> list[str]:
    """What a statement says, however it is laid out."""
    words = [token.text for token in tokens(sql)]
    head = [word.upper() for word in words[:6]]
    if "EXISTS" in head:
        del words[head.index("IF") : head.index("EXISTS") + 1]
    return [*(word.upper() for word in words[:2]), *words[2:]]


def _has_rowid(database: sqlite3.Connection, name: str) -> bool:
    (without,) = database.execute(
        "SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (name,)
    ).fetchone()
    return not without
