"""A Postgres on one machine, with no set-up: found, initialised, started, and stopped with its
owner."""

from electricsql.embedded.binaries import find_binaries
from electricsql.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "find_binaries"]
