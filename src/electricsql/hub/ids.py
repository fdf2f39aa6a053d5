"""Transaction ids of a hub that was dumped in one cluster and restored in another.

Rows, clocks and cursors speak of transactions by the ids that the old cluster gave them. The new
one has to be past them, or they would be yet to come. So it is made to give out ids, to nobody,
until it is: about 100,000 in a second.
"""

from typing import Final

from electricsql.errors import PostgresError
from electricsql.hub.connection import Connection
from electricsql.limits import PASSED_IDS_MARGIN, PASSED_IDS_MAX

# A hub of an early format has no horizon.
_MISSING: Final = """
SELECT greatest(
    (SELECT (to_jsonb(h) ->> 'horizon')::bigint FROM electric.hub h),
    (SELECT max(id) >> 10 FROM electric.transactions),
    (SELECT xid::text::bigint FROM electric.touched ORDER BY xid DESC LIMIT 1)
) + 1 - pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
# Without COMMIT it would be one id for all. As long as others do the same, less is left to do.
_PASS: Final = """
DO $$ BEGIN
    WHILE pg_current_xact_id()::text::bigint < {last} LOOP COMMIT; END LOOP;
END $$
"""


async def pass_known_ids(connection: Connection) -> None:
    """See that no transaction which the hub knows is yet to come.

    Raises:
        PostgresError: `ids-behind`: too many would be.
    """
    missing = await connection.fetchval(_MISSING)
    if missing is None or missing <= 0:
        return
    if missing > PASSED_IDS_MAX:
        raise PostgresError(
            "ids-behind",
            "The database comes from another Postgres, whose transaction ids are higher by"
            f" {missing:,}.",
            "Restore it in a Postgres that has given out as many (docs/reliability.md).",
        )
    now = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    await connection.execute(_PASS.format(last=now + missing + PASSED_IDS_MARGIN))
