"""Damage to single bytes and frames of a WebSocket on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

_HEAD_END: Final = b"\r\n\r\n"
_MASKED: Final = 0x80
_SHORT_MAX: Final = 125
_MASK_BYTES: Final = 4


class Damage(StrEnum):
    """What happens to a frame, at one of its bytes."""

    FLIP = "a bit flipped"
    DROP = "a byte missing"
    REPEAT = "a byte twice"
    END = "cut off"
    TWICE = "the frame twice"


Choice: TypeAlias = Callable[[int, int], bool]
"""Whether a frame is meant, by its number (0 is the first) and the kind of its message."""


@dataclass
class FrameMangler:
    """Damages the first frame that is meant, of one direction of a WebSocket, at byte `offset`,
    modulo its length. The HTTP head before the first frame passes as it is; so do all other frames.
    """

    damage: Damage
    meant: Choice
    offset: int
    ends: bool = False
    struck: bool = False
    frame_bytes: int = 0
    """How long the frame was."""
    _pending: bytes = b""
    _number: int = -1
    """Of the frame that is next; -1 is the HTTP head."""

    def feed(self, data: bytes) -> bytes:
        """What is passed on of these bytes, and of those that waited for them."""
        if self.struck:
            return data
        self._pending += data
        passed = b""
        while (size := self._first_size()) is not None:
            piece, self._pending = self._pending[:size], self._pending[size:]
            if self._number >= 0 and self.meant(self._number, _kind(piece)):
                passed += self._strike(piece)
                rest, self._pending = self._pending, b""
                return passed if self.ends else passed + rest
            passed += piece
            self._number += 1
        return passed

    def _first_size(self) -> int | None:
        """How long the first frame (or the HTTP head) of what waits is; None if not all is here."""
        if self._number < 0:
            end = self._pending.find(_HEAD_END)
            return end + len(_HEAD_END) if end >= 0 else None
        sizes = _sizes(self._pending)
        return sum(sizes) if sizes and sum(sizes) <= len(self._pending) else None

    def _strike(self, piece: bytes) -> bytes:
        self.struck, self.frame_bytes = True, len(piece)
        at = self.offset % len(piece)
        match self.damage:
            case Damage.FLIP:
                bit = 1 << (at % 8)
                return piece[:at] + bytes([piece[at] ^ bit]) + piece[at + 1 :]
            case Damage.DROP:
                return piece[:at] + piece[at + 1 :]
            case Damage.REPEAT:
                return piece[: at + 1] + piece[at:]
            case Damage.END:
                self.ends = True
                return piece[:at]
            case Damage.TWICE:
                return piece + piece


def _sizes(data: bytes) -> tuple[int, int] | None:
    """How long the header and the payload are of the WebSocket frame that starts here; None if its
    header is not all here."""
    if len(data) < 2:
        return None
    size, header = data[1] & ~_MASKED, 2
    if size > _SHORT_MAX:
        extended = 2 if size == _SHORT_MAX + 1 else 8
        header += extended
        if len(data) < header:
            return None
        size = int.from_bytes(data[2:header], "big")
    return header + (_MASK_BYTES if data[1] & _MASKED else 0), size


def _kind(piece: bytes) -> int:
    """The kind of the message in a WebSocket frame: the second byte of its MessagePack; -1 if there
    is none."""
    sizes = _sizes(piece)
    assert sizes is not None, "the frame is whole"
    header, size = sizes
    if size < 2:
        return -1
    mask = piece[header - _MASK_BYTES + 1] if piece[1] & _MASKED else 0
    return piece[header + 1] ^ mask
