"""What the hub's door speaks about, as values."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from electricsql.errors import ServiceError
from electricsql.hub.drift import Drift
from electricsql.lenses import Lens
from electricsql.replication import Cursor, Fork, Refusal, Standing, Transaction

_TRANSACTION_ID: Final = re.compile(r"([1-9][0-9]{0,8})\.([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class HubMigration:
    """A migration that was applied at the hub; `statements` are SQLite's. One without a `lens` is
    from before there were any, and only adds."""

    name: str
    title: str
    sha256: str
    source: str
    statements: tuple[str, ...]
    applied_at: datetime
    lens: Lens | None = None
    additive: bool = True


@dataclass(frozen=True, slots=True)
class HubPlan:
    """What applying migrations comes to: the names of the new ones, and Postgres' statements."""

    pending: tuple[str, ...]
    postgres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """A device's place at the hub: its origin, and its last transaction that is in, with
    its mark (0: it could not be read). `session` is a new number, higher than those
    of the device's earlier sessions: what these submit is not taken any more. `standing` is how it
    stands to the hub's history, of which what is below `horizon` is forgotten; where it left it
    (LOST), `fork` tells."""

    origin: int
    acknowledged: int
    mark: int
    session: int
    standing: Standing = Standing.HERE
    horizon: int = 0
    fork: Fork | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a device says to be: the cursor that it has applied, and that of its oldest unsent
    transaction. `offered` is the horizon behind which what that one needs was offered (`Op.OFFER`).
    `reached` is its cursor even if it asks for everything; `origin` and `number` are its place at
    the hub and its last transaction that is in, as far as it knows."""

    cursor: Cursor | None = None
    oldest: Cursor | None = None
    schema_version: str | None = None
    offered: int = 0
    reached: Cursor | None = None
    origin: int = 0
    number: int = 0


NOWHERE: Final = Claim()
"""A device that has nothing yet."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A device's transaction on its way in, from one of its sessions; `encoded` is what a
    quarantine would keep. With a `refusal` that is where it goes, and `transaction` has as much of
    it as could be read."""

    origin: int
    transaction: Transaction
    encoded: bytes
    session: int
    refusal: Refusal | None = None

    @property
    def id(self) -> "TransactionId":
        return TransactionId(self.origin, self.transaction.number)

    def without_changes(self) -> "Submitted":
        """The same as if no change could be read."""
        return replace(self, transaction=replace(self.transaction, changes=()))


class TransactionId(NamedTuple):
    """Which device transaction: its origin, and its number there."""

    origin: int
    number: int

    def __str__(self) -> str:
        return f"{self.origin}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> "TransactionId":
        """Read `origin.number`; the inverse of `str()`.

        Raises:
            ServiceError: `not-quarantined`: it isn't one.
        """
        match = _TRANSACTION_ID.fullmatch(text)
        if match is None:
            raise not_quarantined(text[:80])
        return cls(int(match[1]), int(match[2]))


def not_quarantined(id: object) -> ServiceError:
    """No transaction of that id is in the quarantine."""
    return ServiceError(
        "not-quarantined",
        f"Transaction {id} is not in the quarantine.",
        "`electric quarantine list --all` shows what is.",
        definite=True,
        status=404,
    )


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A refused transaction. `fate` is waiting, retried (and merged then) or discarded; `changes`
    counts the rows that could be read of it (None: nobody counted)."""

    origin: int
    number: int
    device: str | None
    code: str
    message: str
    at: datetime
    fate: str
    decided_at: datetime | None
    changes: int | None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What the hub knows of a device. `cursor` is what it had applied when it was last seen, and
    `lag` counts the Postgres transactions since then that it does not have (None: it has nothing).
    For one that has `expired` the hub keeps nothing any more.

    Each of its transactions up to `number` was merged, or quarantined and then retried, discarded,
    or waits; `conserved` says whether these add up.
    """

    device: str
    origin: int
    number: int
    merged: int
    waiting: int
    retried: int
    discarded: int
    conserved: bool
    schema_version: str | None
    cursor: str | None
    seen_at: datetime | None
    lag: int | None
    expired: bool


@dataclass(frozen=True, slots=True)
class HubStatus:
    """An environment at a glance. `quarantined` counts what waits; `drift` is how its tables differ
    from what the migrations made."""

    schema_version: str | None
    epoch: str
    devices: tuple[DeviceStatus, ...]
    quarantined: int
    drift: tuple[Drift, ...] = ()
