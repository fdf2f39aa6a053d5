"""Made-up applications: schema versions that follow each other, with lenses; and which register
each of their columns is, as whoever made them up knows it, and how values are converted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from electricsql.lenses import Added, Converted, Dropped, Kept, Lens, Lineage, TableLens
from electricsql.lenses.model import ColumnLens
from electricsql.schema import Column, ColumnType, Default, Schema, Table, Value
from tests.lenses.rules import RULES, Rule

NAMES = ("a", "b", "c", "d")
TABLES = ("t", "u", "v")
VALUES: Mapping[ColumnType, Sequence[Value]] = {
    ColumnType.TEXT: ("", "x", "y", "z", "down"),
    ColumnType.INTEGER: (0, 1, 2, 3, -1),
}
DOWNS = {ColumnType.TEXT: ("'down'", "'none'"), ColumnType.INTEGER: ("-1", "-2")}
SHOWN: Mapping[str, Value] = {
    "'down'": "down",
    "'none'": "none",
    "-1": -1,
    "-2": -2,
    "NULL": None,
}


@dataclass(frozen=True)
class Placed:
    """A column of one version, and the register that it is."""

    uid: str
    column: Column


@dataclass(frozen=True)
class Known:
    """A table of one version."""

    uid: str
    number: int
    columns: tuple[Placed, ...]


Version = dict[str, Known]
"""The tables of one version, by their names."""


@dataclass(frozen=True)
class Newer:
    """The newer form of a register: by which rule, in which version, and what failing comes to."""

    old: Placed
    new: Placed
    version: int
    rule: Rule
    on_error: str


@dataclass
class Application:
    """All versions, oldest first. `downs` has what older versions than the numbered one show for a
    register."""

    versions: list[Version] = field(default_factory=list)
    schemas: list[tuple[Schema, Lens]] = field(default_factory=list)
    downs: list[dict[str, str]] = field(default_factory=list)
    newer: dict[str, "Newer"] = field(default_factory=dict)

    def lineage(self, count: int) -> Lineage:
        """Of the first versions."""
        return Lineage(self.schemas[:count])

    def forms(self, uid: str, until: int) -> list[Newer]:
        """The newer forms of a register, oldest first."""
        found: list[Newer] = []
        while uid in self.newer and self.newer[uid].version <= until:
            found.append(self.newer[uid])
            uid = found[-1].new.uid
        return found

    def known(self, uid: str, until: int) -> Iterator[tuple[int, str, Known]]:
        """Where a table is, in each version that has it: oldest first."""
        for number, version in enumerate(self.versions[: until + 1]):
            for name, known in version.items():
                if known.uid == uid:
                    yield number, name, known


def application(random: Random, *, versions: int = 0, converts: bool | None = None) -> Application:
    """An application that changes 2 to 6 times (or has so many versions)."""
    made = Application()
    drafts = _Drafts(random, made.newer)
    if converts is None:
        converts = random.random() < 0.7
    for number in range(versions or random.randint(3, 7)):
        before = dict(drafts.tables)
        drafts.begin(number)
        for _ in range(random.randint(1, 3) if number else 2):
            drafts.change(converts=converts)
        drafts.end()
        made.versions.append(dict(drafts.tables))
        made.downs.append(dict(drafts.downs))
        made.schemas.append((_schema(drafts.tables, str(number)), drafts.lens(before)))
    return made


def _schema(tables: Version, version: str) -> Schema:
    made = {
        name: Table(name, each.number, tuple(p.column for p in each.columns), (_key_name(each),))
        for name, each in tables.items()
    }
    return Schema(made, version)


def _key_name(known: Known) -> str:
    return known.columns[0].column.name


class _Drafts:
    """A version in the making. The first column is the key."""

    def __init__(self, random: Random, newer: dict[str, Newer]) -> None:
        self._newer = newer
        self.tables: Version = {}
        self.downs: dict[str, str] = {}
        self._loosened: set[str] = set()
        self._random = random
        self._converted: dict[str, Newer] = {}
        self._before: set[Placed] = set()
        self._count = 0
        self._numbers = 0
        self._version = 0

    def begin(self, version: int) -> None:
        self._version = version
        self.downs = {}
        self._converted = {}
        self._before = {each for known in self.tables.values() for each in known.columns}

    def end(self) -> None:
        """Note what has become of converted columns in the same version."""
        there = {placed.uid: placed for known in self.tables.values() for placed in known.columns}
        for newer in self._converted.values():
            if newer.new.uid in there:
                self._newer[newer.old.uid] = replace(newer, new=there[newer.new.uid])
            else:
                del self._newer[newer.old.uid]

    def change(self, *, converts: bool = False) -> None:
        """Make one change that is possible."""
        steps = [self._add_table, self._drop_table, self._rename_table, self._swap_tables]
        steps += 2 * [self._add, self._drop, self._rename, self._swap]
        steps += [*2 * [self._loosen], self._set_default, self._reorder]
        if converts:
            steps += 5 * [self._convert]
        if not self.tables:
            steps = [self._add_table]
        self._random.choice(steps)()

    def lens(self, before: Version) -> Lens:
        """What has become of the version before."""
        was = {known.uid: (name, known) for name, known in before.items()}
        now = {known.uid for known in self.tables.values()}
        tables = [TableLens(was=name) for uid, (name, _) in was.items() if uid not in now]
        for name, known in self.tables.items():
            old_name, old = was.get(known.uid, ("", None))
            if old is None:
                added = tuple(Added(p.column.name, p.uid) for p in known.columns)
                tables.append(TableLens(name, uid=known.uid, columns=added))
            elif (old_name, old) != (name, known):
                tables.append(TableLens(name, old_name, columns=tuple(self._columns(old, known))))
        return Lens(tuple(tables))

    def _lens(self, newer: Newer, was: str, name: str) -> Converted:
        up, down = newer.rule.up.format(was), newer.rule.down.format(name)
        return Converted(name, newer.new.uid, up, down, was, newer.on_error)

    def _columns(self, old: Known, now: Known) -> Iterator[ColumnLens]:
        was = {placed.uid: placed.column.name for placed in old.columns}
        for placed in now.columns:
            name, uid = placed.column.name, placed.uid
            newer = self._converted.get(uid)
            if newer is not None and newer.old.uid in was:
                yield self._lens(newer, was.pop(newer.old.uid), name)
            elif uid in was:
                yield Kept(name, was.pop(uid), down=self.downs.get(uid, ""))
            else:
                yield Added(name, uid)
        for uid, name in was.items():
            yield Dropped(name, self.downs[uid])

    def _uid(self) -> str:
        self._count += 1
        return f"{self._version}:{self._count}"

    def _free(self, names: Sequence[str], taken: object) -> str | None:
        free = [name for name in names if name not in taken]  # type: ignore[operator]
        return self._random.choice(free) if free else None

    def _column(self, name: str) -> Column:
        type = self._random.choice(list(VALUES))
        value = self._random.choice(VALUES[type])
        default = Default(repr(value), constant=True, value=value)
        match self._random.randrange(3):
            case 0:
                return Column(name, type, type)
            case 1:
                return Column(name, type, type, default=default)
            case _:
                return Column(name, type, type, not_null=True, default=default)

    def _add_table(self) -> None:
        if (name := self._free(TABLES, self.tables)) is None:
            return
        self._numbers += 1
        key = Column("id", ColumnType.INTEGER, "INTEGER", not_null=True)
        columns = [key, *(self._column(each) for each in self._random.sample(NAMES, 2))]
        placed = tuple(Placed(self._uid(), column) for column in columns)
        self.tables[name] = Known(self._uid(), self._numbers, placed)

    def _any(self) -> tuple[str, Known]:
        return self._random.choice(list(self.tables.items()))

    def _drop_table(self) -> None:
        if self._version and len(self.tables) > 1:
            del self.tables[self._any()[0]]

    def _rename_table(self) -> None:
        name, known = self._any()
        if (new := self._free(TABLES, self.tables)) is not None:
            del self.tables[name]
            self.tables[new] = known

    def _swap_tables(self) -> None:
        if len(self.tables) > 1:
            one, other = self._random.sample(list(self.tables), 2)
            self.tables[one], self.tables[other] = self.tables[other], self.tables[one]

    def _put(self, name: str, columns: Sequence[Placed]) -> None:
        self.tables[name] = replace(self.tables[name], columns=tuple(columns))

    def _add(self) -> None:
        name, known = self._any()
        if (new := self._free(NAMES, {p.column.name for p in known.columns})) is not None:
            self._put(name, [*known.columns, Placed(self._uid(), self._column(new))])

    def _drop(self) -> None:
        name, known = self._any()
        known = replace(known, columns=self._old(known))
        if len(known.columns) > 2:
            loose = [placed for placed in known.columns if placed.uid in self._loosened]
            gone = self._random.choice(loose or known.columns[1:])
            takes_null = not gone.column.not_null and gone.uid not in self.downs
            is_null = takes_null and self._random.random() < 0.5
            self.downs[gone.uid] = "NULL" if is_null else self._down(gone)
            self._put(name, [each for each in self.tables[name].columns if each is not gone])

    def _down(self, placed: Placed) -> str:
        return self._random.choice(DOWNS[placed.column.type])

    def _renamed(self, name: str, names: Mapping[str, str]) -> None:
        columns = [
            replace(placed, column=replace(placed.column, name=names.get(old, old)))
            for placed in self.tables[name].columns
            for old in (placed.column.name,)
        ]
        self._put(name, columns)

    def _rename(self) -> None:
        name, known = self._any()
        if (new := self._free(NAMES, {p.column.name for p in known.columns})) is not None:
            self._renamed(name, {self._random.choice(known.columns).column.name: new})

    def _swap(self) -> None:
        name, known = self._any()
        if len(known.columns) > 2:
            one, other = (p.column.name for p in self._random.sample(known.columns[1:], 2))
            self._renamed(name, {one: other, other: one})

    def _with(self, name: str, old: Placed, column: Column) -> None:
        new = replace(old, column=column)
        columns = self.tables[name].columns
        self._put(name, [new if placed is old else placed for placed in columns])

    def _loosen(self) -> None:
        name, known = self._any()
        tight = [placed for placed in known.columns[1:] if placed.column.not_null]
        if tight and self._version:
            placed = self._random.choice(tight)
            if self._is_older(placed):
                self.downs[placed.uid] = self._down(placed)
            self._loosened.add(placed.uid)
            self._with(name, placed, replace(placed.column, not_null=False))

    def _old(self, known: Known) -> tuple[Placed, ...]:
        """The columns that were not converted in this version."""
        return tuple(each for each in known.columns if each.uid not in self._converted)

    def _convert(self) -> None:
        name, known = self._any()
        columns = [each for each in self._old(known)[1:] if each in self._before]
        if not columns:
            return
        old = self._random.choice(columns)
        rule = self._random.choice([rule for rule in RULES if rule.old is old.column.type])
        column = self._column(old.column.name)
        while column.type is not rule.new:
            column = self._column(old.column.name)
        new = Placed(self._uid(), column)
        default = self._random.choice(VALUES[rule.new])
        choices = ["hold", "hold", repr(default)] + ([] if column.not_null else ["NULL"])
        newer = Newer(old, new, self._version, rule, self._random.choice(choices))
        self._newer[old.uid] = self._converted[new.uid] = newer
        self._put(name, [new if each is old else each for each in known.columns])

    def _is_older(self, placed: Placed) -> bool:
        return not placed.uid.startswith(f"{self._version}:")

    def _set_default(self) -> None:
        name, known = self._any()
        placed = self._random.choice(known.columns[1:])
        value = self._random.choice(VALUES[placed.column.type])
        default = Default(repr(value), constant=True, value=value)
        self._with(name, placed, replace(placed.column, default=default))

    def _reorder(self) -> None:
        name, known = self._any()
        rest = self._random.sample(known.columns[1:], len(known.columns) - 1)
        self._put(name, [known.columns[0], *rest])
