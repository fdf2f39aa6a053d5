"""Which directives there are: comments `-- @name …` that say something about a statement."""

from collections.abc import Mapping
from typing import Final

from electricsql.migrations import DOWN, DROP, LOCAL_ONLY, RENAME

ALLOW: Final = "allow"
FORMS: Final[Mapping[str, str]] = {
    ALLOW: '-- @allow RULE reason="…"',
    "unique": "-- @unique TABLE.COLUMN on-conflict=POLICY",
    "check": "-- @check TABLE.CONSTRAINT on-conflict=POLICY",
    RENAME: f"-- @{RENAME} TABLE.COLUMN -> NEW_NAME",
    DROP: f"-- @{DROP} TABLE.COLUMN [down=CONSTANT]",
    DOWN: f"-- @{DOWN} TABLE.COLUMN = CONSTANT",
    LOCAL_ONLY: f"-- @{LOCAL_ONLY}",
}
"""Each with how it is written."""
