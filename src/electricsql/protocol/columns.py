"""A column's values as bytes and back: what SQLite can hold, and nothing else.

MessagePack has more types than SQLite, and can nest; a few bytes of it can stand for objects of a
hundred times the size. So a column is read by a decoder that knows what may be in it, and what may
not is refused before it is made. A decoder can't tell text from blobs in one list: there is one for
each, and columns that have both, which no typed column has, are read only when they are small.
"""

import contextlib
import struct
from collections.abc import Collection
from operator import ne
from typing import Annotated, Any, Final

import msgspec

from electricsql.errors import ProtocolError
from electricsql.limits import MIXED_COLUMN_BYTES_MAX
from electricsql.schema import Value

_Integer = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_INTEGER_MAX: Final = (1 << 63) - 1
_KINDS: Final = {int, float, str, bytes, type(None)}
_FIXED, _FIXED_END, _SHORT, _LONG = 0x90, 0xA0, 0xDC, 0xDD
"""How a list begins in MessagePack: its length in 4, 16 or 32 bits."""

_Decoder = msgspec.msgpack.Decoder[list[Value]]
_encoder = msgspec.msgpack.Encoder()
_texts: _Decoder = msgspec.msgpack.Decoder(list[_Integer | float | str | None])
_blobs: _Decoder = msgspec.msgpack.Decoder(list[_Integer | float | bytes | None])
_mixed = msgspec.msgpack.Decoder(list[Any])


def pack_column(values: Collection[Value]) -> msgspec.Raw:
    """A column's bytes, to be put into a frame."""
    return msgspec.Raw(_encoder.encode(values))


def read_column(column: msgspec.Raw) -> list[Value]:
    """The inverse of `pack_column`.

    Raises:
        ProtocolError: something in it is no value.
    """
    values = _read_typed(column)
    if values is None:
        values = _read_mixed(column)
    if any(map(ne, values, values)):
        raise ProtocolError("bad-frame", "A column holds NaN, which SQLite would make NULL of.")
    return values


def are_values(values: Collection[Any]) -> bool:
    """Whether all that came in a list of another kind are values."""
    try:
        read_column(pack_column(values))
    except ProtocolError:
        return False
    return True


def count_values(column: msgspec.Raw) -> int:
    """How many values a column has, by what it says at its beginning; 0 if it is no column."""
    head = bytes(memoryview(column)[:5])
    match head[0]:
        case byte if _FIXED <= byte < _FIXED_END:
            return byte - _FIXED
        case byte if byte == _SHORT:
            return int(struct.unpack_from(">H", head, 1)[0])
        case byte if byte == _LONG:
            return int(struct.unpack_from(">I", head, 1)[0])
        case _:
            return 0


def _read_typed(column: msgspec.Raw) -> list[Value] | None:
    """A column of texts or of blobs, with numbers and nulls; None if it is neither."""
    for decoder in (_texts, _blobs):
        try:
            return decoder.decode(column)
        except msgspec.ValidationError:
            continue
        except (msgspec.DecodeError, ValueError) as error:
            raise ProtocolError("bad-frame", f"A column can't be read: {error}.") from None
    return None


def _read_mixed(column: msgspec.Raw) -> list[Value]:
    """A small column of texts and blobs."""
    if memoryview(column).nbytes <= MIXED_COLUMN_BYTES_MAX:
        with contextlib.suppress(msgspec.DecodeError, ValueError, RecursionError):
            values = _mixed.decode(column)
            integers = [value for value in values if type(value) is int]
            if set(map(type, values)) <= _KINDS and max(integers, default=0) <= _INTEGER_MAX:
                return values
    raise ProtocolError("bad-frame", "A column holds what is no value.")
