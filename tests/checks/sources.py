"""Migrations to check, from texts."""

from electricsql.checks import Finding, check
from electricsql.migrations import Source


def sources(*texts: str) -> list[Source]:
    """Migrations with these texts, in order."""
    return [Source(f"20240101000000{n:03}_m{n}", f"m{n}", text) for n, text in enumerate(texts, 1)]


def found(*texts: str) -> tuple[Finding, ...]:
    """What is found in the last one; those before it are known."""
    migrations = sources(*texts)
    return check(migrations, [each.name for each in migrations[:-1]])
