"""Which type a declared SQLite column type means.

SQLite accepts any word as a type; Postgres needs to know. The word decides, without its length or
precision, which SQLite ignores (`VARCHAR(3)` holds any text), so they are not asked for in Postgres
either. Spelling and case don't matter. What a migration may not declare is for `checks` to say.
"""

import re
from typing import Final

from electricsql.schema.model import ColumnType

DECLARED: Final = {
    name: type
    for type, names in {
        ColumnType.INTEGER: (
            *("INTEGER", "INT", "BIGINT", "SMALLINT", "TINYINT", "MEDIUMINT"),
            *("INT2", "INT4", "INT8", "BIG INT", "UNSIGNED BIG INT"),
        ),
        ColumnType.REAL: ("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT", "FLOAT4", "FLOAT8"),
        ColumnType.TEXT: (
            *("TEXT", "CLOB", "CHAR", "CHARACTER", "VARCHAR", "NCHAR", "NVARCHAR"),
            *("CHARACTER VARYING", "VARYING CHARACTER", "NATIVE CHARACTER"),
        ),
        ColumnType.BLOB: ("BLOB",),
        ColumnType.BOOLEAN: ("BOOLEAN", "BOOL"),
        ColumnType.DATE: ("DATE",),
        ColumnType.TIME: ("TIME",),
        ColumnType.TIMESTAMP: ("TIMESTAMP", "DATETIME"),
        ColumnType.TIMESTAMPTZ: ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
        ColumnType.UUID: ("UUID",),
        ColumnType.JSON: ("JSON",),
        ColumnType.NUMERIC: ("NUMERIC", "DECIMAL"),
    }.items()
    for name in names
}
_PARAMETERS: Final = re.compile(r"\s*\([^)]*\)\s*")


def column_type(declared: str) -> ColumnType | None:
    """The type that a declaration means; None for a word that is not known, and for none."""
    return DECLARED.get(" ".join(_PARAMETERS.sub(" ", declared).split()).upper())
