"""An application of five versions: columns and tables are renamed, dropped and added, one under the
name of another that was dropped."""

from tests.integration.hub.hubs import sources

APP = (
    "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, title TEXT NOT NULL DEFAULT '',"
    " note TEXT, size INTEGER DEFAULT 0);"
    "CREATE TABLE parts (item INTEGER NOT NULL REFERENCES items, kind TEXT NOT NULL,"
    " n INTEGER DEFAULT 0, PRIMARY KEY (item, kind));",
    "ALTER TABLE items RENAME COLUMN title TO name;\n"
    "-- @drop items.note down='none'\nALTER TABLE items DROP COLUMN note;"
    "ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE items RENAME TO things;",
    "-- @drop parts\nDROP TABLE parts;",
    "ALTER TABLE things ADD COLUMN note TEXT NOT NULL DEFAULT 'again';",
)
VERSIONS = [source.name for source in sources(*APP)]
