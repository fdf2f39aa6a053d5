"""SQLite on the device: capture, applying deltas, the sync engine, and the library that apps
use."""

from electricsql.device.database import Database, electrify
from electricsql.device.status import Migrated, Progress, Rejected, Status

__all__ = ["Database", "Migrated", "Progress", "Rejected", "Status", "electrify"]
