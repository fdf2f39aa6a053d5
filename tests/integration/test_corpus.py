"""Every migration of the corpus that is accepted works on both sides: a row that is written on the
device comes to Postgres, one that is written in Postgres comes to the device."""

from pathlib import Path

import pytest

from electricsql.hub.catalog import read_catalog
from electricsql.migrations import Source, build, statements
from tests.checks.corpus import CASES, Case
from tests.integration.both import Both, opened
from tests.integration.models import expected, found, unnumbered

pytestmark = pytest.mark.anyio
ACCEPTED = [case for case in CASES if case.is_accepted]
every_case = pytest.mark.parametrize("case", ACCEPTED, ids=[case.name for case in ACCEPTED])


@every_case
async def test_it_works_on_both_sides(database: str, tmp_path: Path, case: Case) -> None:
    await works(database, tmp_path / "a.db", case)


@pytest.mark.soak
@every_case
async def test_it_works_with_postgres_15(database_15: str, tmp_path: Path, case: Case) -> None:
    await works(database_15, tmp_path / "a.db", case)


async def works(url: str, path: Path, case: Case) -> None:
    async with opened(url, path, case.sources) as both:
        await same_model(both, case)
        for statement in statements(Source("row", "row", case.row)):
            both.app.execute(statement.sql)
        rows = both.on_the_device()
        assert any(rows.values())
        await both.upload()
        assert await both.world.hub.quarantined() == []
        assert await both.in_postgres() == rows
        await both.empty_in_postgres()
        await both.download()
        assert not any(both.on_the_device().values())
        await both.write_in_postgres(rows)
        await both.download()
        assert both.on_the_device() == await both.in_postgres() == rows
        assert both.computed_on_the_device() == await both.computed_in_postgres()


async def same_model(both: Both, case: Case) -> None:
    schema = build(case.sources).schema
    assert unnumbered(both.device_schema()) == unnumbered(schema)
    catalog = found(await read_catalog(both.world.client))
    assert catalog == expected(schema)
    assert (await both.world.hub.status()).drift == ()
