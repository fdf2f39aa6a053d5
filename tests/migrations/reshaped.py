"""Made-up histories of migrations that rename, drop and build anew, each with which columns stay
the same ones."""

from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random

from electricsql.migrations import Source


@dataclass
class Known:
    """A table, and its columns, by what they are called now: which one each is, and whether it is
    NOT NULL."""

    identity: int
    columns: dict[str, int] = field(default_factory=dict)


@dataclass
class History:
    """Migrations, and what there is after each: the identity of each table, with those of its
    columns."""

    chance: Random
    sources: list[Source] = field(default_factory=list)
    after: list[dict[str, tuple[int, dict[str, int]]]] = field(default_factory=list)
    tables: dict[str, Known] = field(default_factory=dict)
    made: int = 0

    @classmethod
    def of(cls, seed: int, migrations: int) -> "History":
        """Some history, always the same for a seed."""
        history = cls(Random(seed))
        for number in range(migrations):
            history._migrate(number)
        return history

    def _migrate(self, number: int) -> None:
        used: set[str] = set()
        texts = []
        for _ in range(self.chance.randint(1, 3)):
            free = [name for name in self.tables if name not in used]
            action = self.chance.choice(_ACTIONS) if free else History._create
            table = self.chance.choice(free) if free else ""
            text = action(self, table)
            texts.append(text)
            used |= {table, *(each for each in self.tables if each not in free)}
        name = f"202401010000{number:05}_m{number}"
        self.sources.append(Source(name, "m", "\n".join(texts)))
        self.after.append(
            {each: (known.identity, {**known.columns}) for each, known in self.tables.items()}
        )

    def _new(self) -> int:
        self.made += 1
        return self.made

    def _name(self, taken: Collection[str]) -> str:
        names = [name for name in _NAMES if name not in taken]
        return self.chance.choice(names)

    def _create(self, _: str) -> str:
        if len(self.tables) > 5:
            return ""
        name = self._name(self.tables)
        known = self.tables[name] = Known(self._new(), {"id": self._new()})
        columns = ["id TEXT PRIMARY KEY NOT NULL"]
        for _number in range(self.chance.randint(0, 3)):
            column = self._name(known.columns)
            known.columns[column] = self._new()
            columns.append(f"{column} TEXT")
        return f"CREATE TABLE {name} ({', '.join(columns)});"

    def _add(self, table: str) -> str:
        known = self.tables[table]
        if len(known.columns) > 5:
            return ""
        column = self._name(known.columns)
        known.columns[column] = self._new()
        return f"ALTER TABLE {table} ADD COLUMN {column} TEXT DEFAULT 'x';"

    def _rename_column(self, table: str) -> str:
        known = self.tables[table]
        old = self.chance.choice([*known.columns])
        new = self._name(known.columns)
        known.columns = {new if each == old else each: i for each, i in known.columns.items()}
        return f"ALTER TABLE {table} RENAME COLUMN {old} TO {new};"

    def _drop_column(self, table: str) -> str:
        known = self.tables[table]
        rest = [*known.columns][1:]
        if not rest:
            return ""
        column = self.chance.choice(rest)
        del known.columns[column]
        return f"-- @drop {table}.{column}\nALTER TABLE {table} DROP COLUMN {column};"

    def _rename(self, table: str) -> str:
        new = self._name(self.tables)
        self.tables[new] = self.tables.pop(table)
        return f"ALTER TABLE {table} RENAME TO {new};"

    def _drop(self, table: str) -> str:
        del self.tables[table]
        text = f"-- @drop {table}\nDROP TABLE {table};"
        if self.chance.random() < 0.3:
            self.tables[table] = Known(self._new(), {"id": self._new()})
            text += f"\nCREATE TABLE {table} (id TEXT PRIMARY KEY NOT NULL);"
        return text

    def _rebuild(self, table: str) -> str:
        """Some columns stay, under this name or another; one may be new; in any order."""
        known = self.tables[table]
        key, *rest = known.columns
        kept = [name for name in rest if self.chance.random() < 0.7]
        pairs = {key: key}
        for stays in kept:
            pairs[self._name(known.columns.keys() | pairs.keys())] = stays
        new = self._name(known.columns.keys() | pairs.keys())
        names = [*pairs, *([new] if self.chance.random() < 0.5 else [])]
        self.chance.shuffle(names)
        identities = {n: known.columns[pairs[n]] if n in pairs else self._new() for n in names}
        drops = "".join(f"-- @drop {table}.{n}\n" for n in rest if n not in kept)
        lines = [f"{n} TEXT{' PRIMARY KEY NOT NULL' if n == key else ''}" for n in names]
        copy = ", ".join(pairs), ", ".join(pairs.values())
        called = self._name(self.tables) if self.chance.random() < 0.3 else table
        del self.tables[table]
        # The key stays the first of those that are known here.
        ordered = {key: identities.pop(key), **identities}
        self.tables[called] = Known(known.identity, ordered)
        other = called if called != table else f"new_{table}"
        text = (
            f"{drops}CREATE TABLE {other} ({', '.join(lines)});\n"
            f"INSERT INTO {other} ({copy[0]}) SELECT {copy[1]} FROM {table};\nDROP TABLE {table};"
        )
        return text if other == called else f"{text}\nALTER TABLE {other} RENAME TO {table};"


_NAMES = tuple("abcdefghijklmnop")
_ACTIONS = (
    *(History._create, History._add, History._rename_column, History._drop_column),
    *(History._rename, History._drop, History._rebuild),
)
