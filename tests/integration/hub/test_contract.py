"""The real hub keeps the contract that the simulated one keeps."""

from collections.abc import Iterator

import pytest

from electricsql.testing.contract import HubContract
from electricsql.testing.postgres_hub import PostgresHub
from electricsql.testing.stores import HubStore


class TestPostgresHub(HubContract):
    @pytest.fixture(autouse=True)
    def _hub(self, any_database: str) -> Iterator[None]:
        self.hub = PostgresHub(any_database)
        yield
        self.hub.close()

    def new_hub(self) -> HubStore:
        return self.hub
