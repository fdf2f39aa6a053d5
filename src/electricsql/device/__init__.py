"""SQLite on the device: capture, applying deltas, the sync engine, and the library that apps
use."""

from electricsql.device.comparing import Comparison, Difference
from electricsql.device.database import Database, electrify
from electricsql.device.status import Migrated, Progress, Rejected, Status
from electricsql.device.verifying import Verified, verify

__all__ = [
    "Comparison",
    "Database",
    "Difference",
    "Migrated",
    "Progress",
    "Rejected",
    "Status",
    "Verified",
    "electrify",
    "verify",
]
