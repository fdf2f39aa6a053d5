"""The Postgres DDL of a migration that does more than to add.

Columns go first, then what is called otherwise gets its new name, so that all names are free for
what is new. Tables that are dropped are not in it: their rows stay, for older versions (see
`lenses`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from electricsql.schema import postgres
from electricsql.schema.difference import Difference
from electricsql.schema.model import Column
from electricsql.schema.pairs import Pair
from electricsql.schema.tokens import quote

_ASIDE: Final = "~electric~"
"""How a name begins that is only taken until another one is free."""


def plan(difference: Difference) -> tuple[str, ...]:
    """The Postgres DDL of a migration."""
    pairs = difference.pairs
    if not pairs:
        return postgres.plan(difference)
    return (
        *postgres.drop_indexes(difference),
        *(sql for pair in pairs for sql in _lost(pair)),
        *(sql for pair in pairs for sql in _columns_renamed(pair)),
        *_tables_renamed(pairs),
        *(sql for pair in pairs for sql in _indexes_renamed(pair)),
        *(sql for pair in pairs for old, new in pair.kept for sql in _altered(pair, old, new)),
        *postgres.plan(replace(difference, dropped_indexes=())),
    )


def _lost(pair: Pair) -> Iterator[str]:
    """Columns go with the rules that read them; what is computed from others goes before these."""
    for column in sorted(pair.lost, key=lambda column: not column.is_generated):
        yield f"ALTER TABLE {quote(pair.before.name)} DROP COLUMN {quote(column.name)}"
    sized = [column for column in pair.lost if column in pair.before.sized]
    if sized and pair.after.sized:
        left = tuple(column for column in pair.before.columns if column not in pair.lost)
        yield from postgres.row_checks_again([replace(pair.before, columns=left)])


def _columns_renamed(pair: Pair) -> Iterator[str]:
    table = f"ALTER TABLE {quote(pair.before.name)} RENAME"
    for old, new in _in_order(pair.columns):
        yield f"{table} COLUMN {quote(old)} TO {quote(new)}"


def _tables_renamed(pairs: Sequence[Pair]) -> Iterator[str]:
    names = {pair.before.name: pair.after.name for pair in pairs}
    for old, new in _in_order(names):
        yield f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}"


def _in_order(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Renames that can be done one after the other: where a name is not free yet, by another."""
    left = {old: new for old, new in names.items() if old != new}
    while left:
        free = next((old for old, new in left.items() if new not in left), None)
        if free is None:
            old, new = left.popitem()
            aside = _ASIDE + new
            yield old, aside
            left[aside] = new
        else:
            yield free, left.pop(free)


def _indexes_renamed(pair: Pair) -> Iterator[str]:
    """Indexes that are named after their tables or columns: others may need the old names."""
    before, after = pair.before, pair.after
    names = {postgres.key_name(before): postgres.key_name(after)}
    for old, new in pair.indexes.stayed:
        if postgres.has_index(before, old):
            names[postgres.index_name(before, old)] = postgres.index_name(after, new)
    for name, other in _in_order(names):
        yield f"ALTER INDEX IF EXISTS {quote(name)} RENAME TO {quote(other)}"


def _altered(pair: Pair, old: Column, new: Column) -> Iterator[str]:
    alter = f"ALTER TABLE {quote(pair.after.name)} ALTER COLUMN {quote(new.name)}"
    if old.not_null and not new.not_null and new.name not in pair.after.primary_key:
        yield f"{alter} DROP NOT NULL"
    before, after = postgres.default_of(old), postgres.default_of(new)
    if before != after:
        yield f"{alter} SET DEFAULT {after}" if after else f"{alter} DROP DEFAULT"
