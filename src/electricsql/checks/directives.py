"""Which directives there are: comments `-- @name …` that say something about a statement."""

from collections.abc import Mapping
from typing import Final

from electricsql.migrations import LOCAL_ONLY

ALLOW: Final = "allow"
FORMS: Final[Mapping[str, str]] = {
    ALLOW: '-- @allow RULE reason="…"',
    "unique": "-- @unique TABLE.COLUMN on-conflict=POLICY",
    "check": "-- @check TABLE.CONSTRAINT on-conflict=POLICY",
    LOCAL_ONLY: f"-- @{LOCAL_ONLY}",
}
"""Each with how it is written."""
