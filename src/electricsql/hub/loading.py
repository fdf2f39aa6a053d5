"""Loading the rows that a merge can touch, locked so that nobody changes them until it commits.

Rows are locked table by table in order of their keys, and a table's rows before their shadows,
which is the order in which a direct write comes by its locks. Each step is a statement of its own:
under READ COMMITTED it sees what was committed while the one before waited.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final

import asyncpg

from electricsql.hub.capture import key_name, shadow_of, user_table
from electricsql.hub.clocks import KnownClocks
from electricsql.hub.connection import Connection
from electricsql.hub.selecting import SHADOW_TEXT, kept, read_shadow
from electricsql.hub.values import cast, finish, parameter_type, stored, to_send, wire
from electricsql.limits import STATEMENTS_MAX
from electricsql.replication import Clock, Row, RowId
from electricsql.schema import Column, ForeignKey, Key, Schema, Table, Value, quote

_UPDATE: Final = "FOR UPDATE"
_KEY_SHARE: Final = "FOR KEY SHARE"
_NO_SHADOW: Final = Row({}, {})


class LoadedRows(dict[RowId, Row | None]):
    """Rows by id, None for one that isn't there."""

    def __init__(self) -> None:
        super().__init__()
        self.xids: dict[RowId, int] = {}
        """Who stamped the shadow, where there is one."""
        self.unlocked: set[RowId] = set()
        """Those that anybody may change or delete meanwhile."""


class Loader:
    """Loads rows of one merge."""

    def __init__(
        self, connection: Connection, schema: Schema, known: KnownClocks, horizon: int
    ) -> None:
        self.rows = LoadedRows()
        self.clocks: dict[int, Clock] = {}
        self._connection = connection
        self.schema = schema
        self._known = known
        self._horizon = horizon
        self._bare: dict[tuple[str, int], Row] = {}
        """Shadows as rows without values, by their text: many rows share one."""

    async def load(self, row_ids: Collection[RowId], *, lock: bool = True) -> None:
        """Load rows with their shadows."""
        for table, ids in self._by_table(row_ids):
            keys = [row_id.key for row_id in ids]
            how = _UPDATE if lock else ""
            values = await self._values(table, keys, how)
            shadows = await self._load_shadows(table, keys, lock)
            if any(place not in values and bare.alive for place, bare in shadows.items()):
                values = await self._values(table, keys, how)  # it came in between
            if table.hidden_columns:
                values = await self._with_hidden(table, keys, values)
            gone = [place for place, bare in shadows.items() if not bare.alive]
            values.update(await self._kept(table, keys, gone, table.columns))
            self.rows.update(dict.fromkeys(ids))
            self.rows.unlocked.difference_update(ids)
            if not lock:
                self.rows.unlocked.update(ids)
            for place, found in values.items():
                self.rows[ids[place]] = Row(found, *shadows.get(place, _NO_SHADOW)[1:])

    async def stored(
        self, meant: Mapping[RowId, Row]
    ) -> dict[RowId, tuple[Mapping[str, Value] | None, Row]]:
        """What the tables show of these rows, and the rows with their shadows as they are now."""
        stored = {}
        for table, ids in self._by_table(meant):
            keys = [row_id.key for row_id in ids]
            values = await self._values(table, keys, "")
            for place, bare in (await self._load_shadows(table, keys, False)).items():
                row_id = ids[place]
                stored[row_id] = values.get(place), Row(meant[row_id].values, *bare[1:])
        return stored

    async def load_parents(self, row_ids: Collection[RowId]) -> None:
        """See to it that live rows stay alive; load those that aren't alive, to be revived.

        A live parent is not changed by the merge of a child, so its values are left out.
        """
        absent: list[RowId] = []
        for table, ids in self._by_table(row_ids):
            alive = await self._alive(table, [row_id.key for row_id in ids])
            for place, row_id in enumerate(ids):
                if place in alive:
                    key = dict(zip(table.primary_key, row_id.key, strict=True))
                    self.rows[row_id] = Row(key, {})
                else:
                    absent.append(row_id)
        await self.load(absent)

    async def load_children(self, row_ids: Collection[RowId]) -> None:
        """Load the live rows that refer to these."""
        by_table: defaultdict[str, list[Key]] = defaultdict(list)
        for row_id in row_ids:
            by_table[row_id.table].append(row_id.key)
        found: set[RowId] = set()
        for name, keys in by_table.items():
            for child, foreign_key in self.schema.children_of(name):
                found.update(await self._children(child, foreign_key, keys))
        await self.load(found - self.rows.keys(), lock=False)

    async def learn_clocks(self) -> None:
        """Get the clocks of all transactions that the rows mention."""
        ids = {id for bare in self._bare.values() for id in bare.transactions()}
        if unknown := ids - self.clocks.keys():
            self.clocks.update(await self._known.of(self._connection, unknown, self._horizon))

    def _by_table(self, row_ids: Collection[RowId]) -> list[tuple[Table, list[RowId]]]:
        grouped: defaultdict[str, list[RowId]] = defaultdict(list)
        for row_id in row_ids:
            grouped[row_id.table].append(row_id)
        return [(table, grouped[table.name]) for table in self.schema if table.name in grouped]

    async def _values(
        self, table: Table, keys: Sequence[Key], lock: str
    ) -> dict[int, Mapping[str, Value]]:
        columns = ", ".join(wire(c, stored(c, "u")) for c in table.visible)
        records = await self._connection.fetch(
            f"SELECT k.place, {columns} {_find_rows(table, lock)}", *key_parameters(table, keys)
        )
        return _named(table.visible, records)

    async def _with_hidden(
        self, table: Table, keys: Sequence[Key], values: Mapping[int, Mapping[str, Value]]
    ) -> dict[int, Mapping[str, Value]]:
        """Values of living rows, with those of the columns that the table does not have."""
        hidden = await self._kept(table, keys, list(values), table.hidden_columns)
        nobodys = {column.name: column.default_value for column in table.hidden_columns}
        return {place: {**row, **hidden.get(place, nobodys)} for place, row in values.items()}

    async def _alive(self, table: Table, keys: Sequence[Key]) -> set[int]:
        records = await self._connection.fetch(
            f"SELECT k.place {_find_rows(table, _KEY_SHARE)}", *key_parameters(table, keys)
        )
        return {record[0] - 1 for record in records}

    async def _load_shadows(self, table: Table, keys: Sequence[Key], lock: bool) -> dict[int, Row]:
        """The shadows, as rows without values. Forgotten tombstones are none."""
        records = await self._connection.fetch(
            f"SELECT k.place, s.xid::text::bigint, {SHADOW_TEXT} {_find_shadows(table, lock)}",
            *key_parameters(table, keys),
        )
        shadows = {}
        for place, xid, text in records:
            bare = self._read(table, text)
            if bare.alive or xid >= self._horizon:
                shadows[place - 1] = bare
                self.rows.xids[RowId(table.name, keys[place - 1])] = xid
        return shadows

    async def _kept(
        self, table: Table, keys: Sequence[Key], places: Sequence[int], columns: Sequence[Column]
    ) -> dict[int, Mapping[str, Value]]:
        """What shadows keep in these columns, of the rows at some places."""
        if not places:
            return {}
        values = [
            wire(
                c, f"s.{key_name(table, c.name)}" if c.name in table.primary_key else kept(table, c)
            )
            for c in columns
        ]
        records = await self._connection.fetch(
            f"SELECT k.place, {', '.join(values)} {_find_shadows(table, False)}",
            *key_parameters(table, [keys[place] for place in places]),
        )
        return {places[place]: row for place, row in _named(columns, records).items()}

    async def _children(
        self, child: Table, foreign_key: ForeignKey, keys: Sequence[Key]
    ) -> list[RowId]:
        parent = self.schema.tables[foreign_key.parent]
        pairs = zip(foreign_key.columns, parent.primary_key, strict=True)
        refers = " AND ".join(
            f"u.{quote(column)} = {cast(parent.by_name[key], f'k.{key_name(parent, key)}')}"
            for column, key in pairs
        )
        key_columns = [child.by_name[key] for key in child.primary_key]
        wired = ", ".join(wire(column, f"u.{quote(column.name)}") for column in key_columns)
        records = await self._connection.fetch(
            f"SELECT {wired} FROM {unnest_keys(parent)} JOIN {user_table(child)} u ON {refers}",
            *key_parameters(parent, keys),
        )
        if not records:
            return []
        columns = zip(key_columns, zip(*records, strict=True), strict=True)
        finished = [finish(column, values) for column, values in columns]
        return [RowId(child.name, key) for key in zip(*finished, strict=True)]

    def _read(self, table: Table, text: str) -> Row:
        bare = self._bare.get((text, table.number))
        if bare is None:
            shadow = read_shadow(text, len(table.columns))
            pairs = zip(table.column_names, shadow.writers, strict=True)
            writers = {name: writer for name, writer in pairs if writer}
            bare = self._bare[text, table.number] = Row({}, writers, *shadow[:4])
        return bare


def unnest_keys(table: Table) -> str:
    """Keys sent as `key_parameters`, as rows `k` with their place from 1."""
    columns = [table.by_name[key] for key in table.primary_key]
    arrays = ", ".join(f"${n}::{parameter_type(c)}[]" for n, c in enumerate(columns, start=1))
    names = ", ".join(key_name(table, key) for key in table.primary_key)
    return f"unnest({arrays}) WITH ORDINALITY k({names}, place)"


def key_parameters(table: Table, keys: Sequence[Key]) -> list[list[Value]]:
    """Keys, column by column."""
    columns = zip(*keys, strict=True)
    return [
        to_send(table.by_name[name], values)
        for name, values in zip(table.primary_key, columns, strict=True)
    ]


@lru_cache(maxsize=STATEMENTS_MAX)
def _find_rows(table: Table, lock: str) -> str:
    keys = [(f"u.{quote(key)}", key) for key in table.primary_key]
    return _find(table, f"{user_table(table)} u", keys, f"{lock} OF u" if lock else "")


@lru_cache(maxsize=STATEMENTS_MAX)
def _find_shadows(table: Table, lock: bool) -> str:
    keys = [(f"s.{key_name(table, key)}", key) for key in table.primary_key]
    return _find(table, f"{shadow_of(table)} s", keys, f"{_UPDATE} OF s" if lock else "")


def _find(table: Table, place: str, keys: Sequence[tuple[str, str]], lock: str) -> str:
    same = " AND ".join(
        f"{column} = {cast(table.by_name[key], f'k.{key_name(table, key)}')}"
        for column, key in keys
    )
    order = ", ".join(column for column, _ in keys)
    return f"FROM {unnest_keys(table)} JOIN {place} ON {same} ORDER BY {order} {lock}"


def _named(
    columns: Sequence[Column], records: Sequence[asyncpg.Record]
) -> dict[int, Mapping[str, Value]]:
    if not records:
        return {}
    places, *fetched = zip(*records, strict=True)
    finished = [finish(c, v) for c, v in zip(columns, fetched, strict=True)]
    names = [column.name for column in columns]
    return {
        place - 1: dict(zip(names, values, strict=True))
        for place, values in zip(places, zip(*finished, strict=True), strict=True)
    }
