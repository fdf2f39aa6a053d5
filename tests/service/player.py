"""A device's part of the protocol, played by hand: for tests of the service's part."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from electricsql.protocol import (
    PROTOCOL_VERSION,
    Acknowledged,
    Applied,
    Bye,
    DeltaPart,
    Down,
    Hello,
    Ping,
    Pong,
    Up,
    Upload,
    Welcome,
    decode_block,
    decode_down,
    encode_frame,
    encode_transaction,
)
from electricsql.replication import Change, Cursor, Op, Transaction
from electricsql.schema import Key, Table, Value
from tests.service.twin import NOTES, VERSION

PATIENCE_S = 20


class Wire(Protocol):
    """A connection: frames out, frames in."""

    async def send(self, data: bytes) -> None: ...

    async def receive(self) -> bytes | None:
        """The next frame; None at the end."""


@dataclass
class Player:
    """One device: what it has been told, and the rows it has."""

    wire: Wire
    device: str
    tables: Mapping[str, Table] = field(default_factory=lambda: {NOTES.name: NOTES})
    schema_version: str | None = VERSION
    cursor: str | None = None
    number: int = 0
    acknowledged: int = 0
    rows: dict[tuple[str, Key], Mapping[str, Value]] = field(default_factory=dict)
    deltas: list[list[DeltaPart]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)
    bundle: str | None = None
    """The version that it has by itself."""
    bye: Bye | None = None
    applies: bool = True
    """Whether it tells that it has applied what it was sent."""

    async def say(self, frame: Up) -> None:
        await self.wire.send(encode_frame(frame))

    async def hear(self) -> Down | None:
        """The next frame; deltas are applied once they are whole. None when the wire has ended."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self.wire.receive()
        if data is None:
            return None
        frame = decode_down(data)
        match frame:
            case DeltaPart():
                await self._take(frame)
            case Acknowledged(number, refused):
                self.acknowledged = number
                self.refused += [each.number for each in refused]
            case Bye():
                self.bye = frame
            case _:
                pass
        return frame

    async def hello(self, *, upgrading: bool = False, upgrade: str | None = None) -> Welcome:
        version = self.migrations[-1] if self.migrations else self.bundle
        hello = (PROTOCOL_VERSION, self.device, self.cursor, version, self.number)
        staged = self._kept[-1].staged if self._kept else None
        await self.say(Hello(*hello, staged, upgrading=upgrading, upgrade=upgrade))
        welcome = await self.hear()
        assert isinstance(welcome, Welcome), welcome
        self.acknowledged = welcome.acknowledged
        return welcome

    def reconnect(self, wire: Wire) -> None:
        """Come back on another wire, with what came of a delta that was broken off."""
        self.wire = wire
        self._kept, self._open = [*self._kept, *self._open], []

    async def hear_delta(self) -> list[DeltaPart]:
        """The next delta, whole."""
        count = len(self.deltas)
        while len(self.deltas) == count:
            assert await self.hear() is not None, self.bye
        return self.deltas[-1]

    async def hear_acknowledgement(self) -> None:
        """Until everything that was uploaded is known to be in."""
        while self.acknowledged < self.number:
            await self.hear_delta()

    async def hear_bye(self) -> Bye:
        while await self.hear() is not None:
            pass
        assert self.bye is not None, "the connection ended without a reason"
        return self.bye

    async def sync(self) -> None:
        """Have all that is at the hub now."""
        await self.say(Ping(4711))
        while await self.hear() != Pong(4711):
            pass

    async def write(self, parts: int = 1, **bodies: Value) -> None:
        """Upload a transaction that inserts notes."""
        changes = [
            Change("notes", Op.INSERT, (key,), {"id": key, "body": body})
            for key, body in bodies.items()
        ]
        await self.upload(changes, parts=parts)

    async def upload(self, changes: list[Change], parts: int = 1) -> None:
        """Upload a transaction, in that many parts."""
        self.number += 1
        cursor = Cursor.parse(self.cursor) if self.cursor else None
        transaction = Transaction(
            self.number, self.number << 16, cursor, self.schema_version, changes
        )
        data = encode_transaction(transaction, self.tables)
        size = -(-len(data) // parts)
        for part in range(parts):
            piece = data[part * size : (part + 1) * size]
            await self.say(Upload(self.number, part, part == parts - 1, piece))

    def bodies(self) -> dict[Value, Value]:
        """The notes, by id."""
        return {key[0]: row["body"] for (table, key), row in self.rows.items() if table == "notes"}

    async def _take(self, part: DeltaPart) -> None:
        parts = [part] if part.part == 0 else [*self._open, part]
        if part.part == 0 and not part.follows:
            self._kept = []
        assert [each.part for each in parts] == list(range(len(parts))), "parts come in order"
        self._open = parts
        if not part.last:
            return
        if part.whole:
            self.rows.clear()
        parts, self._kept, self._open = [*self._kept, *parts], [], []
        for each in parts:
            self.migrations += [migration.name for migration in each.migrations]
            for data in each.blocks:
                self._apply(data)
        self.deltas.append(parts)
        self.cursor, self.acknowledged = part.cursor, max(self.acknowledged, part.acknowledged)
        self.refused += [refused.number for refused in part.refused]
        if self.applies:
            await self.say(Applied(part.cursor))

    def _apply(self, data: bytes) -> None:
        block = decode_block(data)
        for key, row in block.rows(self.tables[block.table]):
            if row.alive:
                self.rows[block.table, key] = row.values
            else:
                self.rows.pop((block.table, key), None)

    _open: list[DeltaPart] = field(default_factory=list)
    _kept: list[DeltaPart] = field(default_factory=list)
