"""Lenses: how a change or a row of one schema version reads in another. Pure."""

from electricsql.lenses.lineage import HIDDEN, Lineage
from electricsql.lenses.model import (
    FORMAT_VERSION,
    Added,
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
    "Added",
    "Dropped",
    "Kept",
    "Lens",
    "Lineage",
    "TableLens",
    "TableView",
    "View",
    "column_uid",
    "lens_json",
    "made",
    "read_lens",
    "table_uid",
]
