"""Postgres: shadow tables and triggers, merging into tables, reading deltas, migrations."""

from electricsql.hub.cluster import Cluster
from electricsql.hub.drift import Drift
from electricsql.hub.existing import look, mark
from electricsql.hub.hub import Hub
from electricsql.hub.migrating import pending
from electricsql.hub.model import (
    NOWHERE,
    Claim,
    DeviceStatus,
    HubMigration,
    HubPlan,
    HubStatus,
    Quarantined,
    Registered,
    Submitted,
    TransactionId,
)
from electricsql.hub.reading import Reading
from electricsql.migrations import Source

__all__ = [
    "NOWHERE",
    "Claim",
    "Cluster",
    "DeviceStatus",
    "Drift",
    "Hub",
    "HubMigration",
    "HubPlan",
    "HubStatus",
    "Quarantined",
    "Reading",
    "Registered",
    "Source",
    "Submitted",
    "TransactionId",
    "look",
    "mark",
    "pending",
]
