"""Migrations by chance: most of them SQL that means something, some of them broken.

A maker remembers what its statements should have made, roughly, so that later ones can be about it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from electricsql.schema import quote

_NAMES: Final = (
    *("notes", "people", "a", "b", "id", "n", "stars", "body", "parent", "created_at", "key"),
    *("order", "select", "user", "end", "group", "offset", "window", "check", "table", "rowid"),
    *(
        "Notes",
        "CamelCase",
        "größe",
        "名前",
        "😀",
        "a b",
        'say "hi"',
        "it's",
        "a.b",
        "a;b",
        "--",
        "%",
    ),
    *("xmin", "ctid", "oid", "tableoid", "_electric_x", "electric", "sqlite_x", "pg_x", "1st"),
    *("l" * 63, "l" * 64, "ä" * 32, "old", "new", "true", "current_date", "excluded", "\\n"),
)
_TYPES: Final = {
    "INTEGER": ("0", "-7", "9223372036854775807", "1.5", "'1'", "TRUE"),
    "INT": ("1", "(2)", "+3"),
    "REAL": ("0.5", "1", "-1e300", "9e999", "'x'"),
    "DOUBLE PRECISION": ("0", "1.5"),
    "TEXT": (
        "''",
        "'it''s; --'",
        "'a\\b'",
        "NULL",
        "1",
        "CURRENT_TIMESTAMP",
        "(hex(randomblob(4)))",
    ),
    "VARCHAR(10)": ("'x'", "'x' || 'y'"),
    "NUMERIC": ("12", "-0.25", "'12'"),
    "DECIMAL(10,2)": ("1.50",),
    "BLOB": ("x''", "x'00ff'", "'text'"),
    "BOOLEAN": ("TRUE", "0", "1", "2", "'true'"),
    "DATE": ("'2024-02-29'", "CURRENT_DATE", "'2024-2-29'", "0"),
    "TIME": ("'23:59:59'", "CURRENT_TIME"),
    "DATETIME": ("'2024-02-29 23:59:59'", "CURRENT_TIMESTAMP", "(datetime('now'))"),
    "TIMESTAMPTZ": ("'2024-02-29 23:59:59+00:00'", "CURRENT_TIMESTAMP"),
    "UUID": ("'2b0d7b3d-6f0c-4f0e-9d3c-1f1f1f1f1f1f'", "'x'"),
    "JSON": ("'{}'", "'null'", "'{'", "'[1, 2]'"),
    "": ("1",),
    "MONEY": ("'1'",),
    "ENUM('a','b')": ("'a'",),
}
_STRICT: Final = {"INTEGER", "INT", "REAL", "TEXT", "BLOB"}
_CONDITIONS: Final = (
    "{0} IS NOT NULL", "length({0}) < 10", "{0} <> ''", "{0} IN ('a', 'b')", "{0} > 0",
    "{0} >= -1.5", "{0} BETWEEN 0 AND 100", "NOT {0} = 1", "coalesce({0}, '') <> 'x'",
    "trim({0}) = {0}", "{0} = TRUE", "{0} LIKE 'a%'", "{0} % 2 = 0", "{0}", "{0} = {1}",
    "{0} <> {1} OR {1} IS NULL", "{0} > {1}", "CASE WHEN {0} > 0 THEN {1} END", "{0} == 'a'",
    "lower({0}) = {0}", "{0} = 1 AND {1} = 2", "typeof({0}) = 'text'", "json_valid({0})",
    "{0} > '2024-01-01'", "1 = 1", "{0} IS {1}", "{0} + 1 > 0", "-{0} < 5",
    "({0}, {1}) IN ((1, 2))", "{0} NOT NULL", "{0} = 0.1", "(SELECT 1)", "{0} = nowhere",
)  # fmt: skip
_ANY: Final = ("{0} IS NOT NULL", "{0} IS NULL OR {1} IS NOT NULL")
_TEXTS: Final = (
    "length({0}) < 10", "{0} <> ''", "{0} IN ('a', 'b', '')", "coalesce({0}, '') <> 'x'",
    "trim({0}) = {0}", "{0} == 'a' OR {0} IS NULL", "replace({0}, 'a', 'b') <> 'b'",
)  # fmt: skip
_NUMBERS: Final = (
    "{0} > 0", "{0} >= -1.5", "{0} BETWEEN 0 AND 100", "NOT {0} = 1", "{0} <> 5 OR {0} IS NULL",
    "CASE WHEN {0} > 0 THEN {0} < 9 END", "{0} IN (0, 1, -1)",
)  # fmt: skip
_SANE: Final = {
    **dict.fromkeys(("TEXT", "VARCHAR(10)"), (*_ANY, *_TEXTS)),
    **dict.fromkeys(("INTEGER", "INT", "REAL", "DOUBLE PRECISION"), (*_ANY, *_NUMBERS)),
    **dict.fromkeys(("NUMERIC", "DECIMAL(10,2)"), (*_ANY, *_NUMBERS)),
}
_COMPUTED: Final = (
    ("INTEGER", "length({0})"), ("INTEGER", "{0} + 1"), ("TEXT", "coalesce({0}, '')"),
    ("TEXT", "{0} || {1}"), ("BOOLEAN", "{0} > 1"), ("TEXT", "trim({0})"), ("INTEGER", "{0}"),
    ("INTEGER", "CASE WHEN {0} > 1 THEN 1 ELSE 0 END"), ("TEXT", "upper({0})"), ("TEXT", "{0}"),
)  # fmt: skip
_TERMS: Final = (
    "{0}", "{0}", "{0}", "{0} DESC", "{0} COLLATE NOCASE", "lower({0})", "length({0})", "{0} + 1",
    "coalesce({0}, '')", "{0} || {1}", "{0} COLLATE RTRIM", "substr({0}, 1, 2)", "random()", "1",
)  # fmt: skip
_ACTIONS: Final = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
_ODD: Final = (
    "INSERT INTO {0} DEFAULT VALUES", "UPDATE {0} SET {1} = 1", "DELETE FROM {0}", "SELECT 1",
    "BEGIN", "COMMIT", "PRAGMA foreign_keys = OFF", "VACUUM", "ATTACH ':memory:' AS y",
    "CREATE TEMP TABLE x (y)", "CREATE TABLE made AS SELECT * FROM {0}",
    "CREATE VIEW v AS SELECT * FROM {0}", "DROP VIEW v",
    "CREATE TRIGGER g AFTER INSERT ON {0} BEGIN DELETE FROM {0}; END", "DROP TRIGGER g",
    "REINDEX", "CREATE VIRTUAL TABLE f USING fts5({1})", "EXPLAIN SELECT 1", "SAVEPOINT s",
    "ANALYZE", ";", "", "ALTER TABLE {0} RENAME", "CREATE TABLE", "CREATE INDEX", "ALTER TABLE",
    "DROP TABLE", "CREATE", "CREATE TABLE main.{0} (id TEXT PRIMARY KEY NOT NULL)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "CREATE TABLE IF NOT EXISTS {0} (id TEXT PRIMARY KEY NOT NULL)",
    "DROP TABLE IF EXISTS nowhere", "CREATE TABLE t\0 (id TEXT PRIMARY KEY NOT NULL)",
    "\ufeffCREATE TABLE z (x)", "VALUES (1)",
)  # fmt: skip
_DIRECTIVES: Final = (
    '-- @allow device-local-key reason="by chance"',
    '-- @allow unique-can-collide reason="by chance"', "-- @allow nothing",
    "-- @unique {0}.{1} on-conflict=quarantine", "-- @local-only",
    "-- @unique {0}.{1} on-conflict=keep-first", "-- @check {0}.{1} on-conflict=quarantine",
    '-- @allow device-only-index reason="by chance"', "-- @", "-- @x",
)  # fmt: skip
_SCRAPS: Final = (
    "(", ")", ",", "'", '"', ";", "--", "/*", "*/", "\0", "\r\n", "NOT", "NULL", "x'", "é", "[",
)  # fmt: skip


@dataclass
class _Table:
    """What there is, by the names as they are."""

    name: str
    columns: list[str]
    types: dict[str, str] = field(default_factory=dict)


class Maker:
    """Makes up an application's migrations."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._pick = self._random.choice
        self._oddness = self._pick((0.0, 0.02, 0.1))
        self._tables: list[_Table] = []
        self._named = 0

    def migrations(self) -> list[str]:
        """Some texts, one after the other."""
        texts = [self._migration() for _ in range(self._pick((1, 1, 2, 3)))]
        if self._chance(self._oddness * 2):
            texts[-1] = self._broken(texts[-1])
        return texts

    def _migration(self) -> str:
        made = [self._statement() for _ in range(self._pick((1, 2, 3, 4)))]
        end = self._pick((";\n", ";", " ;\n\n-- a comment; with 'quotes\n"))
        return "".join(f"{statement}{end}" for statement in made)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _odd(self) -> bool:
        return self._chance(self._oddness)

    def _statement(self) -> str:
        if self._odd():
            name = self._spelled(self._some().name) if self._tables else "notes"
            column = self._spelled(self._pick(self._some().columns)) if self._tables else "id"
            return self._directive() + self._pick(_ODD).format(name, column)
        if not self._tables or self._chance(0.35):
            return self._create_table()
        makers: Sequence[Callable[[], str]] = (
            *(self._add_column, self._add_column, self._create_index, self._create_index),
            *((self._rename, self._drop, self._rebuild) if self._chance(0.2) else ()),
            *((self._local,) if self._chance(0.4) else ()),
        )
        return self._directive() + self._pick(makers)()

    def _some(self) -> _Table:
        return self._pick(self._tables)

    def _directive(self) -> str:
        if not self._odd() or not self._tables:
            return ""
        table = self._some()
        return self._pick(_DIRECTIVES).format(table.name, self._pick(table.columns)) + "\n"

    def _name(self) -> str:
        self._named += 1
        if self._odd() or self._chance(0.05):
            return self._pick(_NAMES)
        return f"{self._pick(('t', 'item', 'x'))}{self._named}"

    def _spelled(self, name: str) -> str:
        if self._odd():
            return self._pick((name, name.upper(), f"[{name}]", f"`{name}`", f"'{name}'"))
        plain = name.isidentifier() and name.isascii() and name[-1].isdigit()
        return name if plain else quote(name)

    def _create_table(self) -> str:
        table = _Table(self._name(), [])
        key = self._pick(("id", "id", "id", "uid"))
        table.columns.append(key)
        composite = self._chance(0.15)
        lines = [self._key(table, composite=composite)]
        for _ in range(self._pick((0, 1, 2, 3, 5))):
            lines.append(self._column(table))
        if composite:
            keys = list(dict.fromkeys([key, self._pick(table.columns)]))
            lines.append(f"PRIMARY KEY ({', '.join(map(self._spelled, keys))})")
        policies = self._constraints(table, lines)
        self._tables.append(table)
        options = self._pick(("", "", "", " WITHOUT ROWID"))
        if {*table.types.values()} <= _STRICT or self._odd():
            options = self._pick((options, " STRICT"))
        comment = " /* c; */" if self._chance(0.1) else ""
        head = f"CREATE TABLE {self._spelled(table.name)}{comment} (\n    "
        return self._directive() + policies + head + ",\n    ".join(lines) + f"\n){options}"

    def _key(self, table: _Table, *, composite: bool) -> str:
        name = table.columns[0]
        types = ("TEXT", "TEXT", "UUID", "VARCHAR", "DATE", "INT", "BLOB", "REAL", "BOOLEAN")
        type = table.types[name] = self._pick(types) if self._chance(0.3) else "TEXT"
        if composite:
            return f"{name} {type} NOT NULL"
        odd = ("", "INTEGER PRIMARY KEY", "PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
        return f"{name} {self._pick(odd) if self._odd() else f'{type} PRIMARY KEY NOT NULL'}"

    def _column(self, table: _Table) -> str:
        name = self._name()
        type = self._pick([*_TYPES][: None if self._odd() else 16])
        parts = [self._spelled(name), type]
        if self._chance(0.3):
            parts.append("NOT NULL")
        if self._chance(0.4):
            defaults = _TYPES[type]
            parts.append(f"DEFAULT {defaults[0] if self._chance(0.7) else self._pick(defaults)}")
        if self._chance(0.15):
            parts.append(f"CHECK ({self._condition([name], type)})")
        if self._tables and self._chance(0.15):
            parent = self._some()
            if not self._odd():
                type = parts[1] = parent.types[parent.columns[0]]
            parts.append(self._reference(parent))
        if len(table.columns) > 1 and self._chance(0.06):
            type, computed = self._pick(_COMPUTED)
            one, other = (self._spelled(self._pick(table.columns[1:])) for _ in range(2))
            stored = self._pick(("", " VIRTUAL", " STORED"))
            parts = [parts[0], type, f"AS ({computed.format(one, other)}){stored}"]
        elif self._odd() or self._chance(0.02):
            odd = (
                "UNIQUE",
                "COLLATE NOCASE",
                f"AS ({self._condition(table.columns)})",
                "NULL",
                "PRIMARY KEY",
            )
            parts.append(self._pick((*odd, "GENERATED ALWAYS AS (1 + 1) STORED", "CONSTRAINT c")))
        table.columns.append(name)
        table.types[name] = type
        return " ".join(parts)

    def _reference(self, parent: _Table) -> str:
        key = f" ({self._spelled(parent.columns[0])})" if self._chance(0.7) else ""
        actions = [
            f" ON {event} {self._pick(_ACTIONS)}"
            for event in ("DELETE", "UPDATE")
            if self._chance(0.3)
        ]
        late = self._pick(("", "", " DEFERRABLE INITIALLY DEFERRED", " NOT DEFERRABLE"))
        return f"REFERENCES {self._spelled(parent.name)}{key}{''.join(actions)}{late}"

    def _condition(self, columns: Sequence[str], type: str = "") -> str:
        one, other = (self._spelled(self._pick(columns)) for _ in range(2))
        sane = _CONDITIONS if self._chance(0.2) else _SANE.get(type, _ANY)
        condition = self._pick(sane).format(one, other)
        joined = self._pick((" AND ", " OR "))
        more = self._pick(sane).format(one, other)
        return f"({condition}){joined}{more}" if self._chance(0.2) else condition

    def _constraints(self, table: _Table, lines: list[str]) -> str:
        """Add constraints of the table; gives the policies that they need."""
        policies = ""
        if self._chance(0.15):
            some = self._random.sample(table.columns, min(2, len(table.columns)))
            lines.append(f"UNIQUE ({', '.join(map(self._spelled, some))})")
            if self._chance(0.8):
                policies += self._policy("unique", table, some)
        if self._chance(0.15):
            name = f"rule{self._named}"
            lines.append(f"CONSTRAINT {name} CHECK ({self._condition(table.columns)})")
            if self._chance(0.3):
                policies += f"-- @check {table.name}.{name} on-conflict=quarantine\n"
        if self._tables and self._chance(0.1):
            column = self._spelled(table.columns[-1])
            lines.append(f"FOREIGN KEY ({column}) {self._reference(self._some())}")
        return policies

    def _policy(self, kind: str, table: _Table, columns: Sequence[str]) -> str:
        policy = self._pick(("quarantine", "keep-first"))
        named = ", ".join(map(quote, columns))
        return f"-- @{kind} {quote(table.name)}({named}) on-conflict={policy}\n"

    def _add_column(self) -> str:
        table = self._some()
        return f"ALTER TABLE {self._spelled(table.name)} ADD COLUMN {self._column(table)}"

    def _create_index(self) -> str:
        table = self._some()
        terms = [
            self._pick(_TERMS if self._chance(0.3) else _TERMS[:1]).format(
                *(self._spelled(self._pick(table.columns)) for _ in range(2))
            )
            for _ in range(self._pick((1, 1, 2)))
        ]
        unique = "UNIQUE " if self._chance(0.15) else ""
        where = f" WHERE {self._condition(table.columns)}" if self._chance(0.15) else ""
        named = self._name()
        if self._chance(0.05):
            named = f"{table.name}_{self._pick(('pkey', f'{table.columns[0]}_key'))}"
        named = self._spelled(named)
        on = f"{self._spelled(table.name)} ({', '.join(terms)})"
        return f"CREATE {unique}INDEX {named} ON {on}{where}"

    def _local(self) -> str:
        """Something that only devices have."""
        table, name = self._some(), self._name()
        on, column = self._spelled(table.name), self._spelled(table.columns[0])
        forms = (
            f"CREATE VIEW {self._spelled(name)} AS SELECT {column} FROM {on}",
            f"-- @local-only\nCREATE TABLE {self._spelled(name)} (x, y DEFAULT 1)",
            f"CREATE VIRTUAL TABLE {self._spelled(name)} USING fts5(x)",
            f"-- @local-only\nCREATE TRIGGER {self._spelled(name)} AFTER INSERT ON {on} BEGIN"
            f" UPDATE {on} SET {column} = NEW.{column} WHERE {column} = NEW.{column}; END",
        )
        return self._pick(forms)

    def _rename(self) -> str:
        table, new = self._some(), self._name()
        head = f"ALTER TABLE {self._spelled(table.name)} RENAME"
        if self._chance(0.5):
            table.name = new
            return f"{head} TO {self._spelled(new)}"
        place = self._random.randrange(len(table.columns))
        old, table.columns[place] = table.columns[place], new
        table.types[new] = table.types.get(old, "TEXT")
        return f"{head} COLUMN {self._spelled(old)} TO {self._spelled(new)}"

    def _drop(self) -> str:
        table = self._some()
        if self._chance(0.5) and len(table.columns) > 1:
            gone = self._spelled(table.columns.pop())
            return f"ALTER TABLE {self._spelled(table.name)} DROP COLUMN {gone}"
        self._tables.remove(table)
        return f"DROP TABLE {self._spelled(table.name)}"

    def _rebuild(self) -> str:
        old = self._some()
        name, kept = self._spelled(old.name), ", ".join(map(self._spelled, old.columns))
        made = self._create_table()
        new = self._tables.pop()
        old.columns, old.types = new.columns, new.types
        copied = f"INSERT INTO {self._spelled(new.name)} SELECT {kept} FROM {name}"
        renamed = f"ALTER TABLE {self._spelled(new.name)} RENAME TO {name}"
        return ";\n".join((made, copied, f"DROP TABLE {name}", renamed))

    def _broken(self, text: str) -> str:
        """A text that somebody has damaged."""
        at, other = sorted(self._random.randrange(len(text) + 1) for _ in range(2))
        forms = (
            text[:at] + text[other:],
            text[:at] + self._pick(_SCRAPS) + text[at:],
            text[:at],
            text[:other] + text[at:],
            text.replace(";", ""),
            text.replace("\n", "\r\n"),
            text + text,
        )
        return self._pick(forms)
