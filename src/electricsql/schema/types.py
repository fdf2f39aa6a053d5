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
            *("INT2", "INT4", "INT8", "BIG INT", "INT16", "INT32", "INT64"),
            *("UNSIGNED BIG INT", "UNSIGNED INT", "UNSIGNED INTEGER", "UNSIGNED BIGINT"),
            *("INT UNSIGNED", "INTEGER UNSIGNED", "BIGINT UNSIGNED"),
        ),
        ColumnType.REAL: ("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT", "FLOAT4", "FLOAT8"),
        ColumnType.TEXT: (
            *("TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "NTEXT", "CLOB", "NCLOB"),
            *("CHAR", "CHARACTER", "VARCHAR", "NCHAR", "NVARCHAR", "BPCHAR", "LONGVARCHAR"),
            *("VARCHAR2", "NVARCHAR2", "CHARACTER VARYING", "VARYING CHARACTER"),
            *("NATIVE CHARACTER", "NATIONAL CHARACTER", "NATIONAL CHARACTER VARYING"),
        ),
        ColumnType.BLOB: (
            *("BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "BYTEA", "BINARY", "VARBINARY"),
        ),
        ColumnType.BOOLEAN: ("BOOLEAN", "BOOL"),
        ColumnType.DATE: ("DATE",),
        ColumnType.TIME: ("TIME", "TIME WITHOUT TIME ZONE"),
        ColumnType.TIMESTAMP: ("TIMESTAMP", "DATETIME", "TIMESTAMP WITHOUT TIME ZONE"),
        ColumnType.TIMESTAMPTZ: ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
        ColumnType.UUID: ("UUID", "GUID", "UNIQUEIDENTIFIER"),
        ColumnType.JSON: ("JSON",),
        ColumnType.NUMERIC: ("NUMERIC", "DECIMAL", "DEC", "NUMBER"),
    }.items()
    for name in names
}
_PARAMETERS: Final = re.compile(r"\s*\([^)]*\)\s*")


def column_type(declared: str) -> ColumnType | None:
    """The type that a declaration means; None for a word that is not known, and for none."""
    return DECLARED.get(" ".join(_PARAMETERS.sub(" ", declared).split()).upper())
