"""What tables, columns and types are; how SQLite and Postgres spell them; what a migration adds.
Pure."""

from electricsql.schema.catalog import (
    BY_POSTGRES,
    CatalogColumn,
    CatalogTable,
    computed_unlike,
    is_needed,
    unlike,
)
from electricsql.schema.conditions import Conditions
from electricsql.schema.difference import Difference, additions, changes
from electricsql.schema.expressions import (
    columns_read,
    generated_expression,
    index_columns,
    postgres_expression,
    qualified,
    rivals,
    sources,
)
from electricsql.schema.introspect import Scratch
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
    fold,
)
from electricsql.schema.pairs import Pair
from electricsql.schema.portable import Mistyped, Unportable
from electricsql.schema.postgres import ROW_CHECK as POSTGRES_ROW_CHECK
from electricsql.schema.postgres import TYPES as POSTGRES_TYPES
from electricsql.schema.postgres import add_column as postgres_add_column
from electricsql.schema.postgres import add_foreign_key as postgres_foreign_key
from electricsql.schema.postgres import create_index as postgres_index
from electricsql.schema.postgres import default_of as postgres_default
from electricsql.schema.postgres import has_index as postgres_has_index
from electricsql.schema.postgres import held_checks
from electricsql.schema.postgres import index_name as postgres_index_name
from electricsql.schema.postgres import key_name as postgres_key_name
from electricsql.schema.postgres import literal as postgres_literal
from electricsql.schema.reading import OURS, is_literal
from electricsql.schema.reshaping import plan as postgres_plan
from electricsql.schema.tokens import (
    Check,
    Kind,
    Token,
    about_one_table,
    chained,
    check_constraints,
    quote,
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
    "POSTGRES_ROW_CHECK",
    "POSTGRES_TYPES",
    "SPELLED",
    "CatalogColumn",
    "CatalogTable",
    "Check",
    "Column",
    "ColumnType",
    "Conditions",
    "Default",
    "Difference",
    "ForeignKey",
    "Index",
    "Key",
    "Kind",
    "Mistyped",
    "Pair",
    "Schema",
    "Scratch",
    "Table",
    "Term",
    "Token",
    "Unportable",
    "Value",
    "about_one_table",
    "additions",
    "can_hold",
    "canonical",
    "chained",
    "changes",
    "check_constraints",
    "column_type",
    "columns_read",
    "computed_unlike",
    "fold",
    "generated_expression",
    "held_checks",
    "index_columns",
    "is_literal",
    "is_needed",
    "postgres_add_column",
    "postgres_default",
    "postgres_expression",
    "postgres_foreign_key",
    "postgres_has_index",
    "postgres_index",
    "postgres_index_name",
    "postgres_key_name",
    "postgres_literal",
    "postgres_plan",
    "qualified",
    "quote",
    "rivals",
    "sources",
    "tokens",
    "tokens_and_comments",
    "unlike",
]
