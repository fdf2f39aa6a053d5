"""The clocks of transactions. They never change, so what was looked up once is kept."""

from collections.abc import Iterable, Mapping

from electricsql.hub.connection import Connection
from electricsql.limits import KNOWN_CLOCKS_MAX
from electricsql.replication import Clock, xid_of

_LOOK_UP = "SELECT id, hlc, origin FROM electric.transactions WHERE id = ANY($1::bigint[])"


class KnownClocks:
    """The clocks of one hub's transactions."""

    def __init__(self) -> None:
        self._known: dict[int, Clock] = {}

    async def of(
        self, connection: Connection, ids: Iterable[int], horizon: int
    ) -> dict[int, Clock]:
        """The clocks of these transactions, as far as there are any. Those behind the horizon are
        forgotten, whether they are still there or not, so that all who look agree."""
        wanted = {id for id in ids if xid_of(id) >= horizon}
        found = {id: self._known[id] for id in wanted if id in self._known}
        if unknown := wanted - found.keys():
            records = await connection.fetch(_LOOK_UP, list(unknown))
            looked_up = {record[0]: Clock(record[1], record[2]) for record in records}
            self.keep(looked_up)
            found |= looked_up
        return found

    def keep(self, clocks: Mapping[int, Clock]) -> None:
        """Remember clocks that are committed."""
        if len(self._known) > KNOWN_CLOCKS_MAX:
            self._known.clear()
        self._known.update(clocks)
