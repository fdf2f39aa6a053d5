"""The quarantine over HTTP: what waits, row by row, and what becomes of it.

A transaction is kept as its device encoded it, and read here again at each request: what could not
be read before an update of the service may be read after it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from math import isfinite
from typing import Any, Final

from electricsql.errors import ElectricError, ProtocolError, ServiceError
from electricsql.hub import Hub, Quarantined, Submitted, TransactionId
from electricsql.limits import QUARANTINE_SHOWN_MAX, SHOWN_CHARACTERS_MAX
from electricsql.protocol import TransactionFrame, Uploaded, read_column, read_transaction
from electricsql.replication import Op
from electricsql.schema import Table, Value
from electricsql.service.bodies import (
    ChangedRow,
    Confirmation,
    QuarantinedDetail,
    QuarantinedTransaction,
)
from electricsql.service.http import Call, Nothing
from electricsql.service.uploads import read_upload

_OPS: Final = {op: op.name.lower() for op in Op}


async def list_quarantine(call: Call[Nothing]) -> list[QuarantinedTransaction]:
    """The transactions in the quarantine: those that wait first, the oldest first."""
    return [_listed(each) for each in await (await _hub(call)).quarantined()]


async def get_quarantined(call: Call[Nothing]) -> QuarantinedDetail:
    """One of them, with its rows."""
    hub = await _hub(call)
    found, encoded = await hub.find_quarantined(_id(call))
    try:
        frame = read_transaction(encoded)
    except ProtocolError:
        return QuarantinedDetail(**_fields(found), schema_version=None, rows=[])
    tables: Mapping[str, Table] = {}
    try:
        tables = (await hub.schema_at(frame.schema_version)).tables
    except ServiceError as error:
        if error.code != "unknown-version":
            raise
    rows = list(islice(_rows(frame, tables), QUARANTINE_SHOWN_MAX))
    return QuarantinedDetail(**_fields(found), schema_version=frame.schema_version, rows=rows)


async def retry_quarantined(call: Call[Nothing]) -> QuarantinedTransaction:
    """Merge it again, as what it was."""
    hub, id = await _hub(call), _id(call)
    _, encoded = await hub.find_quarantined(id)
    transaction, malformed = await read_upload(Uploaded(id.number, encoded), hub.schema_at)
    refusal = await hub.retry(Submitted(id.origin, transaction, encoded, 0, malformed))
    if refusal is not None:
        raise ServiceError(
            "still-refused",
            f"Transaction {id} was refused again: {refusal.message} ({refusal.code})",
            "Correct what is in its way and retry it, or discard it.",
            definite=True,
            status=409,
        )
    return await _decided(call, hub, id)


async def discard_quarantined(call: Call[Confirmation]) -> QuarantinedTransaction:
    """Give it up. Its record stays."""
    hub, id = await _hub(call), _id(call)
    if call.body.confirm != str(id):
        raise ServiceError(
            "not-confirmed",
            f"Discarding transaction {id} was not confirmed.",
            f'Send {{"confirm": "{id}"}} if that is what you want.',
            definite=True,
            status=422,
        )
    await hub.discard(id)
    return await _decided(call, hub, id)


async def _decided(call: Call[Any], hub: Hub, id: TransactionId) -> QuarantinedTransaction:
    """What it is now; the devices hear of it."""
    running = call.service.environments.at(call.path["app"], call.path["env"])
    if running is not None:
        running.changed()
    found, _ = await hub.find_quarantined(id)
    return _listed(found)


async def _hub(call: Call[Any]) -> Hub:
    return await call.service.cluster.hub(call.path["app"], call.path["env"])


def _id(call: Call[Any]) -> TransactionId:
    """The transaction that the path names."""
    return TransactionId.parse(call.path["id"])


def _fields(found: Quarantined) -> dict[str, Any]:
    return {"id": str(TransactionId(found.origin, found.number)), **asdict(found)}


def _listed(found: Quarantined) -> QuarantinedTransaction:
    return QuarantinedTransaction(**_fields(found))


def _rows(frame: TransactionFrame, tables: Mapping[str, Table]) -> Iterator[ChangedRow]:
    """The rows, as far as they can be read; a table that nobody knows has no key."""
    for group in frame.changes:
        try:
            columns = [read_column(column) for column in group.values]
        except ElectricError:
            continue
        table = tables.get(group.table)
        key = table.primary_key if table is not None else ()
        op = _OPS.get(group.op, str(group.op))  # type: ignore[call-overload]
        for row in zip(*columns, strict=False):
            values = dict(zip(group.columns, map(_shown, row), strict=False))
            named = {name: values.pop(name) for name in key if name in values}
            yield ChangedRow(group.table, op, named, values)


def _shown(value: Value) -> object:
    """A value as JSON can have it. What is long is cut."""
    match value:
        case bytes():
            return {"blob": value[:SHOWN_CHARACTERS_MAX].hex(), "bytes": len(value)}
        case str() if len(value) > SHOWN_CHARACTERS_MAX:
            return {"text": value[:SHOWN_CHARACTERS_MAX], "characters": len(value)}
        case float() if not isfinite(value):
            return {"real": str(value)}
        case _:
            return value
