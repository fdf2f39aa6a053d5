"""The process in front of hubs: HTTP and WebSocket, tokens, fan-out.

This door is light, since every `electric` command comes through it to find the admin key. The
service itself is behind a second one: `electricsql.service.server` has `run`, `serving` and
`Running`.
"""

from electricsql.service.discovery import (
    admin_key_for,
    default_data_dir,
    forget_service,
    note_service,
    state_file,
)
from electricsql.service.settings import Settings

__all__ = [
    "Settings",
    "admin_key_for",
    "default_data_dir",
    "forget_service",
    "note_service",
    "state_file",
]
