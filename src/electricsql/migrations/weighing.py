"""How rows and transactions that are too large for others are refused, at the write. Pure SQL.

What is not sealed yet will be one transaction. How much it comes to is in `w`, of some of the
oplog's entries: to add it up in each would cost twice as much (docs/decisions/0023-sizes.md). So a
change counts by chance, as likely as its size is a part of WEIGHED_BYTES, and then for so much; a
larger one counts surely, for what it has. Of a transaction that has reached its limit, about a
thousand changes have counted, so it is wrong by 4 %. Sealing begins anew, with 0.

A row is measured when it counts. One that grows by less than WEIGHED_BYTES may come to be too large
without being noticed here: then Postgres refuses it.
"""

from typing import Final

from electricsql.limits import (
    CHANGE_BYTES_MIN,
    ROW_BYTES_MAX,
    WEIGHED_BYTES,
    WRITTEN_BYTES_MAX,
)
from electricsql.schema import Column, ColumnType, Table, chained, quote

_VALUE_BYTES: Final = 10  # of a number on its way, or of what is said of a text beside it
_SO_FAR: Final = "SELECT w FROM _electric_oplog WHERE w IS NOT NULL ORDER BY seq DESC LIMIT 1"
assert WEIGHED_BYTES & (WEIGHED_BYTES - 1) == 0, "a random number is cut to so many bits"


def row_bytes(table: Table, row: str = "") -> str:
    """The size of a row's text and blobs; `row` is what its columns' names begin with."""
    return chained([_bytes(column, row) for column in table.sized], "+") or "0"


def changed_bytes(table: Table) -> str:
    """The size of those that an update changes."""
    sizes = [
        f"CASE WHEN NEW.{quote(column.name)} IS NOT OLD.{quote(column.name)}"
        f" THEN {_bytes(column, 'NEW.')} ELSE 0 END"
        for column in table.sized
    ]
    return chained(sizes, "+") or "0"


def weight(table: Table, change: str, row: str) -> str:
    """What goes into `w`: usually nothing, or an error. `change` and `row` are the sizes."""
    size = f"{change} + {max(CHANGE_BYTES_MIN, _VALUE_BYTES * len(table.columns))}"
    name = table.name.replace("'", "''")
    row_error = fails(
        f"'electric: a row of {name} holds {ROW_BYTES_MAX} bytes of text and blobs at most, and"
        f" cannot hold ' || ({row}) || ' [row-too-large]'"
    )
    whole_error = fails(
        f"'electric: {name} cannot take more changes in this transaction: it has"
        f" {WRITTEN_BYTES_MAX >> 20} MiB [too-large]'"
    )
    heavier = f"w + max({size}, {WEIGHED_BYTES})"
    return (
        f"CASE WHEN {size} <= random() & {WEIGHED_BYTES - 1} THEN NULL"
        f"\n    WHEN {row} > {ROW_BYTES_MAX} THEN {row_error}"
        f"\n    ELSE (SELECT CASE WHEN w < {WRITTEN_BYTES_MAX} THEN {heavier}"
        f" ELSE {whole_error} END\n      FROM (SELECT coalesce(({_SO_FAR}), 0) AS w)) END"
    )


def fails(message: str) -> str:
    """An expression that is an error, with a message that is an expression too."""
    return f"json_extract('{{}}', {message})"


def _bytes(column: Column, row: str) -> str:
    value = f"{row}{quote(column.name)}"
    size = f"length({value if column.type is ColumnType.BLOB else f'CAST({value} AS BLOB)'})"
    return size if column.not_null else f"ifnull({size}, 0)"
