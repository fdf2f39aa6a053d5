"""Which directives there are: comments `-- @name …` that say something about a statement."""

from collections.abc import Mapping
from typing import Final

ALLOW: Final = "allow"
FORMS: Final[Mapping[str, str]] = {
    ALLOW: '-- @allow RULE reason="…"',
    "unique": "-- @unique TABLE.COLUMN on-conflict=POLICY",
    "check": "-- @check TABLE.CONSTRAINT on-conflict=POLICY",
}
"""Each with how it is written."""
