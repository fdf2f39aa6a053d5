"""Lenses: how a change or a row of one schema version reads in another. Pure."""

from electricsql.lenses.conversions import Form, Held, made_up, raised
from electricsql.lenses.expressions import Expression, Failed, constant, evaluate
from electricsql.lenses.lineage import HIDDEN, Lineage
from electricsql.lenses.model import (
    FORMAT_VERSION,
    HOLD,
    NULL,
    Added,
    ColumnLens,
    Converted,
    Dropped,
    Kept,
    Lens,
    TableLens,
    column_uid,
    lens_json,
    made,
    read_lens,
    table_uid,
)
from electricsql.lenses.view import TableView, View

__all__ = [
    "FORMAT_VERSION",
    "HIDDEN",
    "HOLD",
    "NULL",
    "Added",
    "ColumnLens",
    "Converted",
    "Dropped",
    "Expression",
    "Failed",
    "Form",
    "Held",
    "Kept",
    "Lens",
    "Lineage",
    "TableLens",
    "TableView",
    "View",
    "column_uid",
    "constant",
    "evaluate",
    "lens_json",
    "made",
    "made_up",
    "raised",
    "read_lens",
    "table_uid",
]
