"""What tables, columns and types are; how SQLite and Postgres spell them; what a migration adds.
Pure."""

from electricsql.schema.catalog import (
    BY_POSTGRES,
    CatalogColumn,
    CatalogTable,
    is_needed,
    unlike,
)
from electricsql.schema.difference import Difference, additions
from electricsql.schema.expressions import columns_read, index_columns, postgres_expression
from electricsql.schema.introspect import OURS, Scratch
from electricsql.schema.model import (
    BINARY,
    Column,
    ColumnType,
    Default,
    ForeignKey,
    Index,
    Key,
    Schema,
    Table,
    Term,
    Value,
)
from electricsql.schema.portable import Unportable
from electricsql.schema.postgres import TYPES as POSTGRES_TYPES
from electricsql.schema.postgres import add_foreign_key as postgres_foreign_key
from electricsql.schema.postgres import create_index as postgres_index
from electricsql.schema.postgres import default_of as postgres_default
from electricsql.schema.postgres import has_index as postgres_has_index
from electricsql.schema.postgres import held_checks, quote
from electricsql.schema.postgres import literal as postgres_literal
from electricsql.schema.postgres import plan as postgres_plan
from electricsql.schema.tokens import (
    Check,
    Kind,
    Token,
    check_constraints,
    tokens,
    tokens_and_comments,
)
from electricsql.schema.types import column_type
from electricsql.schema.values import (
    FIRST_DAY_WITH_ZONE,
    LAST_DAY_WITH_ZONE,
    SPELLED,
    can_hold,
    canonical,
)

__all__ = [
    "BINARY",
    "BY_POSTGRES",
    "FIRST_DAY_WITH_ZONE",
    "LAST_DAY_WITH_ZONE",
    "OURS",
    "POSTGRES_TYPES",
    "SPELLED",
    "CatalogColumn",
    "CatalogTable",
    "Check",
    "Column",
    "ColumnType",
    "Default",
    "Difference",
    "ForeignKey",
    "Index",
    "Key",
    "Kind",
    "Schema",
    "Scratch",
    "Table",
    "Term",
    "Token",
    "Unportable",
    "Value",
    "additions",
    "can_hold",
    "canonical",
    "check_constraints",
    "column_type",
    "columns_read",
    "held_checks",
    "index_columns",
    "is_needed",
    "postgres_default",
    "postgres_expression",
    "postgres_foreign_key",
    "postgres_has_index",
    "postgres_index",
    "postgres_literal",
    "postgres_plan",
    "quote",
    "tokens",
    "tokens_and_comments",
    "unlike",
]
