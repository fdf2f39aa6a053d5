"""What a device uploads: parts put together to transactions, their order, and the window.

The window is what a device may have sent without being told that it is in: a bounded number of
transactions, and of bytes. One transaction may be over the limit of bytes if it is alone.
"""

from dataclasses import dataclass

import msgspec

from electricsql.errors import ProtocolError
from electricsql.limits import (
    IN_FLIGHT_BYTES_MAX,
    IN_FLIGHT_TRANSACTIONS_MAX,
    TRANSACTION_BYTES_MAX,
    UPLOAD_PARTS_MAX,
)
from electricsql.protocol.messages import Upload


class Uploaded(msgspec.Struct, frozen=True):
    """A whole transaction, as `codec.encode_transaction` wrote it."""

    number: int
    data: bytes


@dataclass(slots=True)
class _Open:
    """A transaction some parts of which are here."""

    number: int
    parts: int
    data: bytearray


class Uploads:
    """The uploads of one stream. `acknowledged` is what the device knows to be in at its start."""

    __slots__ = ("_acknowledged", "_bytes", "_in_flight", "_last", "_open", "parts")

    def __init__(self, acknowledged: int) -> None:
        self._acknowledged = acknowledged
        self._last: int | None = None
        self._open: _Open | None = None
        self._in_flight: dict[int, int] = {}
        self._bytes = 0
        self.parts = 0
        """How many have come."""

    @property
    def in_flight(self) -> bool:
        """Whether the device waits to be told that something is in."""
        return bool(self._in_flight)

    @property
    def open_bytes(self) -> int:
        """How much is here of a transaction that isn't whole yet."""
        return len(self._open.data) if self._open else 0

    def acknowledge(self, number: int) -> None:
        """The device is told that everything up to `number` is in."""
        self._acknowledged = max(self._acknowledged, number)
        for done in [each for each in self._in_flight if each <= number]:
            self._bytes -= self._in_flight.pop(done)

    def add(self, upload: Upload) -> Uploaded | None:
        """Take one part; gives the transaction when that was its last.

        Raises:
            ProtocolError: it is out of order, or over a limit.
        """
        opened = self._open or self._begin(upload.number)
        if upload.number != opened.number or upload.part != opened.parts:
            raise ProtocolError(
                "bad-upload",
                f"Part {upload.part} of transaction {upload.number} is out of order: part"
                f" {opened.parts} of {opened.number} was due.",
            )
        if not upload.data:
            raise ProtocolError("bad-upload", f"A part of transaction {upload.number} is empty.")
        whole = len(opened.data) + len(upload.data)
        if whole > TRANSACTION_BYTES_MAX or opened.parts >= UPLOAD_PARTS_MAX:
            raise ProtocolError(
                "too-large",
                f"Transaction {upload.number} is over the limit of {TRANSACTION_BYTES_MAX} bytes in"
                f" {UPLOAD_PARTS_MAX} parts.",
                "Write less in one transaction.",
            )
        opened.data += upload.data
        opened.parts += 1
        self.parts += 1
        self._open = opened
        return self._finish(opened) if upload.last else None

    def _begin(self, number: int) -> _Open:
        """Open the next transaction. The first of a stream may be one that the hub has already."""
        in_order = (
            0 < number <= self._acknowledged + 1 if self._last is None else number == self._last + 1
        )
        if not in_order:
            due = (self._acknowledged if self._last is None else self._last) + 1
            raise ProtocolError("gap", f"Transaction {number} came where {due} was due.")
        full = (
            len(self._in_flight) >= IN_FLIGHT_TRANSACTIONS_MAX or self._bytes > IN_FLIGHT_BYTES_MAX
        )
        if full:
            raise ProtocolError(
                "window", "The device sent more than it may without an acknowledgement."
            )
        return _Open(number, 0, bytearray())

    def _finish(self, opened: _Open) -> Uploaded:
        self._last, self._open = opened.number, None
        if opened.number > self._acknowledged:
            self._in_flight[opened.number] = len(opened.data)
            self._bytes += len(opened.data)
        return Uploaded(opened.number, bytes(opened.data))
