"""Noting what a merge did, in one round trip: clocks, numbers, refusals, where to look for news."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from electricsql.hub.capture import relation, user_table
from electricsql.hub.connection import Connection
from electricsql.hub.model import Submitted
from electricsql.hub.quarantine import NUMBER as QUARANTINE
from electricsql.limits import REFUSAL_CHARACTERS_MAX
from electricsql.replication import Incoming, Refusal
from electricsql.schema import Table

# The last part finds triggers FOR EACH ROW (1) and BEFORE (2), and columns of tables that were
# there before whose types round what is written: see effects.py.
_NOTE: Final = """
WITH merged AS (
    INSERT INTO electric.transactions (id, origin, number, hlc, schema_version, seal)
    SELECT * FROM unnest(
        $1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $18::bigint[]
    )
), counted AS (
    UPDATE electric.devices d
    SET number = n.number, mark = n.mark, merged = d.merged + n.merged, seen_at = now()
    FROM unnest($6::int[], $7::bigint[], $8::bigint[], $9::bigint[]) n(origin, number, mark, merged)
    WHERE d.origin = n.origin
), refused AS (
    INSERT INTO electric.quarantine (origin, number, code, message, transaction, changes)
    SELECT * FROM unnest(
        $10::int[], $11::bigint[], $12::text[], $13::text[], $14::bytea[], $15::int[]
    )
), touched AS (
    INSERT INTO electric.touched SELECT pg_current_xact_id(), unnest($16::int[])
    ON CONFLICT DO NOTHING
)
SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgrelid = ANY($17::text[]::regclass[]) AND t.tgtype & 3 = 3 AND t.tgenabled <> 'D'
    AND NOT t.tgisinternal
UNION
SELECT DISTINCT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attrelid = ANY($17::text[]::regclass[]) AND a.attnum > 0
    AND (a.atttypmod >= 0 OR a.atttypid IN ('float4'::regtype, 'jsonb'::regtype))
"""


async def note(
    connection: Connection,
    batch: Sequence[Incoming],
    fresh: Sequence[Submitted],
    refused: Mapping[int, Refusal],
    touched: Sequence[Table],
) -> set[str]:
    """Note these transactions (twice: as merged, and as submitted unless it was from the
    quarantine), which of them were refused, and the tables that have something to tell. Gives those
    whose triggers may have changed what was written."""
    taken = [each for place, each in enumerate(batch) if place not in refused]
    last = {each.origin: each.transaction for each in fresh}
    merged = Counter(each.author.clock.origin for each in taken)
    numbers = [table.number for table in touched] + [QUARANTINE] * bool(refused)
    held = [fresh[place] for place in refused]
    records = await connection.fetch(
        _NOTE,
        [each.author.id for each in taken],
        [each.author.clock.origin for each in taken],
        [each.transaction.number for each in taken],
        [each.author.clock.hlc for each in taken],
        [each.transaction.schema_version for each in taken],
        list(last),
        [each.number for each in last.values()],
        [each.mark for each in last.values()],
        [merged[origin] for origin in last],
        [each.origin for each in held],
        [each.transaction.number for each in held],
        [refusal.code for refusal in refused.values()],
        [refusal.message[:REFUSAL_CHARACTERS_MAX] for refusal in refused.values()],
        [each.encoded for each in held],
        [len(each.transaction.changes) for each in held],
        numbers,
        [user_table(table) for table in touched],
        [each.transaction.seal or None if not each.is_in else None for each in taken],
    )
    names = {relation(table): table.name for table in touched}
    return {names[record[0]] for record in records}
