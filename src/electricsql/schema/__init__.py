"""What tables, columns and types are; how SQLite and Postgres spell them; what a migration adds.
Pure."""

from electricsql.schema.difference import Difference, additions
from electricsql.schema.expressions import Unportable, postgres_expression
from electricsql.schema.introspect import OURS, Scratch
from electricsql.schema.model import (
    Column,
    ColumnType,
    Default,
    ForeignKey,
    Index,
    Key,
    Schema,
    Table,
    Value,
)
from electricsql.schema.postgres import TYPES as POSTGRES_TYPES
from electricsql.schema.postgres import literal as postgres_literal
from electricsql.schema.postgres import plan as postgres_plan
from electricsql.schema.postgres import quote
from electricsql.schema.tokens import Kind, Token, tokens, tokens_and_comments
from electricsql.schema.types import column_type
from electricsql.schema.values import (
    FIRST_DAY_WITH_ZONE,
    LAST_DAY_WITH_ZONE,
    SPELLED,
    can_hold,
    canonical,
)

__all__ = [
    "FIRST_DAY_WITH_ZONE",
    "LAST_DAY_WITH_ZONE",
    "OURS",
    "POSTGRES_TYPES",
    "SPELLED",
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
    "Token",
    "Unportable",
    "Value",
    "additions",
    "can_hold",
    "canonical",
    "column_type",
    "postgres_expression",
    "postgres_literal",
    "postgres_plan",
    "quote",
    "tokens",
    "tokens_and_comments",
]
