"""What sessions do in their transactions, and how it is written down.

Workload A reads all registers and writes some; workload B appends rows to a list, which it reads
whole; a transaction may do both. Each also reads the schema's register: the number of migrations
that its database has. So whoever shows a column's value before the column's migration, or what was
written by someone who knew a later schema, is found out.

Besides there is churn, which no history tells of: topics and notes come and go, and foreign keys
hold them together. It only has to end equal everywhere.

    registers   `<row>/<column>`; the first migrations add a column to all rows
    lists       `list/<n>`; a new one from time to time, so that none gets long
    schema      `schema`

The SQL is such that SQLite and Postgres both understand it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeAlias

Row: TypeAlias = Sequence[Any]
Execute: TypeAlias = Callable[..., Sequence[Row]]
"""Runs a statement with its parameters (`?1`, `?2`, …) and gives all rows."""
Op: TypeAlias = tuple[str, str, Any]

TABLES: Final = """\
CREATE TABLE registers (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT);
CREATE TABLE entries (id TEXT PRIMARY KEY NOT NULL, list TEXT NOT NULL, value TEXT NOT NULL);
-- @allow device-local-key reason="the tests give them"
CREATE TABLE topics (id INTEGER PRIMARY KEY NOT NULL, title TEXT NOT NULL);
CREATE TABLE notes (
    id TEXT PRIMARY KEY NOT NULL,
    topic INTEGER NOT NULL REFERENCES topics (id),
    body TEXT NOT NULL
);
CREATE TABLE markers (id TEXT PRIMARY KEY NOT NULL, round INTEGER NOT NULL);
"""
NAMES: Final = ("registers", "entries", "topics", "notes", "markers")
SCHEMA: Final = "schema"
ROWS: Final = 8
TOPICS: Final = 6
_COLUMNS_UNTIL: Final = 10
"""The last migration that adds a column."""
TRANSACTIONS_PER_LIST: Final = 20
"""Of one session; then it appends to the next list."""


def seed(execute: Execute) -> None:
    """The rows that hold registers, all without a value."""
    for row in range(ROWS):
        execute("INSERT INTO registers (id) VALUES (?1)", f"r{row}")


def version(migrations: int) -> str:
    """What the schema's register holds after so many migrations."""
    return f"v{migrations}"


def added(number: int) -> str:
    """The migration `number`: it adds a column to the registers; with many of them reading all
    would become slow, so later ones add a table that nobody uses."""
    if number <= _COLUMNS_UNTIL:
        return f"ALTER TABLE registers ADD COLUMN m{number} TEXT;\n"
    return f"CREATE TABLE m{number} (id TEXT PRIMARY KEY NOT NULL);\n"


@dataclass
class Deed:
    """One transaction of a session: its operations, as they are done."""

    value: str
    """What it writes, wherever it writes: no other transaction writes that."""
    execute: Execute
    random: Random
    ops: list[Op] = field(default_factory=list)

    def read_schema(self, sql: str) -> None:
        """Read the schema's register."""
        ((migrations,),) = self.execute(sql)
        self.ops.append(("r", SCHEMA, version(migrations)))

    def read_registers(self) -> dict[str, Any]:
        """Read all of them."""
        columns = self._columns()
        names = ", ".join(f'"{column}"' for column in columns)
        found = {}
        for id, *values in self.execute(f"SELECT id, {names} FROM registers ORDER BY id"):
            for column, value in zip(columns, values, strict=True):
                found[f"{id}/{column}"] = value
        self.ops.extend(("r", key, value) for key, value in found.items())
        return found

    def _columns(self) -> list[str]:
        """Those that the schema which was read has."""
        assert self.ops and self.ops[0][1] == SCHEMA, "the schema is read first"
        migrations = int(self.ops[0][2].removeprefix("v"))
        last = min(migrations, _COLUMNS_UNTIL)
        return ["a", "b", *(f"m{number}" for number in range(2, last + 1))]

    def write_registers(self) -> None:
        """Read all, and write up to three."""
        found = self.read_registers()
        for key in self.random.sample(sorted(found), min(len(found), self.random.randint(0, 3))):
            id, column = key.split("/")
            self.execute(f'UPDATE registers SET "{column}" = ?1 WHERE id = ?2', self.value, id)
            self.ops.append(("w", key, self.value))

    def read_list(self, name: str) -> None:
        """Read a list whole."""
        rows = self.execute("SELECT value FROM entries WHERE list = ?1 ORDER BY id", name)
        self.ops.append(("r", name, [value for (value,) in rows]))

    def append(self, name: str) -> None:
        """Append a row to a list, and read the list."""
        entry = f"{name}:{self.value}"
        self.execute("INSERT INTO entries VALUES (?1, ?2, ?3)", entry, name, self.value)
        self.ops.append(("append", name, self.value))
        self.read_list(name)

    def churn(self) -> None:
        """Make, change or remove a topic or a note."""
        topic = self.random.randrange(TOPICS)
        (there,) = self.execute("SELECT count(*) FROM topics WHERE id = ?1", topic)[0]
        notes = self.execute("SELECT id FROM notes WHERE topic = ?1 ORDER BY id LIMIT 3", topic)
        if not there:
            self.execute("INSERT INTO topics VALUES (?1, ?2)", topic, self.value)
        elif not notes and self.random.random() < 0.5:
            self.execute("DELETE FROM topics WHERE id = ?1", topic)
            return
        for (note,) in notes:
            if self.random.random() < 0.3:
                self.execute("UPDATE notes SET body = ?1 WHERE id = ?2", self.value, note)
            else:
                self.execute("DELETE FROM notes WHERE id = ?1", note)
        if self.random.random() < 0.5:
            self.execute("INSERT INTO notes VALUES (?1, ?2, ?3)", self.value, topic, self.value)

    def mark(self, round: int) -> None:
        """Leave a mark, by which everybody can see that all before it has arrived."""
        self.execute("INSERT INTO markers VALUES (?1, ?2)", self.value, round)


def work(deed: Deed, schema_sql: str, index: int) -> None:
    """A session's transaction number `index`."""
    deed.read_schema(schema_sql)
    list_number = index // TRANSACTIONS_PER_LIST
    dice = deed.random.random()
    if dice < 0.6:
        deed.write_registers()
    if dice > 0.45:
        deed.append(f"list/{list_number}")
    if deed.random.random() < 0.3:
        deed.read_list(f"list/{max(0, list_number - deed.random.randint(1, 2))}")
    if deed.random.random() < 0.2:
        deed.churn()


def look(deed: Deed, schema_sql: str) -> None:
    """A session's final read, of all that there is."""
    deed.read_schema(schema_sql)
    deed.read_registers()
    for (name,) in deed.execute("SELECT DISTINCT list FROM entries ORDER BY list"):
        deed.read_list(name)
