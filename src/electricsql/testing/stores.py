"""What a simulated world needs of its databases: one protocol for a device's file, one for a hub.

There are several of each (dicts, SQLite files, Postgres); `contract.py` has what all of them
promise.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, Self

from electricsql.hub import NOWHERE, Claim
from electricsql.protocol import DeltaPart, Opened, Registered, Took
from electricsql.replication import AppliedMigration, Cursor, Part, Refused, Transaction
from electricsql.schema import Schema
from electricsql.testing.example import Shown, Statement


class Submitted(NamedTuple):
    """A device's transaction on its way into a hub; `encoded` as it came."""

    origin: int
    session: int
    transaction: Transaction
    encoded: bytes


class TransactionId(NamedTuple):
    """Which device transaction: its origin, and its number there."""

    origin: int
    number: int


class DeviceStore(Protocol):
    """A device's file. Each method is one durable step, or none: a crash comes between two."""

    def opened(self) -> Opened: ...

    def write(self, statements: Sequence[Statement]) -> bool:
        """What the app commits, if nothing in it breaks a foreign key."""

    def seal(self, now_ms: int) -> int:
        """Seal what the app has committed; gives the number of the last sealed transaction."""

    def load(self, number: int) -> bytes: ...

    def place(self, origin: int) -> None: ...

    def stage(self, part: DeltaPart) -> None: ...

    def apply(self, last: DeltaPart, now_ms: int) -> Took:
        """Apply the delta that is complete; tells what came of it."""

    def renew(self) -> int:
        """Become another device; gives the number of the last sealed transaction."""

    def reconcile(self, acknowledged: int, horizon: int, now_ms: int, /) -> None:
        """Offer what the transactions after this one need, and want everything: the hub has
        forgotten too much, all that is behind its horizon."""

    def start_over(self, epoch: str, /) -> None:
        """Forget everything, as another device: the hub's history is another one."""

    def crash(self) -> None:
        """Forget what was not durable."""

    def shown(self) -> Shown:
        """What the app sees."""

    def copy(self) -> Self:
        """The file as it is now, as another file."""

    @property
    def version(self) -> int:
        """How many migrations are applied; after starting over, none."""

    @property
    def has_unsealed(self) -> bool:
        """Whether the app has committed something that is not sealed."""

    @property
    def pending(self) -> Mapping[int, int]:
        """The clocks of the sealed transactions that are not acknowledged, by number."""


class Reading(Protocol):
    """A look at a hub in one snapshot."""

    cursor: Cursor

    def migrations_since(self, cursor: Cursor | None) -> Sequence[AppliedMigration]: ...

    def parts_since(self, cursor: Cursor | None) -> Iterator[Part]: ...

    def acknowledged(self, origins: Iterable[int]) -> Mapping[int, int]: ...

    def refused_since(
        self, origins: Iterable[int], cursor: Cursor | None
    ) -> Mapping[int, Sequence[Refused]]: ...


class HubStore(Protocol):
    """A hub: what its service asks of it, and clients that write directly."""

    def schema_at(self, version: str | None) -> Schema: ...

    def register(self, device: str, claim: Claim = NOWHERE, /) -> Registered: ...

    def applied(self, device: str, session: int, claim: Claim, /) -> None:
        """Note how far a device is."""

    def clean(self, connected: Collection[str] = ()) -> None:
        """Forget what all live devices have passed. The connected ones are live."""

    def expire(self, device: str, /) -> None:
        """A device has not been seen for so long that it is not live any more."""

    def merge(self, batch: Sequence[Submitted], now_ms: int, /) -> bool:
        """Merge what is new in a batch, all or nothing; False if a client is in the way."""

    def reading(self) -> Reading: ...

    def write(self, client: int, statements: Sequence[Statement]) -> bool:
        """A client's next statements, in its transaction (a new one if it has none). False if it
        would have to wait for another, or breaks a foreign key: then nothing is done."""

    def commit(self, client: int, now_ms: int, /) -> None: ...

    def roll_back(self, client: int) -> None: ...

    def forbid(self, table: str | None) -> None:
        """From now on a rule of the app refuses what devices insert or update in this table."""

    def waiting(self) -> Sequence[TransactionId]:
        """What waits in the quarantine."""

    def retry(self, id: TransactionId, now_ms: int, /) -> bool:
        """Merge a transaction that waits, if it can be merged now."""

    def discard(self, id: TransactionId) -> None:
        """Give up a transaction that waits."""

    def migrate(self) -> bool:
        """Apply the next migration; False if there is none, or a client is in the way."""

    def shown(self) -> Shown:
        """What a client sees that begins now."""

    def visible_to(self, client: int) -> Shown:
        """What a client sees in its transaction."""
