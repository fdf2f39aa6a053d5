"""What users' BEFORE triggers made of a merge: they may change, keep or drop the rows it writes.

Then the hub has a row otherwise than its author: the difference is a direct write on top. (What
AFTER triggers do are writes of their own, which capture has seen.)
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from electricsql.hub.connection import Connection
from electricsql.hub.loading import Loader
from electricsql.hub.storing import Stamped, store_shadows
from electricsql.replication import (
    HUB_ORIGIN,
    Author,
    Change,
    Clock,
    Op,
    Row,
    RowId,
    change_row,
    same,
    transaction_id,
)
from electricsql.schema import Value

_TOUCH: Final = """
INSERT INTO electric.touched SELECT pg_current_xact_id(), unnest($1::int[]) ON CONFLICT DO NOTHING
"""
_HLC_MAX: Final = (1 << 63) - 1


async def capture_effects(
    connection: Connection, loader: Loader, meant: Mapping[RowId, Row], xid: int
) -> None:
    """Stamp the rows that the tables have otherwise than a merge meant them."""
    changed = await _differences(loader, meant, transaction_id(xid))
    by_table: defaultdict[str, list[Stamped]] = defaultdict(list)
    for row_id, row in changed.items():
        by_table[row_id.table].append(Stamped(row_id.key, row, xid))
    tables = [table for table in loader.schema if table.name in by_table]
    for table in tables:
        await store_shadows(connection, table, by_table[table.name])
    await connection.execute(_TOUCH, [table.number for table in tables])


async def _differences(loader: Loader, meant: Mapping[RowId, Row], id: int) -> dict[RowId, Row]:
    """The rows as the hub's own transaction makes them of what was meant."""
    clock = Clock(_HLC_MAX, HUB_ORIGIN)  # later than all that is merged, as its own will be
    author = Author(id, clock, loader.clocks, lambda _: True)
    different = {}
    for row_id, (shown, row) in (await loader.stored(meant)).items():
        table = loader.schema.tables[row_id.table]
        change = _change(row_id, row, shown)
        if change is not None and (changed := change_row(table, row, change, author)):
            different[row_id] = changed
    return different


def _change(row_id: RowId, row: Row, shown: Mapping[str, Value] | None) -> Change | None:
    """What makes the row what the table shows."""
    table, key = row_id
    if shown is None:
        return Change(table, Op.DELETE, key, {}, row.incarnation) if row.alive else None
    if not row.alive:
        return Change(table, Op.INSERT, key, shown, row.incarnation + 1)
    changed = {name: value for name, value in shown.items() if not same(row.values[name], value)}
    return Change(table, Op.UPDATE, key, changed, row.incarnation) if changed else None
