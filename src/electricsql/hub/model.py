"""What the hub's door speaks about, as values."""

from dataclasses import dataclass
from datetime import datetime

from electricsql.replication import Transaction


@dataclass(frozen=True, slots=True)
class HubMigration:
    """A migration that was applied at the hub; `statements` are SQLite's."""

    name: str
    title: str
    sha256: str
    source: str
    statements: tuple[str, ...]
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class HubPlan:
    """What applying migrations comes to: the names of the new ones, and Postgres' statements."""

    pending: tuple[str, ...]
    postgres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """A device's place at the hub: its origin, and its last transaction that is in, with the clock
    that the device gave it."""

    origin: int
    acknowledged: int
    hlc: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """A device's transaction on its way in; `encoded` is what a quarantine would keep."""

    origin: int
    transaction: Transaction
    encoded: bytes


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """What the hub knows of a device. `cursor` is what it had applied when it was last seen."""

    device: str
    origin: int
    number: int
    schema_version: str | None
    cursor: str | None
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class HubStatus:
    """An environment at a glance."""

    schema_version: str | None
    epoch: str
    devices: tuple[DeviceStatus, ...]
    quarantined: int
