"""An application of five versions: columns and tables are renamed, dropped and added, one under the
name of another that was dropped."""

from collections.abc import Iterator, Sequence

import pytest

from electricsql.hub import Source, migrating
from electricsql.lenses import Added, Dropped, Kept, Lens, TableLens, column_uid
from electricsql.migrations import Build, BuiltMigration, additive_lens, build, schema_of
from electricsql.migrations.source import statements
from electricsql.schema import Difference, Schema
from tests.integration.hub.hubs import sources

APP = (
    "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, title TEXT NOT NULL DEFAULT '',"
    " note TEXT, size INTEGER DEFAULT 0);"
    "CREATE TABLE parts (item INTEGER NOT NULL REFERENCES items, kind TEXT NOT NULL,"
    " n INTEGER DEFAULT 0, PRIMARY KEY (item, kind));",
    "ALTER TABLE items RENAME COLUMN title TO name; ALTER TABLE items DROP COLUMN note;"
    "ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE items RENAME TO things;",
    "DROP TABLE parts;",
    "ALTER TABLE things ADD COLUMN note TEXT NOT NULL DEFAULT 'again';",
)
VERSIONS = [source.name for source in sources(*APP)]
_KEPT = (Kept("id"), Kept("name"), Kept("size"), Kept("done"))
_SECOND = (
    *(Kept("id"), Kept("name", "title"), Kept("size")),
    *(Added("done", column_uid(VERSIONS[1], "items", "done")), Dropped("note", "'none'")),
)
_LENSES = {
    VERSIONS[1]: TableLens("items", "items", columns=_SECOND),
    VERSIONS[2]: TableLens("things", "items", columns=_KEPT),
    VERSIONS[3]: TableLens(was="parts"),
}


def _built(given: Sequence[Source]) -> Build:
    """Until the build makes such lenses."""
    built: list[BuiltMigration] = []
    for n, source in enumerate(given):
        if not n:
            built.append(build([source]).migrations[0])
            continue
        texts = [s.sql for one in given[: n + 1] for s in statements(one)]
        schema = schema_of(texts, source.name)
        before = built[-1].schema if built else Schema({})
        lens = additive_lens(before, schema)
        additive = source.name not in _LENSES
        if not additive:
            lens = Lens((_LENSES[source.name],))
        mine = tuple(s.sql for s in statements(source))
        postgres = () if "DROP TABLE" in source.sql else mine
        nothing = Difference((), (), (), ())
        built.append(BuiltMigration(source, schema, nothing, mine, postgres, lens, additive))
    return Build(tuple(built))


@pytest.fixture(autouse=True)
def hand_built(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(migrating, "build", _built)
    yield
