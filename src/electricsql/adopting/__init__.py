"""Adopting what exists: the first migration of an app, drafted from tables that are there already.
Pure."""

from electricsql.adopting.draft import Draft, Finding, Found, Outcome, listed
from electricsql.adopting.postgres import draft as draft_from_postgres
from electricsql.adopting.sqlite import draft as draft_from_sqlite
from electricsql.adopting.types import Misfits

__all__ = [
    "Draft",
    "Finding",
    "Found",
    "Misfits",
    "Outcome",
    "draft_from_postgres",
    "draft_from_sqlite",
    "listed",
]
