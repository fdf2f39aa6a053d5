"""The app that simulated devices run: its schema in two versions, and what its users write.

Every transaction inserts one row of its own into `log`, so what a database has received shows as a
set. `lefts` and `rights` are always written together and alike, so half a transaction shows; whose
value they have shows, too. `children` refer to `parents`. Nothing here is random: a number says
what is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from electricsql.migrations import Source, build
from electricsql.replication import AppliedMigration, RowId
from electricsql.schema import Key, Schema, Value

MIGRATIONS: Final = (
    Source(
        "20240101000000001_first",
        "first",
        """\
CREATE TABLE log (id INTEGER PRIMARY KEY NOT NULL);
CREATE TABLE lefts (id INTEGER PRIMARY KEY NOT NULL, value TEXT);
CREATE TABLE rights (id INTEGER PRIMARY KEY NOT NULL, value TEXT);
CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL, name TEXT);
CREATE TABLE children (
    id INTEGER PRIMARY KEY NOT NULL,
    parent INTEGER NOT NULL REFERENCES parents (id),
    note TEXT NOT NULL DEFAULT 'none'
);
""",
    ),
    Source(
        "20240101000000002_second",
        "second",
        "ALTER TABLE parents ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';",
    ),
)
KEYS: Final = 3
PAIRS_KEPT: Final = (1, 2)
"""The pairs that nobody deletes: their values tell who wrote last."""

Shown = Mapping[RowId, Mapping[str, Value]]
"""What a database's tables hold."""


@dataclass(frozen=True)
class Version:
    """A schema version, and the migration that leads to it."""

    migration: AppliedMigration
    schema: Schema

    @property
    def name(self) -> str:
        return self.migration.name


def _versions() -> tuple[Version, ...]:
    return tuple(
        Version(
            AppliedMigration(
                built.source.name, built.source.title, built.source.sha256, built.statements
            ),
            built.schema,
        )
        for built in build(MIGRATIONS).migrations
    )


VERSIONS: Final = _versions()


def schema_at(version: int) -> Schema:
    """The schema after so many migrations."""
    return VERSIONS[version - 1].schema if version else Schema({})


class Verb(IntEnum):
    """What a statement does. A put inserts the row, or changes these columns of it."""

    PUT = 0
    SET = 1
    REMOVE = 2


class Statement(NamedTuple):
    """One statement about one row. `SET` and `REMOVE` do nothing where there is none."""

    verb: Verb
    table: str
    key: Key
    values: Mapping[str, Value] = {}

    def sql(self) -> tuple[str, tuple[Value, ...]]:
        """As SQLite and Postgres take it, with `?` for values."""
        names = ", ".join(("id", *self.values))
        sets = ", ".join(f"{name} = ?" for name in self.values)
        given = tuple(self.values.values())
        match self.verb:
            case Verb.PUT:
                marks = ", ".join("?" * (1 + len(given)))
                update = f"UPDATE SET {sets}" if sets else "NOTHING"
                sql = f"INSERT INTO {self.table} ({names}) VALUES ({marks})"
                return f"{sql} ON CONFLICT (id) DO {update}", (*self.key, *given, *given)
            case Verb.SET:
                return f"UPDATE {self.table} SET {sets} WHERE id = ?", (*given, *self.key)
            case Verb.REMOVE:
                return f"DELETE FROM {self.table} WHERE id = ?", self.key


def transactions_in(shown: Shown) -> int:
    """Which transactions a database has: a bit for each serial number."""
    serials = [1 << key[0] for table, key in shown if table == "log"]  # type: ignore[operator]
    return sum(serials)


def statements(serial: int, number: int, shown: Shown, version: int) -> list[Statement]:
    """The transaction `serial`, in a database that shows this. At most one statement a row."""
    made = {RowId("log", (serial,)): Statement(Verb.PUT, "log", (serial,))}
    number, more = divmod(number, 3)
    for _ in range(1 + more):
        number, choice = divmod(number, len(_WRITES))
        number, one = divmod(number, KEYS)
        number, other = divmod(number, KEYS)
        for each in _WRITES[choice](shown, (one + 1,), (other + 1,), f"t{serial}"):
            made.setdefault(RowId(each.table, each.key), each)
    if version > 1 and number % 2:
        key = (number % KEYS + 1,)
        colour = Statement(Verb.SET, "parents", key, {"colour": f"c{serial}"})
        made.setdefault(RowId("parents", key), colour)
    return list(made.values())


def toggled(serial: int, shown: Shown) -> list[Statement]:
    """The transaction `serial`, which inserts the last pair, or deletes it."""
    log = Statement(Verb.PUT, "log", (serial,))
    return [log, *_toggle_pair(shown, (), (), f"t{serial}")]


def has_last_pair(shown: Shown) -> bool:
    """Whether the last pair is there."""
    return RowId("lefts", (KEYS,)) in shown


def _put_pair(_: Shown, key: Key, __: Key, text: str) -> Iterator[Statement]:
    yield Statement(Verb.PUT, "lefts", key, {"value": text})
    yield Statement(Verb.PUT, "rights", key, {"value": text})


def _toggle_pair(shown: Shown, _: Key, __: Key, text: str) -> Iterator[Statement]:
    for table in ("lefts", "rights"):
        if RowId(table, (KEYS,)) in shown:
            yield Statement(Verb.REMOVE, table, (KEYS,))
        else:
            yield Statement(Verb.PUT, table, (KEYS,), {"value": text})


def _put_child(shown: Shown, key: Key, parent: Key, text: str) -> Iterator[Statement]:
    if RowId("parents", parent) not in shown:
        yield Statement(Verb.PUT, "parents", parent, {"name": text})
    yield Statement(Verb.PUT, "children", key, {"parent": parent[0], "note": text})


def _rename_parent(_: Shown, key: Key, __: Key, text: str) -> Iterator[Statement]:
    yield Statement(Verb.SET, "parents", key, {"name": text})


def _remove_parent(shown: Shown, key: Key, _: Key, __: str) -> Iterator[Statement]:
    for row_id, values in shown.items():
        if row_id.table == "children" and values["parent"] == key[0]:
            yield Statement(Verb.REMOVE, "children", row_id.key)
    yield Statement(Verb.REMOVE, "parents", key)


def _remove_child(_: Shown, key: Key, __: Key, ___: str) -> Iterator[Statement]:
    yield Statement(Verb.REMOVE, "children", key)


def _note_child(_: Shown, key: Key, __: Key, text: str) -> Iterator[Statement]:
    yield Statement(Verb.SET, "children", key, {"note": text})


_WRITES: Final = (
    *3 * (_put_pair,),
    *3 * (_toggle_pair,),
    *2 * (_put_child,),
    _rename_parent,
    *2 * (_remove_parent,),
    _remove_child,
    _note_child,
)
