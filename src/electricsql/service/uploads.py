"""A device's transaction from its bytes. What nobody can make sense of is for the quarantine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from electricsql.errors import ProtocolError
from electricsql.limits import PART_BYTES
from electricsql.protocol import (
    TransactionFrame,
    Uploaded,
    read_transaction,
    rows_named,
    unfold_transaction,
    unpacked_bytes,
)
from electricsql.replication import Refusal, Transaction
from electricsql.schema import Schema, Table

SchemaAt = Callable[[str | None], Awaitable[Schema]]


async def read_upload(
    uploaded: Uploaded, schema_at: SchemaAt
) -> tuple[Transaction, Refusal | None]:
    """The transaction; with the reason if it is malformed, and then as much of it as can be read.

    Raises:
        ProtocolError: it can't be put in order, or is over a limit.
        ServiceError: `unknown-version`.
    """
    large = unpacked_bytes(uploaded.data) > PART_BYTES
    try:
        if large:
            frame = await asyncio.to_thread(read_transaction, uploaded.data)
        else:
            frame = read_transaction(uploaded.data)
    except ProtocolError as error:
        if error.code == "too-large":
            raise
        return Transaction(uploaded.number, 0, None, None, ()), _refusal(error)
    if frame.number != uploaded.number:
        raise ProtocolError("bad-upload", "A transaction came under another number.")
    schema = await schema_at(frame.schema_version)
    try:
        if large:
            return await asyncio.to_thread(unfold_transaction, frame, schema.tables), None
        return unfold_transaction(frame, schema.tables), None
    except ProtocolError as error:
        return _salvaged(frame, schema.tables), _refusal(error)


def _salvaged(frame: TransactionFrame, tables: Mapping[str, Table]) -> Transaction:
    changes = rows_named(frame, tables)
    return Transaction(*(frame.number, frame.hlc, None, frame.schema_version), changes, frame.seal)


def _refusal(error: ProtocolError) -> Refusal:
    return Refusal(error.code, error.problem)
