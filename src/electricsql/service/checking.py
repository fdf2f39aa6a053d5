"""Migrations that are sent here are checked like at home, before the hub sees them."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from electricsql.checks import Finding, Refused, check
from electricsql.hub import Hub, Source, pending
from electricsql.service.http import Refusal


async def checked(hub: Hub, sources: Sequence[Source]) -> list[Finding]:
    """The warnings about the migrations that the hub does not have.

    Raises:
        MigrationError: as `pending` raises it.
        Refusal: the rules found errors; `details.findings` are all that they found.
    """
    applied = await hub.migrations()
    ordered = sorted(sources, key=lambda source: source.name)
    pending(applied, ordered)
    names = {migration.name for migration in applied}
    findings = await asyncio.to_thread(check, ordered, names)
    if any(each.is_error for each in findings):
        details = {"findings": [asdict(each) for each in findings]}
        raise Refusal(Refused(findings), 422, details)
    return list(findings)
