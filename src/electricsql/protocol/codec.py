"""Frames as bytes and back. What comes in is checked: anything odd is a `ProtocolError`.

A frame ends with its checksum: what is damaged on its way is noticed before anything is read of it.
Blobs inside a frame (a transaction, a block) start with one byte: 0 for plain MessagePack, 1 for
the same in zstd.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, TypeVar
from zlib import crc32

import msgspec
import zstandard

from electricsql.errors import ProtocolError
from electricsql.limits import (
    BUCKETS_MAX,
    COMPRESS_BYTES_MIN,
    COMPRESS_LEVEL,
    FRAME_BYTES_MAX,
    TRANSACTION_BYTES_MAX,
    TRANSACTION_CHANGES_MAX,
)
from electricsql.protocol.columns import are_values, count_values, pack_column, read_column
from electricsql.protocol.messages import (
    BlockFrame,
    ChangesFrame,
    Compare,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    Down,
    Staged,
    TransactionFrame,
    Up,
    Wanted,
)
from electricsql.replication import Block, Change, Clock, Cursor, Op, Transaction
from electricsql.schema import Key, Table, can_hold

PLAIN: Final = b"\x00"
ZSTD: Final = b"\x01"
_CHECKSUM_BYTES: Final = 4
_INTEGER_MAX: Final = (1 << 63) - 1
_OPS: Final = frozenset(Op)
_INCARNATION_MAX: Final = (1 << 31) - 1  # the hub keeps it in an int

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
_up: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)
_down: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)
_block = msgspec.msgpack.Decoder(BlockFrame)
_transaction = msgspec.msgpack.Decoder(TransactionFrame)
_clocks = msgspec.msgpack.Decoder(dict[int, Clock])


def encode_frame(frame: Up | Down) -> bytes:
    """A frame's bytes, ready for the socket."""
    return with_checksum(_encoder.encode(frame))


def with_checksum(data: bytes) -> bytes:
    """A frame's bytes, from its MessagePack."""
    return data + crc32(data).to_bytes(_CHECKSUM_BYTES)


def decode_up(data: bytes) -> Up:
    """What a device sent.

    Raises:
        ProtocolError: it is no frame a device may send.
    """
    frame = _decode(_up, _checked(data))
    if isinstance(frame, Compare) and not all(map(_is_wanted, frame.wanted)):
        raise ProtocolError("bad-frame", "A device asks for buckets that no table has.")
    return frame


def decode_down(data: bytes) -> Down:
    """What a service sent.

    Raises:
        ProtocolError: it is no frame a service may send.
    """
    frame = _decode(_down, _checked(data))
    if (isinstance(frame, Digests) and not all(map(_is_digest, frame.tables))) or (
        isinstance(frame, Details) and not all(map(_is_detail, frame.tables))
    ):
        raise ProtocolError("bad-frame", "What the hub's rows were said to be is malformed.")
    return frame


def check_staged(staged: Staged) -> Staged:
    """What a device says it has staged, checked.

    Raises:
        ProtocolError: it can't have that.
    """
    for cursor in filter(None, (staged.cursor, staged.since)):
        Cursor.parse(cursor)
    if staged.rows < 0 or not are_values(staged.key):
        raise ProtocolError("bad-hello", "A device has staged what it was not sent.")
    return staged


def _checked(data: bytes) -> memoryview:
    """A frame's MessagePack, if its checksum is right."""
    body, checksum = memoryview(data)[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if len(data) < _CHECKSUM_BYTES or crc32(body) != int.from_bytes(checksum):
        raise ProtocolError(
            "damaged-frame",
            "A frame was damaged on its way.",
            "Connect again. If it happens often, use TLS, and look for what changes the bytes.",
        )
    return body


def encode_block(block: Block) -> bytes:
    """A block's bytes, shared by all devices that get it."""
    places = block.shadow_of
    frame = BlockFrame(
        block.table,
        block.columns,
        [pack_column(column) for column in block.values],
        [*block.shadows],
        0 if len(block.shadows) == 1 and places else list(places),
    )
    return _pack(_encoder.encode(frame))


def decode_block(data: bytes) -> Block:
    """The inverse of `encode_block` (a device need not know the author).

    Raises:
        ProtocolError: it isn't one.
    """
    frame = _decode(_block, _unpack(data, FRAME_BYTES_MAX))
    values = [read_column(column) for column in frame.values]
    rows = len(values[0]) if values else 0
    places = frame.shadow_of if isinstance(frame.shadow_of, list) else [frame.shadow_of] * rows
    width = len(frame.columns)
    sound = (
        len(values) == width
        and len(places) == rows
        and {rows}.issuperset(map(len, values))
        and all(len(shadow.writers) == width for shadow in frame.shadows)
        and (not places or 0 <= min(places) <= max(places) < len(frame.shadows))
    )
    if not sound:
        raise ProtocolError("bad-block", f"A block of table {frame.table!r} has uneven columns.")
    return Block(frame.table, frame.columns, values, frame.shadows, places)


def encode_clocks(clocks: Mapping[int, Clock]) -> bytes:
    """The clocks of the transactions that a part's shadows mention."""
    return _pack(_encoder.encode(clocks)) if clocks else b""


def decode_clocks(data: bytes) -> dict[int, Clock]:
    """The inverse of `encode_clocks`.

    Raises:
        ProtocolError: it isn't one.
    """
    if not data:
        return {}
    return _decode(_clocks, _unpack(data, FRAME_BYTES_MAX))


def encode_transaction(transaction: Transaction, tables: Mapping[str, Table]) -> bytes:
    """A transaction's bytes; `tables` are those of its schema version."""
    groups: defaultdict[tuple[str, int, int, tuple[str, ...], int], list[Change]]
    groups = defaultdict(list)
    for change in transaction.changes:
        key = tables[change.table].primary_key
        columns = (*key, *(name for name in change.values if name not in key))
        kind = (change.table, int(change.op), change.incarnation, columns, change.ended)
        groups[kind].append(change)
    frame = TransactionFrame(
        transaction.number,
        transaction.hlc,
        str(transaction.cursor) if transaction.cursor else None,
        transaction.schema_version,
        [
            ChangesFrame(*kind[:4], _columns(changes, kind[3], tables[kind[0]]), kind[4])
            for kind, changes in groups.items()
        ],
        transaction.seal,
    )
    return _pack(_encoder.encode(frame))


def decode_transaction(data: bytes, tables: Mapping[str, Table]) -> Transaction:
    """The inverse of `encode_transaction`: `tables` are those of its schema version.

    Raises:
        ProtocolError: it isn't one, or names tables or columns that the schema hasn't.
    """
    return unfold_transaction(read_transaction(data), tables)


def unfold_transaction(frame: TransactionFrame, tables: Mapping[str, Table]) -> Transaction:
    """The second half of `decode_transaction`, once the tables of its schema version are known.

    Raises:
        ProtocolError: it names tables or columns that the schema hasn't.
    """
    changes: list[Change] = []
    for group in frame.changes:
        changes.extend(_changes(group, tables))
    if len({(change.table, change.key) for change in changes}) < len(changes):
        raise ProtocolError("bad-transaction", "A transaction changes one row twice.")
    cursor = Cursor.parse(frame.cursor) if frame.cursor is not None else None
    return Transaction(
        *(frame.number, frame.hlc, cursor, frame.schema_version), changes, frame.seal
    )


def rows_named(frame: TransactionFrame, tables: Mapping[str, Table]) -> list[Change]:
    """The rows that a malformed transaction names, as far as it does, each as a delete: whoever
    sent it has them otherwise than everybody else."""
    rows: dict[tuple[str, Key], Change] = {}
    for group in frame.changes:
        table = tables.get(group.table)
        if table is None or group.columns[: len(table.primary_key)] != table.primary_key:
            continue
        types = [table.by_name[name].type for name in table.primary_key]
        try:
            parts = [read_column(column) for column in group.values[: len(types)]]
        except ProtocolError:
            continue
        sound = len(parts) == len(types) and all(
            None not in part and can_hold(type, part)
            for type, part in zip(types, parts, strict=True)
        )
        if sound and 1 <= group.incarnation <= _INCARNATION_MAX:
            for key in zip(*parts, strict=False):
                rows[table.name, key] = Change(table.name, Op.DELETE, key, {}, group.incarnation)
    return list(rows.values())


def read_transaction(data: bytes) -> TransactionFrame:
    """A transaction's frame: enough to learn its schema version before its tables are known.

    Raises:
        ProtocolError: it isn't one.
    """
    frame = _decode(_transaction, _unpack(data, TRANSACTION_BYTES_MAX))
    if not 1 <= frame.number <= _INTEGER_MAX:
        raise ProtocolError("bad-transaction", "A transaction's number is out of range.")
    if not (0 <= frame.hlc <= _INTEGER_MAX and 0 <= frame.seal <= _INTEGER_MAX):
        raise ProtocolError("bad-transaction", "A transaction's clock or seal is out of range.")
    changes = sum(count_values(group.values[0]) for group in frame.changes if group.values)
    if changes > TRANSACTION_CHANGES_MAX:
        raise ProtocolError(
            "too-large",
            f"A transaction of {changes} changes is over the limit of {TRANSACTION_CHANGES_MAX}.",
            "Write less in one transaction.",
        )
    return frame


def unpacked_bytes(data: bytes) -> int:
    """How large a transaction is when it is not compressed, by what it says itself; 0 if it says
    nothing, and then it isn't one."""
    if data[:1] != ZSTD:
        return len(data)
    try:
        return max(0, zstandard.frame_content_size(data[1:]))
    except zstandard.ZstdError:
        return 0


def _columns(changes: list[Change], columns: tuple[str, ...], table: Table) -> list[msgspec.Raw]:
    width = len(table.primary_key)
    keys = zip(*(change.key for change in changes), strict=True)
    rest = [[change.values[name] for change in changes] for name in columns[width:]]
    return [pack_column(column) for column in (*keys, *rest)]


def _changes(group: ChangesFrame, tables: Mapping[str, Table]) -> list[Change]:
    table = tables.get(group.table)
    if table is None:
        raise ProtocolError(
            "unknown-table",
            f"A transaction changes table {group.table!r}, which its schema version does not have.",
        )
    width = len(table.primary_key)
    unknown = set(group.columns) - table.by_name.keys()
    if unknown or len(set(group.columns)) < len(group.columns):
        raise ProtocolError(
            "unknown-column",
            f"A transaction changes columns of {group.table!r} that its schema version does not"
            f" have: {sorted(unknown)}.",
        )
    columns = [read_column(column) for column in group.values]
    sound = (
        group.columns[:width] == table.primary_key
        and len(columns) == len(group.columns)
        and len({len(column) for column in columns}) == 1
        and group.op in _OPS
        and 1 <= group.incarnation <= _INCARNATION_MAX
        and 0 <= group.ended < group.incarnation
        and not any(None in column for column in columns[:width])
    )
    if not sound:
        raise ProtocolError(
            "bad-transaction", f"A transaction's changes of {group.table!r} are malformed."
        )
    for name, held in zip(group.columns, columns, strict=True):
        column = table.by_name[name]
        if not can_hold(column.type, held):
            raise ProtocolError(
                "type-mismatch",
                f"A transaction has values for {group.table}.{name} that no {column.type} can be.",
            )
    op = Op(group.op)
    start = width if op is Op.UPDATE or op is Op.DELETE else 0
    names = group.columns[start:]
    return [
        Change(
            *(group.table, op, row[:width], dict(zip(names, row[start:], strict=True))),
            group.incarnation,
            group.ended,
        )
        for row in zip(*columns, strict=True)
    ]


def _is_wanted(wanted: Wanted) -> bool:
    return _is_count(wanted.count) and all(0 <= number < wanted.count for number in wanted.numbers)


def _is_digest(digest: DigestFrame) -> bool:
    return _is_count(len(digest.buckets)) and digest.rows >= 0


def _is_count(count: int) -> bool:
    """Whether a table may have so many buckets."""
    return 0 < count <= BUCKETS_MAX and count & (count - 1) == 0


def _is_detail(detail: DetailFrame) -> bool:
    rows = len(detail.marks)
    return (
        all(len(column) == rows for column in detail.keys)
        and len(set(map(len, detail.marks))) <= 1
        and all(map(are_values, detail.keys))
    )


def _pack(data: bytes) -> bytes:
    if len(data) < COMPRESS_BYTES_MIN:
        return PLAIN + data
    return ZSTD + zstandard.compress(data, COMPRESS_LEVEL)


def _unpack(data: bytes, bytes_max: int) -> bytes | memoryview:
    """Undo `_pack`, never writing more than `bytes_max` (a small frame can expand without end)."""
    if data[:1] == PLAIN:
        return memoryview(data)[1:]
    if data[:1] != ZSTD:
        raise ProtocolError("bad-frame", "A frame has an unknown encoding.")
    try:
        size = zstandard.frame_content_size(data[1:])
        if size < 0:
            raise ProtocolError("bad-frame", "A frame does not tell how large it is.")
        if size > bytes_max:
            raise ProtocolError(
                "too-large", f"A frame of {size} bytes is over the limit of {bytes_max}."
            )
        return zstandard.ZstdDecompressor().decompress(data[1:], allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ProtocolError("bad-frame", f"A frame can't be decompressed: {error}.") from None


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes | memoryview) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise ProtocolError("bad-frame", f"A frame can't be read: {error}.") from None
