"""What a device and a service say to each other: typed MessagePack frames on a WebSocket each.

A conversation:

    device                                   service
    Hello(cursor, schema version, …)  →
                                      ←  Welcome(origin, epoch, acknowledged)
    Upload(number, part, …)           →                       (any time, within a window)
                                      ←  Delta(part 0) … Delta(part n, last)
    Applied(cursor)                   →                       (after the delta is durable)
    Compare(buckets)                  →                       (on request)
                                      ←  Delta …, Moment
                                      ←  Digests or Details     (when they are known)
    Ping(nonce)                       →
                                      ←  Pong(nonce)         (all there was is on its way)
    Pong(0)                           ↔                       (a heartbeat)
                                      ←  Bye(code, …)         (then the connection closes)

The last part of a delta carries the new cursor, the number up to which the device's transactions
are acknowledged, and those refused: rows, cursor and acknowledgement take effect in one step. A
device that is upgrading is sent Acknowledged(number, …) in place of deltas.
"""

from typing import Annotated, Any, Final

import msgspec

from electricsql.limits import (
    CHANGE_GROUPS_MAX,
    COLUMNS_MAX,
    CURSOR_CHARS_MAX,
    KEY_COLUMNS_MAX,
    VERSION_CHARS_MAX,
)
from electricsql.replication import WAITING, Shadow, Standing

PROTOCOL_VERSION: Final = 1

CursorText = Annotated[str, msgspec.Meta(max_length=CURSOR_CHARS_MAX)]
Columns = Annotated[tuple[str, ...], msgspec.Meta(max_length=COLUMNS_MAX)]
RawColumns = Annotated[list[msgspec.Raw], msgspec.Meta(max_length=COLUMNS_MAX)]
"""A list of `Value`s for each column, not read yet (`columns.py` does)."""
VersionName = Annotated[str, msgspec.Meta(max_length=VERSION_CHARS_MAX, pattern=r"^[^\0]*\Z")]


class Staged(msgspec.Struct, frozen=True, array_like=True):
    """How far a large delta has come that is not complete yet: all its rows up to `table` and
    `key`, in the hub's order, as they were at `cursor` or later; `rows` of them, or so.

    With `since`, all of its rows came as they were then or later, and of those that have changed
    since then, those up to the key have come again.
    """

    cursor: CursorText
    whole: bool
    rows: int
    table: str
    key: Annotated[tuple[Any, ...], msgspec.Meta(max_length=KEY_COLUMNS_MAX)]  # of `Value`
    since: CursorText | None = None


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The first frame. `cursor` (`epoch/snapshot`) is what the device has applied, None at first;
    `sealed` the number of its last sealed transaction. `staged` is what it has of a delta since its
    cursor that was broken off. `oldest` is the cursor of its oldest unsent transaction, or its own
    if there is none; `offered` is the horizon behind which what that one may need was offered (0:
    it was not). `reached` is what it has applied if it says no `cursor`, to be sent everything;
    `origin` and `acknowledged` are its place at the hub and its last transaction there, as far as
    it knows: by these three it is noticed that a hub was put back to an older backup.
    `upgrade` is the last migration of its schema that does more than add: who does not have that
    one can send it nothing. While it is `upgrading` it has unsent transactions of an older schema
    version, whose rows it doesn't show any more: it takes no deltas until these are in."""

    protocol: int
    device: str
    cursor: CursorText | None
    schema_version: VersionName | None
    sealed: int
    staged: Staged | None = None
    oldest: CursorText | None = None
    offered: int = 0
    reached: CursorText | None = None
    origin: int = 0
    acknowledged: int = 0
    upgrading: bool = False
    upgrade: VersionName | None = None


class Upload(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Part `part` (from 0) of transaction `number`: a piece of its encoding (`codec`)."""

    number: int
    part: int
    last: bool
    data: bytes


class Applied(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The device has durably applied everything up to this cursor. `oldest`: as in `Hello`."""

    cursor: CursorText
    oldest: CursorText | None = None


class Ping(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Have I been sent all that is at the hub? The answer carries the same `nonce` (from 1)."""

    nonce: int


class Pong(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Yes, you have. With nonce 0, from either side: I am there, and so many parts of uploads have
    come: who sends slowly learns that it gets on."""

    nonce: int
    parts: int = 0


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """The device's place at the hub: origin, epoch, and the last of its transactions that is in.
    `acknowledged_mark` tells that one from others of its number (`replication.Transaction.mark`; 0:
    there is none, or it could not be read). `standing` is a `replication.Standing`: how its cursor
    stands to the hub's history, of which what is below `horizon` (an xid) is forgotten.
    If it is LOST, `fork` is a `replication.Fork`: where the hub left the history of that cursor."""

    origin: int
    epoch: str
    acknowledged: int
    acknowledged_mark: int
    hub_time_ms: int
    heartbeat_ms: int
    standing: int = Standing.HERE
    horizon: int = 0
    fork: tuple[int, int] | None = None


class MigrationFrame(msgspec.Struct, frozen=True, array_like=True):
    """A migration in a delta (see `replication.AppliedMigration`)."""

    name: str
    title: str
    sha256: str
    statements: tuple[str, ...]


class RefusedFrame(msgspec.Struct, frozen=True, array_like=True):
    """A refused transaction in a delta (see `replication.Refused`)."""

    number: int
    code: str
    message: str
    fate: str = WAITING


class DeltaPart(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """One part of a delta. `blocks` and `clocks` are encoded on their own, once for all devices.

    `cursor`, `acknowledged` and `refused` count in the last part only; `migrations` come in the
    first. `rows` and `rows_total` tell how many rows came up to and with this part, and about how
    many will. In a `whole` delta there is every row of the hub: what a device has besides is gone.

    A large delta says with each part what the device has `staged` with it: so much need not come
    again if the connection is lost now. Where a delta goes on with what the device said to have
    staged, its first part `follows`; any other first part begins anew.
    """

    part: int
    last: bool
    whole: bool
    cursor: str
    acknowledged: int
    rows: int
    rows_total: int
    migrations: tuple[MigrationFrame, ...] = ()
    refused: tuple[RefusedFrame, ...] = ()
    clocks: bytes = b""
    blocks: tuple[bytes, ...] = ()
    staged: Staged | None = None
    follows: bool = False


class Acknowledged(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """The device's transactions up to `number` are in, but for those that were refused: what the
    last part of a delta says, to a device that is upgrading."""

    number: int
    refused: tuple[RefusedFrame, ...] = ()


class Bye(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """Why the connection ends. `definite`: coming back unchanged will fail again."""

    code: str
    problem: str
    remedy: str = ""
    definite: bool = False


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """Some of a table's buckets, if it has `count` of them (see `digests`)."""

    table: str
    count: int
    numbers: tuple[int, ...]


class Compare(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """What does the hub have: the digests of all tables, or the rows in the buckets that are
    wanted?"""

    wanted: tuple[Wanted, ...] = ()


class Moment(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """The hub is looked at to answer a Compare: as it was at the end of the delta before this
    frame, and as the device's file is now."""


class DigestFrame(msgspec.Struct, frozen=True, array_like=True):
    """A table's digest: its buckets, as many as it needs."""

    table: str
    rows: int
    buckets: tuple[int, ...]


class Digests(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """The digests of all tables."""

    tables: tuple[DigestFrame, ...]


class DetailFrame(msgspec.Struct, frozen=True, array_like=True):
    """A table's rows in the wanted buckets: keys column by column, and a mark for each column of
    each row."""

    table: str
    keys: list[list[Any]]  # of `Value`, as in a block
    marks: list[tuple[int, ...]]


class Details(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """The rows in the buckets that were wanted."""

    tables: tuple[DetailFrame, ...]


class BlockFrame(msgspec.Struct, frozen=True, array_like=True):
    """A `replication.Block`. `shadow_of` is a list, or one place for all rows."""

    table: str
    columns: Columns
    values: RawColumns
    shadows: list[Shadow]
    shadow_of: list[int] | int


class ChangesFrame(msgspec.Struct, frozen=True, array_like=True):
    """Changes of one kind: the same table, op, incarnation and columns; values column by column.

    `columns` starts with the table's primary key, in its order; then the changed columns.
    """

    table: str
    op: int
    incarnation: int
    columns: Columns
    values: RawColumns
    ended: int = 0


class TransactionFrame(msgspec.Struct, frozen=True, array_like=True):
    """A `replication.Transaction`."""

    number: int
    hlc: int
    cursor: CursorText | None
    schema_version: VersionName | None
    changes: Annotated[list[ChangesFrame], msgspec.Meta(max_length=CHANGE_GROUPS_MAX)]
    seal: int = 0


HEARTBEAT: Final = Pong(0)

Up = Hello | Upload | Applied | Ping | Pong | Compare
"""What a device sends."""
Down = Welcome | DeltaPart | Acknowledged | Pong | Bye | Moment | Digests | Details
"""What a service sends."""
