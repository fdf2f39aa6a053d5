"""Running migrations in a SQLite, and reading back the schema that they made.

The database is in memory and empty: what is read is what the DDL made, not what its text looks
like. How a table is read is in `reading.py`; what is wrong with it is for `checks` to say.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple, TypeAlias

from electricsql.limits import SCRATCH_PAGES_MAX, SCRATCH_STEPS_MAX
from electricsql.schema.model import Schema, Table, Value, fold
from electricsql.schema.reading import Parent, Reader, primary_key
from electricsql.schema.tokens import about_one_table, quote, tokens

_TEXTS: Final = (
    "SELECT tbl_name, sql FROM sqlite_schema WHERE type IN ('table', 'index')"
    " AND tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY rowid"
)
_LOOKS_MAX: Final = 100
Texts: TypeAlias = dict[str, tuple[str, ...]]
"""Each table's CREATE statement and those of its indexes, in order of creation."""


class _Read(NamedTuple):
    """A table as it was read: what it depends on is its own text, and the keys of its parents."""

    text: tuple[str, ...]
    parents: Mapping[str, Parent | None]
    table: Table


@dataclass(frozen=True, slots=True)
class _Listed:
    """What there is: the tables' texts, the names of tables as SQLite compares them, and the names
    of everything, as it compares them; `any_code` if there are views or triggers."""

    texts: Texts
    names: dict[str, str]
    taken: set[str]
    any_code: bool


class Scratch:
    """An empty database to run migrations in, and to look at what they made.

    It gives each table a number, which no other one ever gets, and remembers the tables it has
    read, since most migrations touch few.

    After each ALTER, SQLite parses the whole schema again, which takes milliseconds where there are
    hundreds of tables. So a statement about one table is run in a database that has only this one,
    and in the one with all tables as soon as something needs that.
    """

    def __init__(self) -> None:
        self._all = _opened()
        self._late: list[str] = []
        self._has_rows = False
        self._listed: _Listed | None = None
        self._numbers: dict[str, int] = {}
        self._last_number = 0
        self._local: set[str] = set()
        self.once_local: set[str] = set()
        """The lower-case names of all tables that local statements ever made."""
        self._read: dict[str, _Read] = {}
        self._parents: dict[str, Parent] = {}

    @property
    def _database(self) -> sqlite3.Connection:
        """The one with all tables, brought up to date."""
        late, self._late = self._late, []
        for statement in late:
            self._all.execute(statement)
        return self._all

    def run(self, statement: str, values: Sequence[Value] = (), *, local: bool = False) -> None:
        """Run one statement. Tables that a `local` one makes are no part of the schema.

        Raises:
            sqlite3.Error: as SQLite says it.
        """
        before = self._names() if local else set()
        try:
            if values:
                self._has_rows = True
                _run_bounded(self._database, statement, values)
            elif local or self._has_rows or not self._run_alone(statement):
                self._listed = None
                _run_bounded(self._database, statement)
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

    def copy(self, names: Iterable[str] | None = None) -> "Scratch":
        """Another one with the same contents; or with some of its tables, and nothing else."""
        copy = Scratch()
        copy._numbers, copy._last_number = dict(self._numbers), self._last_number
        if names is None:
            self._database.backup(copy._all)
        else:
            texts = self._list().texts
            copy._late += [sql for name in names for sql in texts.get(name, ())]
        copy._local, copy.once_local = set(self._local), set(self.once_local)
        return copy

    def holds(self, condition: str, value: Value) -> bool:
        """Whether a condition is true of a value, which it calls `?1`."""
        return bool(self._all.execute(f"SELECT {condition}", (value,)).fetchone()[0])

    def broken(self) -> Iterator[tuple[str, str]]:
        """The views that can't be read and the triggers that can't fire, each with what SQLite
        says."""
        if not self._list().any_code:
            return
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
        if not self._local:
            return
        rows = self._database.execute(
            'SELECT s.name, k."table" FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS k'
            " WHERE s.type = 'table' GROUP BY 1, 2"
        )
        for name, parent in rows.fetchall():
            if self.is_local(name) and not self.is_local(parent):
                yield name, parent

    def close(self) -> None:
        self._all.close()

    def identify(self, numbers: Mapping[str, int], gone: Iterable[str] = ()) -> None:
        """Say which tables are not new under their names, by their numbers; `gone` are names whose
        tables are there no more."""
        for name in gone:
            self._numbers.pop(name, None)
        self._numbers |= numbers
        self._last_number = max((self._last_number, *numbers.values()))

    def schema(self, version: str | None = None) -> Schema:
        """What is there now, at the end of a version: new tables get their numbers."""
        texts = self._list().texts
        if texts.keys() != self._numbers.keys():
            known = self._numbers
            self._numbers = {}
            for name in texts:
                self._last_number += name not in known
                self._numbers[name] = known.get(name, self._last_number)
        return self.look(version)

    def look(self, version: str | None = None) -> Schema:
        """What is there now, in the midst of a version: new tables have no number yet."""
        texts, numbers = self._list().texts, self._numbers
        gone = self._read.keys() - texts.keys()
        for name in gone:
            del self._read[name], self._parents[fold(name)]
        read = self._read
        changed = [
            name
            for name, text in texts.items()
            if name not in read
            or read[name].text != text
            or read[name].table.number != numbers.get(name, 0)
        ]
        if gone:
            changed += self._dependants(read.keys() - changed)
        if changed:
            self._read_again(changed)
        tables = sorted((read[name].table for name in texts), key=lambda table: table.number)
        return Schema({table.name: table for table in tables}, version)

    def _names(self) -> set[str]:
        rows = self._database.execute("SELECT lower(name) FROM sqlite_schema WHERE type = 'table'")
        return {name for (name,) in rows}

    def _columns(self, table: str) -> list[str]:
        """Those that can be written."""
        rows = self._database.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return [quote(name) for (name,) in rows]

    def _firing(self, table: str, trigger: str) -> str:
        """A statement on no rows that a trigger would fire for."""
        name, columns = quote(table), self._columns(table)
        event = next(t for t in tokens(trigger) if t.is_word("INSERT", "UPDATE", "DELETE"))
        if event.is_word("INSERT"):
            listed = ", ".join(columns)
            return f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {name} WHERE false"
        if event.is_word("UPDATE"):
            same = ", ".join(f"{each} = {each}" for each in columns)
            return f"UPDATE {name} SET {same} WHERE false"
        return f"DELETE FROM {name} WHERE false"

    def _read_again(self, changed: Sequence[str]) -> None:
        """Read tables whose texts have changed, and those to whose foreign keys that matters."""
        texts = self._list().texts
        with ExitStack() as stack:
            opened = {name: stack.enter_context(self._only(name)) for name in changed}
            keys = {name: primary_key(database, name) for name, database in opened.items()}
            new = {fold(name): Parent(name, key) for name, key in keys.items()}
            if not self._parents.items() >= new.items():
                self._parents |= new
                for name in self._dependants(texts.keys() - opened.keys()):
                    opened[name] = stack.enter_context(self._only(name))
            for name, database in opened.items():
                reader = Reader(database, name, texts[name][0], self._parents)
                table = reader.table(self._numbers.get(name, 0))
                parents = {fold(key.parent): None for key in table.foreign_keys}
                known = {parent: self._parents.get(parent) for parent in parents}
                self._read[name] = _Read(texts[name], known, table)

    def _dependants(self, names: Iterable[str]) -> Iterator[str]:
        """The tables that refer to others which have come, are gone, or have another key."""
        for name in names:
            parents = self._read[name].parents.items()
            if any(self._parents.get(parent) != known for parent, known in parents):
                yield name

    def _list(self) -> _Listed:
        if self._listed is None:
            every = self._database.execute("SELECT name, type FROM sqlite_schema").fetchall()
            texts = _texts(self._all, self._local)
            names = {fold(name): name for name in texts}
            any_code = any(kind in ("view", "trigger") for _, kind in every)
            self._listed = _Listed(texts, names, {fold(name) for name, _ in every}, any_code)
        return self._listed

    def _run_alone(self, statement: str) -> bool:
        """Run a statement that is about one table, and no other; False if it is not one."""
        about = about_one_table(statement)
        if about is None:
            return False
        listed = self._list()
        name = listed.names.get(fold(about.table), "")
        if fold(about.made) in listed.taken or bool(name) == about.is_new:
            return False
        with self._only(name) as database:
            if database is self._all:
                return False
            database.execute(statement)
            made = _texts(database)
            for each in made:  # what a computed column is made of is looked at when it is read
                database.execute(f"SELECT * FROM {quote(each)} LIMIT 0")
        listed.texts.update(made)
        listed.names.update((fold(name), name) for name in made)
        if about.made:
            listed.taken.add(fold(about.made))
        self._late.append(statement)
        return True

    @contextmanager
    def _only(self, name: str) -> Iterator[sqlite3.Connection]:
        """A database that has this table and no other; the one with all tables, if SQLite does not
        take its own text again."""
        with closing(_opened()) as database:
            try:
                for sql in self._list().texts.get(name, ()):
                    database.execute(sql)
            except sqlite3.Error:
                yield self._database
            else:
                yield database


def _opened() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute(f"PRAGMA max_page_count = {SCRATCH_PAGES_MAX}")
    return database


def _run_bounded(
    database: sqlite3.Connection, statement: str, values: Sequence[Value] = ()
) -> None:
    """Run a statement that may have no end: what devices have of their own is anything."""
    looks = count(1)
    database.set_progress_handler(lambda: next(looks) > _LOOKS_MAX, SCRATCH_STEPS_MAX // _LOOKS_MAX)
    try:
        database.execute(statement, values)
    except sqlite3.OperationalError as error:
        if str(error) != "interrupted":
            raise
        problem = f"the statement has no end, or takes more than {SCRATCH_STEPS_MAX:,} steps"
        raise sqlite3.OperationalError(problem) from None
    finally:
        database.set_progress_handler(None, 0)


def _texts(database: sqlite3.Connection, without: Collection[str] = ()) -> Texts:
    texts: Texts = {}
    for name, sql in database.execute(_TEXTS):
        if name.lower() not in without:
            texts[name] = (*texts.get(name, ()), sql)
    return texts
