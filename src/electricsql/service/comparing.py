"""What a device is told of the hub's rows, so that it can find those in which it differs.

One reading's rows are gone through once, some at a time; what is kept of them is small.
"""

import asyncio
from collections.abc import AsyncIterator

from electricsql.errors import ProtocolError
from electricsql.hub import Reading
from electricsql.lenses import View
from electricsql.limits import COMPARED_ROWS_MAX
from electricsql.protocol import (
    Columns,
    Compare,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    Marks,
    TableDigest,
    Wanted,
    buckets_for,
    marked,
)
from electricsql.schema import Key, Table


async def answer_to(question: Compare, reading: Reading, version: str | None) -> Digests | Details:
    """The digests of all tables that a schema version has, or what is in the buckets that are
    wanted of them.

    Raises:
        ProtocolError: `too-large`: that would be too many rows.
    """
    view = reading.versions.view(version)
    if not question.wanted:
        return Digests(tuple([await _digest(table, reading, view) for table in view.schema]))
    tables = view.schema.tables
    wanted = [each for each in question.wanted if each.table in tables]
    details = [await _detail(tables[each.table], each, reading, view) for each in wanted]
    return Details(tuple(details))


async def _digest(table: Table, reading: Reading, view: View) -> DigestFrame:
    digest = TableDigest(table)
    async for columns in _columns_of(table, reading, view):
        await asyncio.to_thread(digest.add, columns)
    return DigestFrame(table.name, digest.rows, digest.buckets(buckets_for(digest.rows)))


async def _columns_of(table: Table, reading: Reading, view: View) -> AsyncIterator[Columns]:
    """All rows of a version's table, some at a time, column by column."""
    seen = view.base_of(table.name)
    async for columns in reading.columns_of(table if seen is None else seen.base):
        yield columns if seen is None else seen.show(columns)


async def _detail(table: Table, wanted: Wanted, reading: Reading, view: View) -> DetailFrame:
    rows: list[tuple[Key, Marks]] = []
    async for columns in _columns_of(table, reading, view):
        rows += await asyncio.to_thread(_wanted_rows, table, columns, wanted)
        if len(rows) > COMPARED_ROWS_MAX:
            raise ProtocolError(
                "too-large", f"A device asks for more than {COMPARED_ROWS_MAX} rows at a time."
            )
    keys = [list(column) for column in zip(*(key for key, _ in rows), strict=True)]
    return DetailFrame(table.name, keys, [marks for _, marks in rows])


def _wanted_rows(table: Table, columns: Columns, wanted: Wanted) -> list[tuple[Key, Marks]]:
    return list(marked(table, columns, wanted.count, frozenset(wanted.numbers)))
