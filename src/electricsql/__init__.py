"""A local-first SQL system: SQLite in every copy of an app, Postgres behind all of them."""

__version__ = "0.1.0"
